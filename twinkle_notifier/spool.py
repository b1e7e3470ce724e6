"""Messages that could not be delivered: files in the state folder, which go out when they can.

A folder for each channel. A letter appears whole or not at all, and is taken away once its message is accepted.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

from twinkle_notifier import folders, foreign
from twinkle_notifier.channels.markdown import title
from twinkle_notifier.message import Message, Outcome

_ROOM = "spool"
_KEPT = 500  # letters of one channel
_KEPT_FOR = 7 * 86400.0  # seconds
_TEXT = 200_000  # characters of one letter
_SINGLE = 10  # letters that go out one by one; a robot takes twenty messages a minute
_LISTED = 6_000  # bytes of the list in a digest; a robot takes 18,000 in all
_EVENTS = 200  # different ones that a digest knows
_OTHERS = "others"  # the event that counts the rest
_ENOUGH = 10.0  # seconds that a message must have left, of a flush that has a bound
_DROPPED = "dropped"  # the file that counts what was given up

log = logging.getLogger("twinkle_notifier")


@dataclass(frozen=True)
class Event:
    """What a letter tells of, in a line; a digest tells of many."""

    headline: str
    at: float
    count: int = 1


@dataclass(frozen=True)
class Letter:
    """A message that waits. It holds no credentials: `notifier` is a description without literal secrets."""

    id: str
    text: str
    at: float
    why: str
    notifier: dict[str, Any] | None
    events: tuple[Event, ...]
    covers: tuple[str, ...] = ()  # the letters that were merged into this one

    @classmethod
    def load(cls, data: bytes) -> Letter | None:
        """As stored; None for what is no letter."""
        try:
            stored = dict(json.loads(data))
            fields = {field.name: stored[field.name] for field in dataclass_fields(cls)}  # a newer version writes more
            events = [Event(str(e["headline"]), float(e["at"]), int(e["count"])) for e in fields["events"]]
            return cls(**{**fields, "events": tuple(events), "covers": tuple(fields["covers"])})
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "replace")

    def newest(self) -> float:
        """When the last thing happened that it tells of, in seconds since 1970."""
        return max([self.at, *(event.at for event in self.events)])

    def message(self, dropped: int = 0) -> Message:
        """What goes out, in the end, with the same id as at the first try."""
        note = f"- Delayed: this waited since {_clock(self.at)} ({self.why})"
        lost = f"\n- Given up before it: {dropped} older messages, for want of room or time" if dropped else ""
        head, blank, rest = self.text.partition("\n\n")
        return Message(f"{head}\n\n{note}{lost}\n{rest}" if blank else f"{head}\n\n{note}{lost}", self.id)


@dataclass(frozen=True)
class Flushed:
    """What became of a channel's letters: events told, letters left, why, and seconds until it is worth another try."""

    told: int = 0
    left: int = 0
    why: str = ""
    retry_after: float | None = None


