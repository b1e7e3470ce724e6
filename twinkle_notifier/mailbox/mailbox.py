"""The mailbox: a folder of files by which a run's processes report to the supervisor above them.

A process notes which incident it is about to send, and that it was sent; how it left; how far it got. Without a
supervisor all of this does nothing.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.exceptions.chain import behind_hidden, chain
from twinkle_notifier.mailbox.notes import Beat, By, End, Leave, Note, Restart, State, loaded
from twinkle_notifier.messages.message import Message
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.launcher import Where, run_key
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.stored import Stored, fields_of, hashed

VARIABLE = "TWINKLE_NOTIFIER_SUPERVISOR"  # names the folder
RUN_NAME = "TWINKLE_NOTIFIER_ATTACH_NAME"  # what the supervisor calls the run: attached callbacks call it so, too
HOLDER = "supervisor.json"  # who the supervisor is: a `Holder`
_ROOM = "supervised"
_BUDGET = 2.0  # seconds for the disk
_MOST = 8_000_000  # bytes of one file

Dated = TypeVar("Dated", Note, End, Restart)
T = TypeVar("T")

log: logging.Logger = logging.getLogger("twinkle_notifier")
_exit_hook_is_installed = False


class Mailbox:
    """The folder, for its writers and its reader. Its methods raise OSError when the folder does not work."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder

    @classmethod
    def begun(cls) -> Mailbox:
        """A new one, with this process as its supervisor."""

        def made(folder: Path) -> Mailbox:
            cls(folder)._write(HOLDER, fields_of(Holder.me()))
            return cls(folder)

        return state_dir.within((_ROOM, os.urandom(16).hex()), made)

    @classmethod
    def all(cls, roots: Sequence[Path] | None = None) -> Iterator[Mailbox]:
        """The mailboxes of this user's and root's supervisors, dead ones too; only those in `roots`, if given."""
        rooms = state_dir.everywhere(_ROOM)
        for room in (room for room in rooms if roots is None or room.parent in roots):
            for path in sorted(room.glob("*")):
                with suppress(OSError):  # it has just ended
                    if state_dir.is_trusted(path) and os.path.lexists(path / HOLDER):
                        yield cls(path)

    def holder(self) -> Holder | None:
        """The supervisor; None if the file that names it is damaged. Raises OSError if that cannot be read."""
        with suppress(ValueError):
            return Holder.load(self._read(HOLDER))
        return None

    def is_alive(self) -> bool:
        """Whether its supervisor lives, as far as this process can see."""
        with suppress(OSError):
            holder = self.holder()
            return holder is not None and not holder.dead()
        return False

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def record(self, note: Note) -> None:
        """Write `note`; it replaces the one by the same process on the same incident."""
        self._write(f"{note.holder.pid}-{hashed(note.incident, errors='replace')}.word", fields_of(note))

    def notes(self) -> list[Note]:
        """All notes, oldest first."""
        return self._in_order("*.word", Note)

    def forget(self, note: Note) -> None:
        """Remove `note`, whatever its file is called."""
        for name, other in self._all("*.word", Note).items():
            if other == note:
                (self.folder / f"{name}.word").unlink(missing_ok=True)

    def leave(self, leave: Leave) -> None:
        """Record how this process leaves."""
        self._write(f"{os.getpid()}.leave", fields_of(leave))

    def leaves(self) -> dict[int, Leave]:
        """How processes left, by process ID."""
        found = self._all("*.leave", Leave)
        return {int(name): leave for name, leave in found.items() if name.isdecimal()}

    def beat(self, beat: Beat) -> None:
        """Record how this rank progresses."""
        self._write(f"{os.getpid()}.beat", fields_of(beat))

    def beats(self) -> list[Beat]:
        """How the ranks progress."""
        return list(self._all("*.beat", Beat).values())

    def record_run(self, notifier: dict[str, Any] | None) -> None:
        """Record the key that this run has on all its nodes, and its notifier's description."""
        self._write("run.json", {"key": _run_of_nodes(), "notifier": notifier})

    def run(self) -> dict[str, Any]:
        """What `record_run` has written, or nothing."""
        with suppress(OSError, ValueError):
            fields = self._read("run.json")
            return {"key": fields.text_or_none("key"), "notifier": fields.dict_or_none("notifier")}
        return {}

    def record_checkpoint(self, path: str) -> None:
        """Record where the last checkpoint is."""
        self._write("checkpoint.json", {"path": path})

    def checkpoint(self) -> str:
        """Where the last checkpoint is, or an empty text."""
        with suppress(OSError, ValueError):
            return self._read("checkpoint.json").text("path")
        return ""

    def record_reached(self, lines: Sequence[str]) -> None:
        """Record how far a training got that ended well: list items of Markdown."""
        self._write("reached.json", {"lines": list(lines)})

    def reached(self) -> list[str]:
        """What `record_reached` has written last, or nothing."""
        with suppress(OSError, ValueError):
            return [line for line in self._read("reached.json").items("lines") if isinstance(line, str)]
        return []

    def ends(self) -> list[End]:
        """The recorded ends of Python processes, oldest first: see `attach`."""
        return self._in_order("*.end", End)

    def restarts(self) -> list[Restart]:
        """When torchrun's agents started their ranks again, oldest first."""
        return self._in_order("*.restart", Restart)

    def damaged(self) -> list[Path]:
        """The files of notes that cannot be read."""
        names = self._all("*.word", Note)
        return [path for path in sorted(self.folder.glob("*.word")) if path.stem not in names]

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        # Not synced: the readers are on this machine. A file must outlive this process, not a loss of power.
        state_dir.replace(self.folder / name, json.dumps(fields).encode("utf-8", "replace"), sync=False)

    def _read(self, name: str) -> Stored:
        """What a file holds; any process may have written it. Raises OSError or ValueError."""
        return Stored.read(state_dir.contents(self.folder / name, _MOST))

    def _in_order(self, pattern: str, kind: type[Dated]) -> list[Dated]:
        return sorted(self._all(pattern, kind).values(), key=lambda one: one.at)

    def _all(self, pattern: str, kind: type[T]) -> dict[str, T]:
        """What the files hold, by their names; those that cannot be read are left out."""
        found: dict[str, T] = {}
        for path in self.folder.glob(pattern):
            with suppress(OSError, ValueError):  # damaged, or of another version
                found[path.stem] = loaded(kind, self._read(path.name))
        return found


