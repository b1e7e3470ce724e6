"""The causes of an exception, and the members of a group."""

from __future__ import annotations

from collections.abc import Callable, Container
from itertools import islice
from typing import Any

from twinkle_notifier.isolation import tried
from twinkle_notifier.isolation.safe import class_slot, is_exception, is_tuple, slot

_LONGEST = 100_000  # exceptions of a chain that are followed

Following = Callable[[BaseException], "BaseException | None"]


def behind(exc: BaseException) -> BaseException | None:
    """The exception from which, or during which, `exc` was raised; None if there is none, or ``from None`` hides it."""
    cause: BaseException | None = slot(exc, "__cause__")
    return cause if slot(exc, "__suppress_context__") else behind_hidden(exc)


def behind_hidden(exc: BaseException) -> BaseException | None:
    """The same, also where ``from None`` hides it."""
    cause: BaseException | None = slot(exc, "__cause__")
    return cause if cause is not None else slot(exc, "__context__")  # an exception may be false


def chain(
    exc: BaseException, known: Container[int] = (), limit: int = _LONGEST, following: Following = behind
) -> list[BaseException]:
    """`exc`, its cause, the cause of that, and so on; each once, and none whose `id` is `known`.

    `following` gives the next link of the chain: by default the one that Python shows.
    """
    links: dict[int, BaseException] = {}
    link: BaseException | None = exc
    while link is not None and id(link) not in links and id(link) not in known and len(links) < limit:
        links[id(link)] = link
        link = following(link)
    return list(links.values())


def members(exc: BaseException, most: int | None = None) -> tuple[BaseException, ...]:
    """The first `most` members of an exception group (also of Python 3.10's backport); empty for other exceptions."""
    for base in class_slot(type(exc), "__mro__"):
        if class_slot(base, "__name__") == "BaseExceptionGroup":
            return _members(exc, class_slot(base, "__dict__"), most)  # not a property that a subclass makes of it
    return ()  # without an error of our own: its traceback would keep `exc`


def _members(exc: BaseException, own: Any, most: int | None) -> tuple[BaseException, ...]:
    found = tried(lambda: own["exceptions"].__get__(exc)).value
    return tuple(islice(filter(is_exception, found), most)) if is_tuple(found) else ()
