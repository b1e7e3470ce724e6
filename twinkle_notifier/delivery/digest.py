"""One message about many that had to wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from twinkle_notifier.delivery.letter import Event, Letter, clock
from twinkle_notifier.messages.message import derived_id

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
    return f"- {clock(event.at)}: {event.headline}{times}"
