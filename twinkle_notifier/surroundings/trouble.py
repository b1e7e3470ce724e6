"""One thing that is out of order: a sentence in English, and what belongs into its slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Trouble(NamedTuple):
    """What is wrong beside the run. `text` is English, and the key to its Chinese.

    `values` fill its ``{slots}``: a text as it is, an int as bytes, a float as seconds, a `Trouble` as a part of the
    sentence.
    """

    text: str
    values: Mapping[str, str | int | float | Trouble] = {}
