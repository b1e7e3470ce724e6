"""Many letters for one notifier, in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twinkle_notifier.delivery.letter import Event, Letter, clock
from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.messages.message import LEVELS, Level, derived_id
from twinkle_notifier.runtime.language import language

_LISTED = 6_000  # bytes of the list in a digest; a robot takes 18,000 in all
_EVENTS = 200  # different events in a digest
_OTHERS = "others"  # the event that counts all further ones


def digest(waiting: Sequence[Letter]) -> Letter:
    """One letter for all of `waiting`, which are for one notifier, oldest first. Its id depends on which they are."""
    covers = tuple(letter.id for letter in waiting)
    events = _bounded(_collapsed(event for letter in waiting for event in letter.events))
    name = derived_id("".join(sorted(covers)) + waiting[0].goes_to())
    return Letter(
        name,
        _text(events, waiting),
        waiting[0].at,
        waiting[-1].why,
        waiting[0].notifier,
        tuple(events),
        covers,
        level=_level(letter.level for letter in waiting),
        calls=any(letter.calls for letter in waiting),
    )


def _level(levels: Iterable[Level]) -> Level:
    """The most urgent of `levels`; many good ends that had to wait are no good end, but information."""
    highest = max(levels, key=LEVELS.index)
    return "info" if highest == "success" else highest


def _collapsed(events: Iterable[Event]) -> list[Event]:
    """Equal headlines once, with their number, in the order in which they came first."""
    found: dict[str, Event] = {}
    for event in events:
        known = found.get(event.headline)
        count, at = (known.count + event.count, max(known.at, event.at)) if known else (event.count, event.at)
        found[event.headline] = Event(event.headline, at, count)
    return list(found.values())


def _bounded(events: list[Event]) -> list[Event]:
    """At most `_EVENTS` events: the last one counts all others, and those that an earlier digest counted so."""
    if len(events) <= _EVENTS:
        return events
    kept = [event for event in events[: _EVENTS - 1] if event.headline != _OTHERS]
    count = sum(event.count for event in events) - sum(event.count for event in kept)
    return [*kept, Event(_OTHERS, max(event.at for event in events), count)]


def _text(events: Sequence[Event], waiting: Sequence[Letter]) -> str:
    total = sum(event.count for event in events)
    listed, room = list[str](), _LISTED
    for number, event in enumerate(events):
        room -= len(_line(event).encode("utf-8", "replace")) + 1
        if room < 0:
            rest = sum(event.count for event in events[number:])
            listed.append("- " + phrase(language(), "and {number} more", number=rest))
            break
        listed.append(_line(event))
    first = next((letter for letter in waiting if not letter.covers), waiting[0])
    heading = "### " + phrase(language(), "{number} messages that had to wait", number=total)
    shown = phrase(language(), "The first of them:")
    return "\n".join([heading, "", *listed]) + f"\n\n{shown}\n\n{first.text}"


def _line(event: Event) -> str:
    headline = phrase(language(), "others") if event.headline == _OTHERS else event.headline
    if event.count > 1:
        headline = phrase(language(), "{headline} ({number} times)", headline=headline, number=event.count)
    return f"- {clock(event.at)}: {headline}"
