"""What kind of end an exception is: a failure, an interruption, a preemption, an exit."""

from __future__ import annotations

import signal
from itertools import pairwise
from traceback import walk_tb
from types import FrameType
from typing import Any

from twinkle_notifier.exceptions.cancellation import is_interrupted
from twinkle_notifier.isolation import safe, tried

_BY_SIGNAL: dict[int, str] = {
    signal.SIGTERM: "preempted",
    signal.SIGINT: "interrupted",
    # The warnings of schedulers: SLURM's, submitit's. Windows has neither.
    **{getattr(signal, name): "preempted" for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name)},
}


_VARARGS = 0x04  # of a function that takes ``*args``
_TWO = 2  # arguments of a handler


def kind_of(exc: BaseException) -> str:
    """``failed``, or ``interrupted`` (Ctrl-C), ``preempted`` (SIGTERM, SIGUSR1 or SIGUSR2), ``exited``.

    A signal is recognized by Lightning's exception, by an exit code of 128 plus its number, and by its handler, if that
    raised the SystemExit: Axolotl's saves the model at Ctrl-C, and exits with 0.
    """
    kind = type(exc)  # isinstance would read its `__class__`, which may be a user's code
    if "SIGTERMException" in safe.names(kind):
        return "preempted"
    if issubclass(kind, KeyboardInterrupt) or is_interrupted(exc):
        return "interrupted"
    if not issubclass(kind, SystemExit):
        return "failed"
    code = safe.slot(exc, "code", SystemExit)
    number = code - 128 if type(code) is int and code - 128 in _BY_SIGNAL else tried(lambda: _handled(exc)).value
    return _BY_SIGNAL.get(number or 0, "exited")


def is_clean_exit(exc: BaseException) -> bool:
    """Whether Python ends with status 0 by this exception, and no signal is why."""
    if not issubclass(type(exc), SystemExit):
        return False
    code = safe.slot(exc, "code", SystemExit)
    is_zero = code is None or (issubclass(type(code), int) and int.__eq__(code, 0))
    return is_zero and kind_of(exc) == "exited"


def _handled(exc: BaseException) -> int | None:
    """The signal whose handler raised `exc`. Python calls it with the signal, and the frame that this interrupted."""
    for frame, _ in walk_tb(safe.slot(exc, "__traceback__")):
        for number, interrupted in pairwise(_arguments(frame)):
            if issubclass(type(number), int) and interrupted is not None and interrupted is frame.f_back:
                return int(number)
    return None


def _arguments(frame: FrameType) -> list[Any]:
    """The positional arguments of the call, those of ``*args`` among them, as far as their names still hold them."""
    code = frame.f_code
    takes_more = bool(code.co_flags & _VARARGS)
    if code.co_argcount < _TWO and not takes_more:  # up to Python 3.12 a frame that is asked keeps its values alive
        return []
    given = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
    more = frame.f_locals.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount]) if takes_more else ()
    return [*given, *more] if safe.is_tuple(more) else given


class Preempted(SystemExit):
    """A trainer has met SIGTERM, saved and stopped."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.code: str | int | None = 128 + signal.SIGTERM
