"""The spool: messages that could not be delivered, as files in the state folder, until they can be.

Each channel has a folder. A letter's file appears whole or not at all, and is removed once its message is accepted.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from twinkle_notifier import isolation, system
from twinkle_notifier.delivery.descriptor import channel as channel_of
from twinkle_notifier.delivery.descriptor import for_the_disk
from twinkle_notifier.delivery.digest import digest
from twinkle_notifier.delivery.letter import (
    SUFFIX,
    Event,
    Found,
    Letter,
    Waiting,
    id_of,
    look,
    problem,
    put_aside,
    tidy,
)
from twinkle_notifier.messages.markdown import title
from twinkle_notifier.messages.message import Message, Outcome, level_of, may_call
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.ownership import check_folder

_ROOM = "spool"
_KEPT = 500  # letters of one channel
_KEPT_FOR = 7 * 86400.0  # seconds since a letter was tried for the first time
_TEXT = 200_000  # characters of one letter
_SINGLE = 10  # letters for one notifier that go out one by one; a robot takes twenty messages a minute
_ENOUGH = 10.0  # seconds that a flush with a bound must have left to begin with a letter
_DROPPED = "dropped"  # the file that counts the events that were dropped
_DIGITS = 20  # bytes of that
_NAMED = 20  # problems of one folder that a flush names

log: logging.Logger = logging.getLogger("twinkle_notifier")

Deliver = Callable[[Letter, Message], Outcome]


class Flushed(NamedTuple):
    """The result of a flush.

    `sent` counts events. `left` letters stay, because of `why`, and may be tried again after `retry_after` seconds.
    `skipped` files cannot be sent from here, whatever the robot says: no letter, another user's, or no notifier for it;
    `problems` names them.
    """

    sent: int = 0
    left: int = 0
    why: str = ""
    retry_after: float | None = None
    skipped: int = 0
    problems: tuple[str, ...] = ()

    def plus(self, other: Flushed) -> Flushed:
        """The result of both."""
        pauses = [pause for pause in (self.retry_after, other.retry_after) if pause is not None]
        return Flushed(
            self.sent + other.sent,
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
        """The spools of `channel`, or of all channels, in the folders `roots`.

        By default those are the state folder, and the folders that took letters while it did not work. Among all
        channels, a folder that cannot be read counts as a spool: its `flush` says so.
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
        """The path of its folder."""
        return str(self._folder)

    @classmethod
    def of(cls, notifier: Callable[[str], object]) -> list[Spool]:
        """The spools of the channel that `notifier` sends to."""
        return cls.everyone(channel_of(notifier))

    @classmethod
    def keep(cls, notifier: Callable[[str], object], message: Message, outcome: Outcome) -> str:
        """Keep a message that `notifier` could not send, without its secrets. Returns the channel.

        Raises OSError if no folder takes it.
        """
        channel = channel_of(notifier)
        hidden, described = for_the_disk(notifier, message)
        cls.put(channel, hidden, outcome.reason, described)
        return channel

    @classmethod
    def put(cls, channel: str, message: str, why: str, described: dict[str, Any] | None) -> None:
        """Keep a message for `channel` in the first folder that takes the whole of it. Raises OSError if none does."""
        state_dir.within((_ROOM, channel), lambda folder: cls(folder).add(message, why, described))

    def add(self, message: str, why: str, described: dict[str, Any] | None) -> None:
        """Keep a message. It replaces one with the same id."""
        event = Event(title(message[:_TEXT], 200) or "a message", time.time())
        letter = Letter(id_of(message), message[:_TEXT], event.at, why, described, (event,))
        letter = letter._replace(level=level_of(message), calls=may_call(message))
        state_dir.replace(self._path(letter.id), letter.dump())

    def remove(self, message: str) -> None:
        """Remove a message that another try has delivered. If that fails it goes out again, with the same id."""
        with suppress(OSError):
            self._path(id_of(message)).unlink()

    def letters(self) -> list[Letter]:
        """The letters that wait, oldest first."""
        return [each.letter for each in look(self._folder).waiting()]

    def listed(self) -> tuple[list[Letter], list[str]]:
        """The letters that wait, oldest first, and the problems. Changes nothing; raises no OSError."""
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

        `apart`: each letter goes to its own notifier, and one that is not accepted delays only those for the same
        notifier. A letter whose outcome is ``skipped`` delays none. Never raises OSError.
        """
        try:
            check_folder(str(self._folder))
            found = look(self._folder)
            if not os.access(self._folder, os.W_OK | os.X_OK):  # a letter that is sent could not be removed
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._folder))
            with state_dir.locked(self._lock(), 0.0) as mine:
                if mine is None:
                    return Flushed(left=len(found.waiting()), why="another process is sending them")
                return _Flush(self._folder, deliver, apart).run(look(self._folder))
        except FileNotFoundError:  # the folder is gone
            return Flushed()
        except (PermissionError, NotADirectoryError) as error:
            return Flushed(skipped=1, problems=(problem(self._folder, "cannot be used", error),))
        except OSError as error:
            return Flushed(left=1, why=problem(self._folder, "does not work", error))

    def _lock(self) -> Path:
        """The file whose lock is held while letters are sent: another user's process sends other letters than this."""
        path = self._folder / "lock"
        with suppress(FileNotFoundError):
            if path.lstat().st_uid != system.user():
                return self._folder / f"lock-{system.user()}"
        return path

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


