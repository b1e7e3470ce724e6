"""Hooks of a framework's callback, added to one instance: a callback that needs none pays nothing per step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def add_hook(callback: object, base: type, name: str, hook: Callable[..., object]) -> None:
    """Let the hook `name` of `callback` call `hook`, and then what the callback's own class does there.

    `base` is the framework's class, whose hook does nothing: it is not called. Give a bound method as `hook`, so that
    a copy of the callback calls the copy.
    """
    own = getattr(callback, name) if getattr(type(callback), name) is not getattr(base, name) else None
    setattr(callback, name, hook if own is None else functools.partial(_both, hook, own))


def _both(first: Callable[..., object], second: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    first(*args, **kwargs)
    return second(*args, **kwargs)
