"""A message that waits on the disk, as it is stored and as it goes out."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from twinkle_notifier.messages.message import Message, derived_id
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.runtime.stored import Stored, is_id

_COUNT = 10**9  # of one event; sums of many are read again
_WHY = 300  # characters of the reason that a delayed message gives


@dataclass(frozen=True)
class Event:
    """What a letter tells of, in a line; a digest tells of many."""

    headline: str
    at: float
    count: int = 1

    @classmethod
    def load(cls, fields: object) -> Event:
        """As stored. Raises ValueError for what is no event."""
        stored = Stored(fields)
        return cls(stored.text("headline"), stored.time("at"), min(stored.count("count", 1), _COUNT))


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
    tried: bool = False  # whether it was here already when its channel's messages were not accepted

    @classmethod
    def load(cls, data: bytes) -> Letter | None:
        """As stored; None for what is no letter. What a newer version writes more is left out."""
        try:
            stored = Stored.read(data)
            events = tuple(map(Event.load, stored.items("events")))
            name = stored.id("id")
            covers = tuple(other for other in stored.ids("covers") if other != name)
            return cls(
                name,
                stored.text("text"),
                stored.time("at"),
                stored.text("why"),
                stored.dict_or_none("notifier"),
                events,
                covers,
                stored.flag("tried") if stored.has("tried") else False,  # an older version writes none
            )
        except ValueError:
            return None

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "replace")

    def goes_to(self) -> str:
        """What letters for the same notifier have in common."""
        return json.dumps(self.notifier, sort_keys=True)

    def count(self) -> int:
        """How many events it tells of."""
        return sum(event.count for event in self.events)

    def message(self, dropped: int = 0) -> Message:
        """What goes out, in the end, with the same id as at the first try.

        The reason may hold words of a service or a proxy, which must not speak for us.
        """
        note = f"- Delayed: this waited since {clock(self.at)} ({line(self.why, _WHY)})"
        lost = f"\n- Dropped earlier: {dropped} messages (queue full or too old)" if dropped else ""
        head, blank, rest = self.text.partition("\n\n")
        return Message(f"{head}\n\n{note}{lost}\n{rest}" if blank else f"{head}\n\n{note}{lost}", self.id)


def id_of(message: str) -> str:
    """The id of `message`, as a letter of it is called; one that cannot be a file's name is hashed."""
    given = getattr(message, "id", None)
    if not given:
        return uuid.uuid4().hex
    return str(given) if is_id(given) else hashlib.sha256(str(given).encode("utf-8", "replace")).hexdigest()[:32]


def clock(at: float) -> str:
    """The time `at`, in seconds since 1970, as people read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


_LISTED = 6_000  # bytes of the list in a digest; a robot takes 18,000 in all
_EVENTS = 200  # different ones that a digest knows
_OTHERS = "others"  # the event that counts the rest


def digest(waiting: Sequence[Letter]) -> Letter:
    """All of `waiting`, oldest first and for one notifier, in one letter, whose id tells which they are."""
    covers = tuple(letter.id for letter in waiting)
    events = _bounded(_collapsed(event for letter in waiting for event in letter.events))
    name = derived_id("".join(sorted(covers)) + waiting[0].goes_to())
    return Letter(
        name, _text(events, waiting), waiting[0].at, waiting[-1].why, waiting[0].notifier, tuple(events), covers
    )


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


def _text(events: Sequence[Event], waiting: Sequence[Letter]) -> str:
    total = sum(event.count for event in events)
    listed, room = list[str](), _LISTED
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
    return f"- {clock(event.at)}: {event.headline}{times}"
