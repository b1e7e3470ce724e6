"""Reads objects that are not ours (an exception, a class, a value), whose own code may raise or hang."""

from __future__ import annotations

import math
import operator
import sys
from collections import deque
from typing import Any, TypeGuard

from twinkle_notifier.errors import NotifierError
from twinkle_notifier.isolation import call, tried

_TEXT = 1.0  # seconds for a `__str__`; half of it after one has hung, and so on, down to a tenth
_Shape = tuple[type, ...]
_hung: deque[_Shape] = deque(maxlen=16)  # what hung once hangs again: it is not called twice
_PLAIN = frozenset(map(id, (str, bytes, int, float, bool, type(None))))  # by identity, see `_has_hung`
_PLAIN_STR = frozenset(id(kind.__dict__["__str__"]) for kind in (BaseException, KeyError))


def text(said: object, otherwise: str = "") -> str:
    """The text of `said`, by its `__str__`. When that raises or hangs: `otherwise`, with the reason for ``{}``."""
    shape = _shape(said)
    if _has_hung(shape):
        return otherwise.format("did not return")
    # A copy as a plain str: a `__str__` may return a class of its own.
    seconds = max(_TEXT / 2 ** len(_hung), _TEXT / 10)
    answer = tried(lambda: str(said)) if _cannot_hang(said) else call(lambda: str.__str__(str(said)), seconds)
    if answer.returned:
        return answer.result()
    if answer.error is None:
        _hung.append(shape)
        return otherwise.format("did not return")
    return otherwise.format(f"raised {type_name(type(answer.error))}")


def _shape(said: object) -> _Shape:
    return type(said), *map(type, slot(said, "args")[:8] if is_exception(said) else ())


def _has_hung(shape: _Shape) -> bool:
    # By identity: to compare two classes asks their metaclass.
    return any(len(known) == len(shape) and all(map(operator.is_, known, shape)) for known in _hung)


def _cannot_hang(said: object) -> bool:
    """Whether its `__str__` runs only Python's own code: then it needs no thread."""
    is_error = is_exception(said) and id(_found(type(said), "__str__")) in _PLAIN_STR
    return is_plain(said) or (is_error and all(map(is_plain, slot(said, "args"))))


def is_plain(value: object) -> bool:
    """Whether `value` is a text, bytes, a number or None, and not of a subclass."""
    return id(type(value)) in _PLAIN


def finite(value: object) -> float | None:
    """`value`, if it is a plain number that a float can hold; None if not: NaN, infinity, an int of 400 digits."""
    number: Any = value if type(value) in (int, float) else math.nan
    return number if abs(number) <= sys.float_info.max else None


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    """Whether `value` is a dict, or of a subclass. Never raises."""
    return issubclass(type(value), dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether `value` is a list, or of a subclass. Never raises."""
    return issubclass(type(value), list)


def is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    """Whether `value` is a tuple, and not of a subclass. Never raises."""
    return type(value) is tuple


def is_exception(value: object) -> TypeGuard[BaseException]:
    """Whether `value` is an exception. Never raises."""
    return issubclass(type(value), BaseException)


def items_in(value: object) -> list[object]:
    """The values of a dict, or the items of a list or a tuple; none of anything else."""
    return list(value.values()) if is_dict(value) else list(value) if is_list(value) or is_tuple(value) else []


def attribute(thing: object, name: str) -> Any:
    """The attribute `name` of `thing`; None if it has none, or if reading it raises or hangs."""
    return call(lambda: getattr(thing, name, None), _TEXT).value


def slot(exc: object, name: str, kind: type = BaseException) -> Any:
    """Python's own value for an exception's `name` (``__cause__``, ``args``), even if its class overrides it.

    `kind` is the built-in class that defines it.
    """
    return kind.__dict__[name].__get__(exc)


def class_slot(kind: type, name: str) -> Any:
    """Python's own value for a class's `name` (``__mro__``, ``__dict__``), even if its metaclass overrides it."""
    return type.__dict__[name].__get__(kind)


def type_name(kind: type) -> str:
    """The ``__qualname__`` of a class, as a plain text. Never raises."""
    return str.__str__(class_slot(kind, "__qualname__"))


def names(kind: type) -> set[str]:
    """The ``__name__`` of a class and of all its bases. Never raises."""
    return {str.__str__(class_slot(base, "__name__")) for base in class_slot(kind, "__mro__")}


def module_name(kind: type) -> str:
    """The module that defines a class; empty if the class overrides that with something else. Never raises."""
    module = tried(lambda: class_slot(kind, "__module__")).value
    return module if type(module) is str else ""


def _found(kind: type, name: str) -> object:
    """The attribute `name` of a class, or of the first base class that defines it."""
    own = (class_slot(base, "__dict__") for base in class_slot(kind, "__mro__"))
    return next((found[name] for found in own if name in found), None)


_SHOWN = 500  # characters of an error's text


def reason(error: BaseException | None) -> str:
    """What a log may say of `error`: only the type if it is not ours, as its text may hold a webhook's URL."""
    if error is None:
        return "no answer in time"
    kind = type_name(type(error))
    if not issubclass(type(error), NotifierError):
        return kind
    # In one line: it may quote a checkpoint, a file or a service.
    said = (text(error) or kind)[: 2 * _SHOWN]
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
