"""The suggestion that Python adds to an exception's text: ``. Did you mean: 'loss'?``."""

from __future__ import annotations

import builtins
import difflib
import sys
from itertools import islice
from traceback import TracebackException
from types import FrameType, TracebackType
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.isolation.safe import slot

_SECONDS = 0.5  # for the user's object to list its names
_NAMES = 750  # that are compared, and
_LETTERS = 40  # of one, as in Python
_ALIKE = 0.7  # how much of a name that is meant is right


class Suggestions:
    """Python's suggestions for the exceptions of one traceback."""

    def __init__(self) -> None:
        self._hung = False  # an object that hangs is often that of the next exception, too

    def of(self, exc: BaseException) -> str:
        """The suggestion for `exc`; empty if there is none, or if its object raises or hangs.

        Takes half a second at most. After one that hung, no other object is asked.
        """
        stand_in = None if self._hung else _stand_in(exc)
        if stand_in is None:
            return ""
        answer = isolation.call(lambda: _suggestion(stand_in, slot(exc, "__traceback__")), _SECONDS)
        self._hung = not answer.returned and answer.error is None
        return answer.value or ""


def _stand_in(exc: BaseException) -> BaseException | None:
    """A plain exception with the missing name of `exc`, without its class and its causes."""
    kind = type(exc)
    if issubclass(kind, AttributeError) and _is_name(name := slot(exc, "name", AttributeError)):
        return AttributeError(name=name, obj=slot(exc, "obj", AttributeError))
    if issubclass(kind, NameError) and _is_name(name := slot(exc, "name", NameError)):
        return NameError(name=name)
    if issubclass(kind, ImportError) and "name_from" in vars(ImportError):  # since Python 3.12
        module, missing = slot(exc, "name", ImportError), slot(exc, "name_from", ImportError)
        if _is_name(missing) and type(module) is str and module in sys.modules:  # nothing is imported for this
            made: Any = ImportError
            return made(name=module, name_from=missing)  # type: ignore[no-any-return]
    return None


def _is_name(name: object) -> bool:
    return type(name) is str and 0 < len(name) <= _LETTERS


def _suggestion(stand_in: BaseException, tb: TracebackType | None) -> str:
    if sys.version_info < (3, 12):  # there Python's own is not to be had but by printing
        return _closest(stand_in, tb)
    made = TracebackException(type(stand_in), stand_in, tb, limit=0, lookup_lines=False)
    return next(iter(made.format_exception_only())).strip().partition(": ")[2]


def _closest(stand_in: Any, tb: TracebackType | None) -> str:
    if isinstance(stand_in, AttributeError):
        names: Any = dir(stand_in.obj)
    else:
        names = _visible(tb)
    private = stand_in.name.startswith("_")
    known = (name for name in names if type(name) is str and len(name) <= _LETTERS)
    others = [name for name in known if name != stand_in.name and (private or not name.startswith("_"))]
    found = difflib.get_close_matches(stand_in.name, others[:_NAMES], 1, _ALIKE)
    return f". Did you mean: '{found[0]}'?" if found else ""


def _visible(tb: TracebackType | None) -> list[object]:
    """The names that are visible in the innermost frame."""
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    if tb is None:
        return []
    frame: FrameType = tb.tb_frame
    return [name for known in (frame.f_locals, frame.f_globals, vars(builtins)) for name in islice(list(known), _NAMES)]