class _Flush:
    """One flush of one folder, whose lock is held."""

    def __init__(self, folder: Path, deliver: Deliver, apart: bool) -> None:
        self._folder, self._deliver, self._apart = folder, deliver, apart
        self._result = Flushed()
        self._closed: set[str] = set()  # notifiers that take nothing now

    def run(self, found: Found) -> Flushed:
        """Put aside what is no letter, and send the letters."""
        for unreadable in found.unreadable.values():
            self._skip(unreadable)
        for path in found.damaged:
            self._put_aside(path)
        for part in found.parts():
            self._remove(part)
        tidy(self._folder, time.time() - _KEPT_FOR)
        waiting = found.waiting()
        too_many = max(len(waiting) - _KEPT, 0)
        self._drop(waiting[:too_many])
        for each in self._merged(waiting[too_many:]):
            self._send(each)
        named, more = self._result.problems[:_NAMED], len(self._result.problems) - _NAMED
        rest = (f"{self._folder} holds {more} more that cannot be sent",) if more > 0 else ()
        return self._result._replace(problems=(*named, *rest))

    def _send(self, each: Waiting) -> None:
        goes_to = each.letter.goes_to() if self._apart else ""
        if isolation.remaining() < _ENOUGH:  # this one would be cut off halfway, and sent again
            self._result = self._result.plus(Flushed(left=1, why=self._result.why or "there was no time for more"))
        elif goes_to in self._closed:
            self._result = self._result.plus(Flushed(left=1))
            self._stays(each)
        else:
            dropped = self._dropped()
            outcome = self._deliver(each.letter, each.letter.message(dropped))
            if outcome.status == "sent":
                self._result = self._result.plus(Flushed(sent=each.letter.event_count()))
                self._count_dropped(-dropped)
            if outcome.status in ("sent", "duplicate"):
                self._remove(each)
            else:
                self._not_sent(each, outcome, goes_to)

    def _not_sent(self, each: Waiting, outcome: Outcome, goes_to: str) -> None:
        if outcome.status == "skipped":  # nobody was asked to send it, so its week has not begun
            self._skip(f"{each.paths[0]} cannot be sent: {outcome.reason}")
            return
        if outcome.final:  # one that is refused for good delays no other
            self._result = self._result.plus(Flushed(left=1, why=outcome.reason))
        else:
            self._closed.add(goes_to)
            self._result = self._result.plus(Flushed(left=1, why=outcome.reason, retry_after=outcome.retry_after))
        self._stays(each)

    def _stays(self, each: Waiting) -> None:
        """Mark a letter that could not be sent now; drop it a week after its mark. Each is tried, however old it is."""
        if not each.letter.tried:
            with suppress(OSError):  # a disk that is full: it stays for longer
                if each.paths[0].exists():  # else another process has delivered it meanwhile
                    state_dir.replace(each.paths[0], each.letter._replace(tried=True).dump())
        elif time.time() - each.written > _KEPT_FOR:  # since it was marked
            self._drop([each])

    def _merged(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """The letters, oldest first. Many for one notifier become a digest."""
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
            self._remove(each)
        return [Waiting(letter, (path,), time.time())]

    def _drop(self, waiting: Sequence[Waiting]) -> None:
        events = sum(each.letter.event_count() for each in waiting)
        if waiting:
            log.error(
                "%d messages that could not be sent were dropped: the queue was full, or they were too old", events
            )
            self._count_dropped(events)
        for each in waiting:
            self._remove(each)

    def _put_aside(self, path: Path) -> None:
        try:
            self._skip(f"{path} holds no message; it is put aside as {put_aside(path).name}")
        except OSError as error:
            self._skip(f"{path} holds no message, and cannot be put aside: {error.strerror}")

    def _remove(self, each: Waiting) -> None:
        for path in each.paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._skip(f"{path} cannot be removed, and is sent again: {error.strerror}")

    def _skip(self, problem: str) -> None:
        self._result = self._result.plus(Flushed(skipped=1, problems=(problem,)))

    def _dropped(self) -> int:
        with suppress(OSError, ValueError):
            return max(int(state_dir.contents(self._folder / _DROPPED, _DIGITS)), 0)
        return 0

    def _count_dropped(self, more: int) -> None:
        if more:
            with suppress(OSError):  # a count is not worth a message
                state_dir.replace(self._folder / _DROPPED, str(self._dropped() + more).encode())


def _may_hold_letters(path: Path) -> bool:
    """Whether `path` is a folder, or cannot be looked at; then its `flush` says so."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        return True
