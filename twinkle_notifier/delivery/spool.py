"""Messages that could not be delivered: files in the state folder, which go out when they can.

A folder for each channel. A letter appears whole or not at all, and is taken away once its message is accepted.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.delivery.letter import Event, Letter, digest, id_of
from twinkle_notifier.delivery.spool_files import SUFFIX, Found, Waiting, look, problem, put_aside, tidy
from twinkle_notifier.messages.markdown import title
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.ownership import check_folder

_ROOM = "spool"
_KEPT = 500  # letters of one channel
_KEPT_FOR = 7 * 86400.0  # seconds since a letter was tried for the first time
_TEXT = 200_000  # characters of one letter
_SINGLE = 10  # letters for one notifier that go out one by one; a robot takes twenty messages a minute
_ENOUGH = 10.0  # seconds that a message must have left, of a flush that has a bound
_DROPPED = "dropped"  # the file that counts what was given up
_DIGITS = 20  # bytes of that
_NAMED = 20  # problems of one folder that are named

log: logging.Logger = logging.getLogger("twinkle_notifier")

Deliver = Callable[[Letter, Message], Outcome]


@dataclass(frozen=True)
class Flushed:
    """What became of a channel's letters.

    Events told; letters left, why, and seconds until it is worth another try. `skipped` are those that cannot go out
    from here, whatever the robot says: no letter, another user's, or nobody to send it to; `problems` names them.
    """

    told: int = 0
    left: int = 0
    why: str = ""
    retry_after: float | None = None
    skipped: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: Flushed) -> Flushed:
        """What became of the letters of two channels, or of one in two folders."""
        pauses = [pause for pause in (self.retry_after, other.retry_after) if pause is not None]
        return Flushed(
            self.told + other.told,
            self.left + other.left,
            other.why or self.why,
            min(pauses, default=None),
            self.skipped + other.skipped,
            self.problems + other.problems,
        )


class Spool:
    """The letters of one channel. Its methods raise OSError when the folder does not work; `flush` does not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def everyone(cls, channel: str | None = None, roots: Sequence[Path] | None = None) -> list[Spool]:
        """Those of `channel`, or of all, in the folders `roots`.

        By default that is the state folder, and those where letters went while it did not work. Of all channels, a
        folder that cannot be looked into is one: its `flush` says so.
        """
        places = state_dir.roots() if roots is None else roots
        return [spool for root in places for spool in cls._in(root / _ROOM, channel)]

    @classmethod
    def _in(cls, room: Path, channel: str | None) -> list[Spool]:
        try:
            check_folder(str(room))
            names = sorted(os.listdir(room)) if channel is None else [channel]
        except FileNotFoundError:
            return []
        except OSError:
            return [cls(room)] if channel is None else []
        return [cls(room / name) for name in names if _may_hold_letters(room / name)]

    @property
    def name(self) -> str:
        """What tells it from others."""
        return str(self._folder)

    @classmethod
    def keep(cls, channel: str, message: str, why: str, notifier: dict[str, Any] | None) -> None:
        """Keep a message for `channel` in the first folder that takes the whole of it. Raises OSError if none does."""
        state_dir.within((_ROOM, channel), lambda folder: cls(folder).add(message, why, notifier))

    def add(self, message: str, why: str, notifier: dict[str, Any] | None) -> None:
        """Keep a message; one with the id of another replaces it."""
        text, now = message[:_TEXT], time.time()
        letter = Letter(id_of(message), text, now, why, notifier, (Event(_headline(text), now),))
        state_dir.replace(self._path(letter.id), letter.dump())

    def remove(self, message: str) -> None:
        """Forget a message, which another try has delivered. If that fails it goes out again, with the same id."""
        with suppress(OSError):
            self._path(id_of(message)).unlink()

    def letters(self) -> list[Letter]:
        """What is waiting, oldest first."""
        return [each.letter for each in look(self._folder).waiting()]

    def listed(self) -> tuple[list[Letter], list[str]]:
        """The letters that wait, oldest first, and what stands in the way. Nothing is changed; raises no OSError."""
        try:
            check_folder(str(self._folder))
            found = look(self._folder)
        except FileNotFoundError:  # the folder is gone
            return [], []
        except OSError as error:
            return [], [problem(self._folder, "cannot be used", error)]
        damaged = [f"{path} holds no message" for path in found.damaged]
        return [each.letter for each in found.waiting()], [*found.unreadable.values(), *damaged]

    def flush(self, deliver: Deliver, *, apart: bool = False) -> Flushed:
        """Hand the letters to `deliver`, until one is not accepted. One process at a time; others return at once.

        `apart`: each goes to a notifier of its own, and one that is not accepted holds up only those for the same
        notifier. A letter whose outcome is ``skipped`` holds up none. Never raises OSError.
        """
        try:
            check_folder(str(self._folder))
            found = look(self._folder)
            if not os.access(self._folder, os.W_OK | os.X_OK):  # what is sent could not be taken away
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._folder))
            with state_dir.locked(self._lock(), 0.0) as mine:
                if mine is None:
                    return Flushed(0, len(found.waiting()), "another process is sending them")
                work = _Work(self._folder, deliver, apart)
                work.do(look(self._folder))
                return work.result()
        except FileNotFoundError:  # the folder is gone
            return Flushed()
        except (PermissionError, NotADirectoryError) as error:
            return Flushed(skipped=1, problems=(problem(self._folder, "cannot be used", error),))
        except OSError as error:
            return Flushed(0, 1, problem(self._folder, "does not work", error))

    def _lock(self) -> Path:
        """The file whose lock is held while letters are sent: another user's process sends other letters than this."""
        path = self._folder / "lock"
        with suppress(FileNotFoundError):
            if path.lstat().st_uid != os.geteuid():
                return self._folder / f"lock-{os.geteuid()}"
        return path

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


