"""Durations as people write them: ``90s``, ``10m``, ``1h30m``."""

from __future__ import annotations

import re

LONGEST = 100  # characters of such a text
NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_PATTERN = re.compile(r"\s*".join(rf"(?:{NUMBER}\s*{unit})?" for unit in ("d", "h", "m(?:in)?", "s")))
_SECONDS = (86400.0, 3600.0, 60.0, 1.0)


def seconds_in(text: str) -> float | None:
    """The seconds of ``2h``, ``1h30m``, ``90min``, ``1.5 d``; None if `text` is no such duration, or has no unit."""
    # With a run of spaces as one: a pattern with many parts would try every way to divide it among them.
    found = _PATTERN.fullmatch(" ".join(text[: LONGEST + 1].split()).lower())
    if found is None or not any(found.groups()) or len(text) > LONGEST:
        return None
    return sum(float(amount or 0) * unit for amount, unit in zip(found.groups(), _SECONDS, strict=True))
