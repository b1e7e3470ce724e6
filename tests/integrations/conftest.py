"""What the tests of the adapters share."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from types import FrameType
from typing import Any

import pytest


@pytest.fixture
def ours() -> Callable[[MutableMapping[str, Any]], str]:
    """The key of our state. It is numbered when callbacks of earlier tests are still alive, as in a notebook."""
    return lambda states: next(key for key in sorted(states) if key.startswith("twinkle_notifier"))


class Calls:
    """How often this thread calls each function of the package, and which it calls from another."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.nested: list[str] = []

    def begin(self) -> None:
        """From now on."""
        sys.setprofile(self._note)

    def end(self) -> None:
        """Until now."""
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and _is_ours(frame):
            self.counts[frame.f_code.co_name] += 1
            self.nested += [frame.f_code.co_name] if _is_ours(frame.f_back) else []


def _is_ours(frame: FrameType | None) -> bool:
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("twinkle_notifier.")


@pytest.fixture
def calls() -> Iterator[Calls]:
    """Counts from its `begin` to its `end`."""
    counting = Calls()
    yield counting
    counting.end()
