"""The likely cause of a known error, and the next steps, as an alert says them."""

from __future__ import annotations

from twinkle_notifier.diagnosis.table import Evidence
from twinkle_notifier.diagnosis.user_rules import table
from twinkle_notifier.messages.catalog import fact
from twinkle_notifier.messages.sanitize import line

_LINE = 300  # characters


def advice(evidence: Evidence, language: str) -> list[str]:
    """Markdown list items: the likely cause and up to three next steps; none if no rule is sure."""
    found = table().diagnose(evidence)
    if found is None:
        return []
    said = found.advice(language)
    likely = fact(language, "Likely", line(said.likely, _LINE))
    return [likely, *(fact(language, "Next", line(step, _LINE)) for step in said.next)]