class Spool:
    """The letters of one channel. Its methods raise OSError when the folder does not work."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, channel: str) -> Spool:
        """That of `channel`, in the state folder."""
        return cls(folders.folder(_ROOM, channel))

    @classmethod
    def everyone(cls, channel: str = "*") -> list[Spool]:
        """Those of `channel`, or of all, in the state folder and where letters went while it did not work."""
        return [
            cls(path) for root in folders.roots() for path in sorted(root.glob(f"{_ROOM}/{channel}")) if path.is_dir()
        ]

    @property
    def name(self) -> str:
        """What tells it from others."""
        return str(self._folder)

    def add(self, message: str, why: str, notifier: dict[str, Any] | None) -> None:
        """Keep a message; one with the id of another replaces it."""
        text, now = message[:_TEXT], time.time()
        name = getattr(message, "id", None) or uuid.uuid4().hex
        event = Event(_headline(text), now)
        letter = Letter(name, text, now, why, notifier, (event,))
        folders.replace(self._path(letter.id), letter.dump())

    def remove(self, message: str) -> None:
        """Forget a message, which another try has delivered."""
        if name := getattr(message, "id", None):
            self._path(name).unlink(missing_ok=True)

    def letters(self) -> list[Letter]:
        """What is waiting, oldest first."""
        found = [letter for path in self._folder.glob("*.json") if (letter := _read(path)) is not None]
        covered = {name for letter in found for name in letter.covers}
        for letter in [letter for letter in found if letter.id in covered]:  # killed between the digest and its parts
            self._path(letter.id).unlink(missing_ok=True)
        return sorted((letter for letter in found if letter.id not in covered), key=lambda letter: letter.at)

    def flush(self, deliver: Callable[[Letter, Message], Outcome]) -> Flushed:
        """Hand the letters to `deliver`, until one is not accepted. One process at a time; others return at once."""
        with folders.locked(self._folder / "lock", 0.0) as mine:
            if mine is None:
                return Flushed(0, len(self.letters()), "another process is sending them")
            self._tidy()
            waiting = self.letters()
            if len(waiting) > _SINGLE:
                waiting = [self._merge(waiting)]
            return self._deliver(waiting, deliver)

    def _deliver(self, waiting: Sequence[Letter], deliver: Callable[[Letter, Message], Outcome]) -> Flushed:
        result = Flushed()
        for number, letter in enumerate(waiting):
            if foreign.left() < _ENOUGH:  # this one would be cut off halfway, and sent again
                left = result.left + len(waiting) - number
                return replace(result, left=left, why=result.why or "there was no time for more")
            dropped = self._dropped()
            outcome = deliver(letter, letter.message(dropped))
            if outcome.status in ("sent", "duplicate"):
                self._path(letter.id).unlink(missing_ok=True)
                if dropped:
                    self._count_dropped(-dropped)
                result = replace(result, told=result.told + sum(event.count for event in letter.events))
            elif outcome.final:  # it is refused for good, those behind it may not be
                result = replace(result, left=result.left + 1, why=outcome.reason)
            else:
                left = result.left + len(waiting) - number
                return replace(result, left=left, why=outcome.reason, retry_after=outcome.retry_after)
        return result

    def _merge(self, waiting: Sequence[Letter]) -> Letter:
        """One digest of them all: written first, so that whenever this is killed each event is in one letter."""
        covers = tuple(letter.id for letter in waiting)
        events = _bounded(_collapsed(event for letter in waiting for event in letter.events))
        text = _digest(events, waiting)
        name = uuid.uuid5(uuid.NAMESPACE_OID, "".join(sorted(covers))).hex
        digest = Letter(name, text, waiting[0].at, waiting[-1].why, waiting[-1].notifier, tuple(events), covers)
        folders.replace(self._path(name), digest.dump())
        for letter in waiting:
            self._path(letter.id).unlink(missing_ok=True)
        return digest

    def _tidy(self) -> None:
        letters, now = self.letters(), time.time()
        old = [letter for letter in letters if now - letter.newest() > _KEPT_FOR]
        fresh = [letter for letter in letters if letter not in old]
        given_up = old + fresh[: max(len(fresh) - _KEPT, 0)]
        if given_up:
            events = sum(event.count for letter in given_up for event in letter.events)
            log.error("%d messages that could not be sent were given up, for want of room or time", events)
            self._count_dropped(events)
        for letter in given_up:
            self._path(letter.id).unlink(missing_ok=True)
        for path in [*self._folder.glob("draft-*"), *self._folder.glob("*.damaged")]:  # left by who was killed
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > _KEPT_FOR:
                    path.unlink()

    def _dropped(self) -> int:
        with suppress(OSError, ValueError):
            return int((self._folder / _DROPPED).read_text())
        return 0

    def _count_dropped(self, more: int) -> None:
        folders.replace(self._folder / _DROPPED, str(self._dropped() + more).encode())

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _read(path: Path) -> Letter | None:
    with suppress(FileNotFoundError):  # another process has just sent it
        letter = Letter.load(path.read_bytes())
        if letter is not None:
            return letter
        log.error("%s holds no letter; it is put aside as %s.damaged", path, path.name)
        path.rename(f"{path}.damaged")
    return None


def _headline(text: str) -> str:
    return title(text, 200) or "a message"


def _collapsed(events: Iterator[Event]) -> list[Event]:
    """Equal headlines once, with their number, in the order in which they came first."""
    found: dict[str, Event] = {}
    for event in events:
        known = found.get(event.headline)
        count, at = (known.count + event.count, max(known.at, event.at)) if known else (event.count, event.at)
        found[event.headline] = Event(event.headline, at, count)
    return list(found.values())


def _bounded(events: list[Event]) -> list[Event]:
    """At most `_EVENTS` of them; the others are one, which counts them."""
    if len(events) <= _EVENTS:
        return events
    others = [event for event in events[_EVENTS - 1 :] if event.headline != _OTHERS]
    before = sum(event.count for event in events[_EVENTS - 1 :]) - sum(event.count for event in others)
    last = max(event.at for event in events)
    kept = [event for event in events[: _EVENTS - 1] if event.headline != _OTHERS]
    known = sum(event.count for event in events[: _EVENTS - 1] if event.headline == _OTHERS)
    return [*kept, Event(_OTHERS, last, sum(event.count for event in others) + before + known)]


def _digest(events: Sequence[Event], waiting: Sequence[Letter]) -> str:
    total = sum(event.count for event in events)
    listed, room = [], _LISTED
    for number, event in enumerate(events):
        room -= len(_line(event).encode("utf-8", "replace")) + 1
        if room < 0:
            listed.append(f"- and {sum(event.count for event in events[number:])} more")
            break
        listed.append(_line(event))
    first = next((letter for letter in waiting if not letter.covers), waiting[0])
    return (
        "\n".join([f"### {total} messages that had to wait", "", *listed]) + f"\n\nThe first of them:\n\n{first.text}"
    )


def _line(event: Event) -> str:
    times = f" ({event.count} times)" if event.count > 1 else ""
    return f"- {_clock(event.at)}: {event.headline}{times}"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
