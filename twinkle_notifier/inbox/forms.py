"""Checks the form of what came against a table of what a service takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from twinkle_notifier.inbox.robot import Json

_DEEPEST = 40  # levels; a message has fewer, and a walk of many more would need more stack than there is
UNKNOWN_KIND = "is of no known kind"


class Text(NamedTuple):
    """A text of so many characters."""

    least: int = 0
    most: int = 1_000_000


class Each(NamedTuple):
    """A list of so many values, each of one form."""

    form: Any
    least: int = 0
    most: int = 1_000_000


class Kinds(NamedTuple):
    """An object whose form depends on the word that it has under `key`."""

    key: str
    forms: Mapping[str, Any]


class Fault(NamedTuple):
    """What is wrong, and where."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where} {self.why}"


def fault(value: Json, form: Any, where: str = "it", depth: int = 0) -> Fault | None:
    """The first thing in `value` that `form` does not take; None if there is none.

    A form is one of those above, a type (`object` for anything), a set of words, or a dict: an object that has these
    keys and no others. A key that ends with ``!`` must be there; the form of the key ``*`` is that of all other keys.
    """
    if depth > _DEEPEST:
        return Fault(where, "is too deep")
    if isinstance(form, Kinds):
        return _of_kind(value, form, where, depth)
    if isinstance(form, dict):
        return _in_object(value, cast("dict[str, Any]", form), where, depth)
    if isinstance(form, Each):
        return _in_list(value, form, where, depth)
    return None if _fits(value, form) else Fault(where, "has a wrong value")


def _of_kind(value: Json, form: Kinds, where: str, depth: int) -> Fault | None:
    kind = value.get(form.key) if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in form.forms:
        return Fault(where, UNKNOWN_KIND)
    return fault(value, {form.key: str, **form.forms[kind]}, where, depth)


def _in_object(value: Json, form: dict[str, Any], where: str, depth: int) -> Fault | None:
    if not isinstance(value, dict):
        return Fault(where, "is no object")
    forms = {key.removesuffix("!"): inner for key, inner in form.items() if key != "*"}
    for key in form:
        if key.endswith("!") and key[:-1] not in value:
            return Fault(f"{where}.{key[:-1]}", "is missing")
    for key, inner in value.items():
        if key not in forms and "*" not in form:
            return Fault(f"{where}.{key}", "is an unknown property")
        if found := fault(inner, forms.get(key, form.get("*")), f"{where}.{key}", depth + 1):
            return found
    return None


def _in_list(value: Json, form: Each, where: str, depth: int) -> Fault | None:
    if not isinstance(value, list) or not form.least <= len(value) <= form.most:
        return Fault(where, "is no list of the right length")
    found = (fault(inner, form.form, f"{where}[{number}]", depth + 1) for number, inner in enumerate(value))
    return next(filter(None, found), None)


def _fits(value: Json, form: Any) -> bool:
    if isinstance(form, Text):
        return isinstance(value, str) and form.least <= len(value) <= form.most
    if isinstance(form, frozenset):
        return isinstance(value, str) and value in form
    return form is object or type(value) is form
