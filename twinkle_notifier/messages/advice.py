"""The likely cause of a known error, and the next steps, as an alert says them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twinkle_notifier.diagnosis.table import Evidence
from twinkle_notifier.diagnosis.user_rules import table
from twinkle_notifier.messages.catalog import fact, phrase
from twinkle_notifier.messages.sanitize import line, shown_in_log

_SLOT = 200  # characters of what an error says
_TEXT = 800  # characters of a cause or a step, with all that the error says in it
_BOTH = "{allocated} of {total} used by this process (peak {peak}), {reserved} reserved but unused, {free} free"
_ALLOCATOR = "{allocated} used by this process (peak {peak}), {reserved} reserved but unused"
_DRIVER = "{free} of {total} free"
_FOLLOWS = ("follows from", "后果")  # in what a rule says of an error that another one has caused

# What is left to say of a secondary error where a rule has said that it is one.
_REST = {
    "secondary error; no rank reported the cause": "no rank reported the cause",
    "secondary errors; no rank reported the cause": "no rank reported the cause",
    "secondary error; no rank reported the cause: likely one was killed": (
        "no rank reported the cause: likely one was killed"
    ),
}


def device_memory(found: Mapping[str, str], language: str) -> list[str]:
    """The `found` numbers of a device that had no memory left, as a list item."""
    if "allocated" not in found and "total" not in found:
        return []
    text = (_BOTH if "total" in found else _ALLOCATOR) if "allocated" in found else _DRIVER
    said = phrase(language, text, **found)
    others = phrase(language, "other processes hold {others}: {processes}", **found) if "others" in found else ""
    return [fact(language, "Device memory", phrase(language, "; ").join(filter(None, (said, others))))]


def advice(evidence: Evidence, language: str) -> list[str]:
    """Markdown list items: the likely cause and up to three next steps; none if no rule is sure."""
    found = table().diagnose(evidence)
    if found is None:
        return []
    said = found.advice(language, lambda text: shown_in_log(text, _SLOT))
    # The whole, too: a rule of a user's own may hold a mark, or make one with what the error says.
    likely, *steps = (line(text, _TEXT) for text in (said.likely, *said.next))
    return [fact(language, "Likely", likely), *(fact(language, "Next", step) for step in steps)]


def secondary_note(advice: Iterable[str], text: str, language: str) -> str:
    """The list item about a secondary error: `text`, or only what `advice` has not said already."""
    said = any(words in item for item in advice for words in _FOLLOWS)
    return fact(language, "Note", phrase(language, _REST[text] if said else text))
