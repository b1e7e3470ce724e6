"""What a run's processes and the supervisor above them leave each other to read: files in a folder of theirs.

A process says which incident it is about to tell, and that it is told; how it left; how far it got. Without a
supervisor none of this does anything.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.mailbox import directory
from twinkle_notifier.mailbox.directory import VARIABLE as VARIABLE
from twinkle_notifier.mailbox.notes import Beat, End, Leave, Note, Restart, State
from twinkle_notifier.messages.message import Message
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.launcher import Where, run_key
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.stored import Stored

_BUDGET = 2.0  # seconds for the disk
_MOST = 8_000_000  # bytes of one file

Dated = TypeVar("Dated", Note, End, Restart)
T = TypeVar("T")

log: logging.Logger = logging.getLogger("twinkle_notifier")


class Mailbox:
    """The folder, from either side. Its methods raise OSError when it does not work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def begun(cls) -> Mailbox:
        """One of this process's own, which is the supervisor."""
        return cls(directory.opened())

    @classmethod
    def current(cls) -> Mailbox | None:
        """That of the supervisor above this process, if there is one and it lives."""
        path = os.environ.get(VARIABLE)
        if not path:
            return None
        supervision = cls(Path(path))
        return supervision if supervision.is_alive() else None

    @classmethod
    def all(cls, roots: Sequence[Path] | None = None) -> Iterator[Mailbox]:
        """Those of this user's supervisors, and of root's, whether they live or not; in `roots`, if these are given."""
        rooms = state_dir.everywhere(directory.ROOM)
        for room in (room for room in rooms if roots is None or room.parent in roots):
            for path in sorted(room.glob("*")):
                with suppress(OSError):  # it has just ended
                    if state_dir.is_trusted(path) and os.path.lexists(path / directory.HOLDER):
                        yield cls(path)

    def holder(self) -> Holder | None:
        """The supervisor; None if the file that names it is damaged. Raises OSError if that cannot be read."""
        try:
            return Holder.load(self._read(directory.HOLDER))
        except ValueError:
            return None

    def is_alive(self) -> bool:
        """Whether its supervisor is there, as far as can be seen from here."""
        try:
            holder = self.holder()
        except OSError:
            return False
        return holder is not None and not holder.dead()

    def close(self) -> None:
        """Take it away."""
        directory.close(self.folder)

    def say(self, word: Note) -> None:
        """Leave `word`; it replaces what the same process has said of the same incident."""
        self._write(f"{word.named()}.word", asdict(word))

    def words(self) -> list[Note]:
        """All of them, oldest first."""
        return self._in_order("*.word", Note.load)

    def forget(self, word: Note) -> None:
        """Take `word` away, whatever its file is called."""
        for name, other in self._all("*.word", Note.load).items():
            if other == word:
                (self.folder / f"{name}.word").unlink(missing_ok=True)

    def leave(self, leave: Leave) -> None:
        """Say how this process leaves."""
        self._write(f"{os.getpid()}.leave", asdict(leave))

    def leaves(self) -> dict[int, Leave]:
        """How processes left, by process id."""
        found = self._all("*.leave", Leave.load)
        return {int(name): leave for name, leave in found.items() if name.isdecimal()}

    def beat(self, beat: Beat) -> None:
        """Say how this rank gets on."""
        self._write(f"{os.getpid()}.beat", asdict(beat))

    def beats(self) -> list[Beat]:
        """How the ranks get on."""
        return list(self._all("*.beat", Beat.load).values())

    def tell_run(self, notifier: dict[str, Any] | None) -> None:
        """Say what this run is called among its nodes, and whom they would tell."""
        self._write("run.json", {"key": _run_of_nodes(), "notifier": notifier})

    def run(self) -> dict[str, Any]:
        """What `tell_run` has said, or nothing."""
        try:
            fields = self._read("run.json")
            return {"key": fields.text_or_none("key"), "notifier": fields.dict_or_none("notifier")}
        except (OSError, ValueError):
            return {}

    def tell_checkpoint(self, path: str) -> None:
        """Say where the last checkpoint is."""
        self._write("checkpoint.json", {"path": path})

    def checkpoint(self) -> str:
        """Where the last checkpoint is, if anybody said."""
        try:
            return self._read("checkpoint.json").text("path")
        except (OSError, ValueError):
            return ""

    def tell_reached(self, lines: Sequence[str]) -> None:
        """Say how far a training got that ended well: list items of Markdown."""
        self._write("reached.json", {"lines": list(lines)})

    def reached(self) -> list[str]:
        """What `tell_reached` has said last, or nothing."""
        try:
            return [line for line in self._read("reached.json").items("lines") if isinstance(line, str)]
        except (OSError, ValueError):
            return []

    def ends(self) -> list[End]:
        """How Python processes ended that wrote it down, oldest first: see `attach`."""
        return self._in_order("*.end", End.load)

    def restarts(self) -> list[Restart]:
        """When torchrun's agents started their ranks again, oldest first."""
        return self._in_order("*.restart", Restart.load)

    def damaged(self) -> list[Path]:
        """The words that cannot be read."""
        names = self._all("*.word", Note.load)
        return [path for path in sorted(self.folder.glob("*.word")) if path.stem not in names]

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        # Not synced, as in `directory`.
        state_dir.replace(self.folder / name, json.dumps(fields).encode("utf-8", "replace"), sync=False)

    def _read(self, name: str) -> Stored:
        """What a file holds, whoever wrote it. Raises OSError or ValueError."""
        return Stored.read(state_dir.contents(self.folder / name, _MOST))

    def _in_order(self, pattern: str, load: Callable[[Stored], Dated]) -> list[Dated]:
        return sorted(self._all(pattern, load).values(), key=lambda one: one.at)

    def _all(self, pattern: str, load: Callable[[Stored], T]) -> dict[str, T]:
        """What the files hold, by their names; those that cannot be read are left out."""
        found: dict[str, T] = {}
        for path in self.folder.glob(pattern):
            with suppress(OSError, ValueError):  # damaged, or of another version
                found[path.stem] = load(self._read(path.name))
        return found


def tell(work: Callable[[Mailbox], T]) -> T | None:
    """Do `work` with the folder of the supervisor above this process, in time; None if there is none. Never raises."""
    if VARIABLE not in os.environ:
        return None

    def in_it() -> T | None:
        supervision = Mailbox.current()
        return work(supervision) if supervision is not None else None

    answer = isolation.call(in_it, _BUDGET)
    if answer.error is not None:
        log.warning("a note to the supervisor cannot be written: %s", answer.error)
    return answer.value


def note(
    state: State,
    incident: str,
    kind: str,
    message: Message | None = None,
    notifier: dict[str, Any] | None = None,
) -> Note:
    """One of this process and moment."""
    said = Note(state, incident, kind, Holder.me(), Where.here().rank, time.time(), _run_of_nodes())
    return said if message is None else replace(said, text=str(message), id=message.id, notifier=notifier)


def _run_of_nodes() -> str | None:
    """What this run is called on all its nodes; None if it has but one, where one supervisor sees all of it."""
    where = Where.here()
    return run_key(where) if where.local_world_size < where.world_size else None
