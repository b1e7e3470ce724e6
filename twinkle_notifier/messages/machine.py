"""What is out of order on the machine, and whether its node fails again and again, as list items."""

from __future__ import annotations

from collections.abc import Iterable

from twinkle_notifier.diagnosis.pattern import size
from twinkle_notifier.messages.catalog import fact, phrase
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.messages.wording import duration
from twinkle_notifier.runtime.node_history import Repeated
from twinkle_notifier.surroundings.trouble import Trouble

_FACT, _NODE = 300, 100  # characters
_MOST = 6  # lines


def machine_lines(troubles: Iterable[Trouble], language: str = "en") -> list[str]:
    """A list item for each of `troubles`, six at most."""
    return [fact(language, "Machine", line(_said(trouble, language), _FACT)) for trouble in [*troubles][:_MOST]]


def node_line(node: str, repeated: Repeated | None, language: str = "en") -> str:
    """A list item about a node on which many of the last failures began; empty if there is no such thing to say."""
    if repeated is None:
        return ""
    text = "{here} of your last {of} failures were on {node}"
    return fact(language, "Node", phrase(language, text, **repeated._asdict(), node=line(node, _NODE)))


def _said(trouble: Trouble, language: str) -> str:
    return phrase(language, trouble.text, **{name: _part(value, language) for name, value in trouble.values.items()})


def _part(value: str | int | float | Trouble, language: str) -> str:
    if isinstance(value, Trouble):
        return _said(value, language)
    if isinstance(value, str):
        return value
    return size(value) if isinstance(value, int) else duration(value, language)