class _Work:
    """One flush of one folder, whose lock is held."""

    def __init__(self, folder: Path, deliver: Deliver, apart: bool) -> None:
        self._folder, self._hand_over, self._apart = folder, deliver, apart
        self._sent, self._left, self._skipped, self._why = 0, 0, 0, ""
        self._pauses: list[float] = []
        self._problems: list[str] = []
        self._closed: set[str] = set()  # notifiers that take nothing now

    def result(self) -> Flushed:
        """What has become of the letters."""
        named, more = self._problems[:_NAMED], len(self._problems) - _NAMED
        problems = (*named, *([f"{self._folder} holds {more} more that cannot be sent"] if more > 0 else []))
        return Flushed(self._sent, self._left, self._why, min(self._pauses, default=None), self._skipped, problems)

    def do(self, found: Found) -> None:
        """Put aside what is no letter, and send the others."""
        for unreadable in found.unreadable.values():
            self._skip(unreadable)
        for path in found.damaged:
            self._put_aside(path)
        for part in found.parts():
            self._take_away(part)
        tidy(self._folder, time.time() - _KEPT_FOR)
        waiting = found.waiting()
        too_many = max(len(waiting) - _KEPT, 0)
        self._give_up(waiting[:too_many])
        for each in self._merged(waiting[too_many:]):
            self._send(each)

    def _send(self, each: Waiting) -> None:
        goes_to = each.letter.goes_to() if self._apart else ""
        if isolation.remaining() < _ENOUGH:  # this one would be cut off halfway, and sent again
            self._left, self._why = self._left + 1, self._why or "there was no time for more"
        elif goes_to in self._closed:
            self._left += 1
            self._stays(each)
        else:
            dropped = self._dropped()
            outcome = self._hand_over(each.letter, each.letter.message(dropped))
            if outcome.status == "sent":
                self._sent += each.letter.count()
                self._count_dropped(-dropped)
            if outcome.status in ("sent", "duplicate"):
                self._take_away(each)
            else:
                self._not_sent(each, outcome, goes_to)

    def _not_sent(self, each: Waiting, outcome: Outcome, goes_to: str) -> None:
        if outcome.status == "skipped":  # it was handed to nobody, so its time has not begun
            self._skip(f"{each.paths[0]} cannot be sent: {outcome.reason}")
            return
        self._left, self._why = self._left + 1, outcome.reason
        if not outcome.final:  # one that is refused for good holds up no other
            self._closed.add(goes_to)
            self._pauses += [outcome.retry_after] if outcome.retry_after is not None else []
        self._stays(each)

    def _stays(self, each: Waiting) -> None:
        """It could not be sent now: it is given up if that began long ago. Whatever its age, it was tried by then."""
        if not each.letter.tried:
            with suppress(OSError):  # a disk that is full: it stays for longer
                if each.paths[0].exists():  # else another process has delivered it meanwhile
                    state_dir.replace(each.paths[0], replace(each.letter, tried=True).dump())
        elif time.time() - each.written > _KEPT_FOR:  # since it was marked
            self._give_up([each])

    def _merged(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Those for one notifier as a digest, if there are many; oldest first."""
        groups: dict[str, list[Waiting]] = {}
        for each in waiting:
            groups.setdefault(each.letter.goes_to(), []).append(each)
        merged = [one for group in groups.values() for one in (self._digest(group) if len(group) > _SINGLE else group)]
        return sorted(merged, key=lambda each: each.letter.at)

    def _digest(self, group: list[Waiting]) -> list[Waiting]:
        """One digest of them all: written first, so that whenever this is killed each event is in one letter."""
        letter = digest([each.letter for each in group])
        path = self._folder / f"{letter.id}{SUFFIX}"
        try:
            state_dir.replace(path, letter.dump())
        except OSError:  # a disk that is full is no reason to send nothing
            return group
        for each in group:
            self._take_away(each)
        return [Waiting(letter, (path,), time.time())]

    def _give_up(self, waiting: Sequence[Waiting]) -> None:
        events = sum(each.letter.count() for each in waiting)
        if waiting:
            log.error(
                "%d messages that could not be sent were dropped: the queue was full, or they were too old", events
            )
            self._count_dropped(events)
        for each in waiting:
            self._take_away(each)

    def _put_aside(self, path: Path) -> None:
        try:
            self._skip(f"{path} holds no message; it is put aside as {put_aside(path).name}")
        except OSError as error:
            self._skip(f"{path} holds no message, and cannot be put aside: {error.strerror}")

    def _take_away(self, each: Waiting) -> None:
        for path in each.paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._skip(f"{path} cannot be removed, and is sent again: {error.strerror}")

    def _skip(self, problem: str) -> None:
        self._skipped += 1
        self._problems.append(problem)

    def _dropped(self) -> int:
        with suppress(OSError, ValueError):
            return max(int(state_dir.contents(self._folder / _DROPPED, _DIGITS)), 0)
        return 0

    def _count_dropped(self, more: int) -> None:
        if more:
            with suppress(OSError):  # a count is not worth a message
                state_dir.replace(self._folder / _DROPPED, str(self._dropped() + more).encode())


def _may_hold_letters(path: Path) -> bool:
    """Whether it is a folder, or cannot be looked at, as its `flush` then says. One that is gone hides no other."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _headline(text: str) -> str:
    return title(text, 200) or "a message"
