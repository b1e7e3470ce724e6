"""Records in files and stores that others can write: how they are named, and how they are read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from twinkle_notifier.isolation.safe import is_list, items_in

_DEEP = 20  # levels of nested objects and lists; ours have five
_LATEST = 1e11  # seconds since 1970: the year 5138
_MOST = 2**53  # of a number that counts or names something
_LIST: type[list[Any]] = list
_DICT: type[dict[str, Any]] = dict
T = TypeVar("T")
_ID = re.compile("[0-9a-f]{1,64}")


def hashed(text: str, length: int = 16, errors: str = "surrogatepass") -> str:
    """The first `length` hexadecimal digits of the SHA-256 of `text`. `errors`: how lone surrogates are encoded."""
    return hashlib.sha256(text.encode("utf-8", errors)).hexdigest()[:length]


def is_id(value: object) -> bool:
    """Whether `value` is a message id that can be a file's name."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def fields_of(record: NamedTuple) -> dict[str, Any]:
    """The fields of a named tuple, with those of each one in it, for a JSON object: their names are the format."""
    return {name: _plain(value) for name, value in record._asdict().items()}


def _plain(value: Any) -> Any:
    if is_list(value):
        return [_plain(item) for item in value]
    return fields_of(value) if hasattr(value, "_asdict") else value


def dumped(record: NamedTuple) -> bytes:
    """A named tuple as JSON."""
    return json.dumps(fields_of(record)).encode()


def parsed(load: Callable[[Stored], T], data: bytes) -> T | None:
    """What `load` makes of the JSON object in `data`; None for what cannot be read, which then does not count."""
    with suppress(ValueError):
        return load(Stored.read(data))
    return None


class Stored:
    """The fields of a JSON object. Each method returns the field `name`, or raises ValueError if its type is wrong."""

    def __init__(self, fields: object) -> None:
        if not isinstance(fields, dict):
            raise ValueError("it is no object")
        self._fields: dict[str, Any] = fields

    @classmethod
    def read(cls, data: bytes) -> Stored:
        """The object in `data`. Raises ValueError if there is none, or if it is nested too deep."""
        try:
            found = json.loads(data)
            is_deep = _is_deep(found)
        except RecursionError:
            found, is_deep = None, True
        if is_deep:
            raise ValueError("it is nested too deep")
        return cls(found)

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._fields

    def text(self, name: str, default: str | None = None) -> str:
        """A text; `default`, where there is one, if the field is missing."""
        return default if default is not None and not self.has(name) else self._of(name, str)

    def text_or_none(self, name: str) -> str | None:
        """A text or null."""
        return None if self._fields.get(name) is None else self._of(name, str)

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """One of the texts that are `allowed`."""
        value = self._of(name, str)
        return _checked(name, value in allowed, value)

    def known(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of the texts that are `allowed`; `default` for anything else, which a newer version may have written."""
        value = self._fields.get(name)
        return value if isinstance(value, str) and value in allowed else default

    def id(self, name: str) -> str:
        """A message id that can be a file's name."""
        value = self._of(name, str)
        return _checked(name, is_id(value), value)

    def ids(self, name: str) -> tuple[str, ...]:
        """A list of such ids."""
        value = tuple(self.items(name))
        return _checked(name, all(map(is_id, value)), value)

    def number(self, name: str) -> float:
        """A finite number, as times and durations have it."""
        return _number(name, self._fields.get(name))

    def number_or_none(self, name: str) -> float | None:
        """Such a number or null."""
        return None if self._fields.get(name) is None else self.number(name)

    def numbers(self, name: str) -> list[float]:
        """A list of such numbers."""
        return [_number(name, value) for value in self.items(name)]

    def time(self, name: str) -> float:
        """Seconds since 1970."""
        value = self.number(name)
        return _checked(name, value >= 0, value)

    def count(self, name: str, least: int = 0) -> int:
        """A whole number, from `least` on."""
        value = self.whole(name)
        return _checked(name, least <= value, value)

    def whole(self, name: str) -> int:
        """A whole number, which may be negative."""
        value = self._of(name, int)
        return _checked(name, not isinstance(value, bool) and abs(value) <= _MOST, value)

    def whole_or_none(self, name: str) -> int | None:
        """Such a number or null."""
        return None if self._fields.get(name) is None else self.whole(name)

    def integer_or_none(self, name: str) -> int | None:
        """A whole number of any size, which somebody else's code may have given as ``12.0``, or null."""
        value = self._fields.get(name)
        if isinstance(value, float) and value.is_integer():  # not infinite, and a number
            value = int(value)
        return value if value is None or type(value) is int else self._of(name, int)

    def flag(self, name: str) -> bool:
        """True or false."""
        return self._of(name, bool)

    def items(self, name: str) -> list[Any]:
        """A list."""
        return self._of(name, _LIST)

    def object(self, name: str) -> Stored:
        """An object, to be read in the same way."""
        return Stored(self._fields.get(name))

    def objects_or_none(self, name: str) -> list[Stored] | None:
        """A list of objects, or null."""
        return None if self._fields.get(name) is None else list(map(Stored, self.items(name)))

    def dict_or_none(self, name: str) -> dict[str, Any] | None:
        """An object as it is, or null."""
        return None if self._fields.get(name) is None else self._of(name, _DICT)

    def _of(self, name: str, kind: type[T]) -> T:
        value = self._fields.get(name)
        if not isinstance(value, kind):
            raise _wrong(name)
        return value


def _checked(name: str, holds: bool, value: T) -> T:
    if not holds:
        raise _wrong(name)
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name)
    return _checked(name, -_LATEST < value < _LATEST, value)


def _wrong(name: str) -> ValueError:
    return ValueError(f"its field {name!r} is missing, or not what it should be")


def _is_deep(value: object, levels: int = _DEEP) -> bool:
    return levels == 0 or any(_is_deep(item, levels - 1) for item in items_in(value))
