"""What the tests of the adapters share."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest


@pytest.fixture
def ours() -> Callable[[MutableMapping[str, Any]], str]:
    """The key of our state. It is numbered when callbacks of earlier tests are still alive, as in a notebook."""
    return lambda states: next(key for key in sorted(states) if key.startswith("twinkle_notifier"))
