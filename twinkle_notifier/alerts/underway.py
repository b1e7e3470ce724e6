"""The training that this process does now: an alert of code around it says how far that got."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import get_ident
from typing import NamedTuple

from twinkle_notifier.messages.progress import Progress

_Asked = Callable[[], Progress]
_Told = Callable[[_Asked], Progress]


class _Training(NamedTuple):
    told: weakref.WeakMethod[_Told]  # of a training that may be gone
    stop: weakref.WeakMethod[Callable[[], None]]
    asked: _Asked
    thread: int


_now: _Training | None = None


def begin(told: _Told, stop: Callable[[], None], asked: _Asked) -> None:
    """A training begins in this thread. `told`, a method of it, makes of `asked` what an alert says; `stop` ends it."""
    global _now
    _now = _Training(weakref.WeakMethod(told), weakref.WeakMethod(stop), asked, get_ident())


def end(told: _Told) -> None:
    """The training whose method that is, is over; another one may have begun since."""
    global _now
    if goes_on(told):
        _now = None


def goes_on(told: _Told | None = None) -> bool:
    """Whether a training goes on: that whose method this is, or any."""
    method = _now.told() if _now is not None else None
    return method is not None and (told is None or method == told)


def progress() -> Progress | None:
    """How far it got; None if there is none. It asks the trainer: give it a bound."""
    now = _now
    method = now.told() if now is not None else None
    return method(now.asked) if now is not None and method is not None else None


def stop() -> None:
    """An exception has left the code around it: the training of this thread is over."""
    method = _now.stop() if _now is not None and _now.thread == get_ident() else None
    if method is not None:
        method()