def report(work: Callable[[Mailbox], T], turn: threading.Lock | None = None) -> T | None:
    """Do `work` with the mailbox of the supervisor above this process, within 2 s. None without one. Never raises.

    `turn`: for what is done again and again; nothing is, while the last with it waits for the disk.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    mailbox = Mailbox(Path(path))
    if turn is not None and not turn.acquire(blocking=False):
        return None

    def done() -> T | None:
        try:
            return work(mailbox) if mailbox.is_alive() else None
        finally:
            if turn is not None:
                turn.release()

    answer = isolation.call(done, _BUDGET)
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
    """A note by this process, now."""
    made = Note(state, incident, kind, Holder.me(), Where.here().rank, time.time(), _run_of_nodes())
    if message is None:
        return made
    return made._replace(text=str(message), id=message.id, notifier=notifier, level=message.level, calls=message.calls)


def _run_of_nodes() -> str | None:
    """The key of this run on all its nodes; None if it has one node, where one supervisor sees all of it."""
    where = Where.here()
    return run_key(where) if where.local_world_size < where.world_size else None


def install_exit_hook(is_known: Callable[[BaseException], bool]) -> None:
    """Record how this process leaves, at its end. `is_known`: whether the process has reported an exception."""
    global _exit_hook_is_installed
    if not _exit_hook_is_installed:
        _exit_hook_is_installed = True
        leave = functools.cache(lambda: _leave(is_known))  # once
        atexit.register(leave)
        # Before Python waits, perhaps for ever, for the program's threads. A private function of the standard library.
        with suppress(KeyError, RuntimeError):  # another version of Python; the process is ending
            vars(threading)["_register_atexit"](leave)


def _leave(is_known: Callable[[BaseException], bool]) -> None:
    # What ended the interpreter, unless that is SystemExit.
    last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    by: By = "exit" if last is None else "it" if any(map(is_known, chain(last, following=behind_hidden))) else "other"
    report(lambda to: to.leave(Leave(by, time.time())))
