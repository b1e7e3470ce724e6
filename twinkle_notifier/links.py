"""The exceptions behind an exception: what it was raised from, and the members of a group."""

from __future__ import annotations

from collections.abc import Container
from types import FrameType

from twinkle_notifier.foreign import slot
from twinkle_notifier.frames import Still

_LONGEST = 100_000  # links of a chain that are followed

Place = tuple[FrameType | Still, int]


def behind(exc: BaseException) -> BaseException | None:
    """What `exc` was raised from, or during; None if neither, or if ``from None`` hides it."""
    cause: BaseException | None = slot(exc, "__cause__")
    hidden: bool = slot(exc, "__suppress_context__")
    context: BaseException | None = slot(exc, "__context__")
    return cause or (None if hidden else context)


def chain(exc: BaseException, known: Container[int] = (), limit: int = _LONGEST) -> list[BaseException]:
    """`exc`, what is behind it, what is behind that; each once, and none whose `id` is `known`."""
    links: dict[int, BaseException] = {}
    link: BaseException | None = exc
    while link is not None and id(link) not in links and id(link) not in known and len(links) < limit:
        links[id(link)] = link
        link = behind(link)
    return list(links.values())


def members(exc: BaseException) -> tuple[BaseException, ...]:
    """The exceptions of a group (of the backport for Python 3.10, too); none of any other."""
    for base in type(exc).__mro__:
        if base.__name__ == "BaseExceptionGroup":
            found = vars(base)["exceptions"].__get__(exc)  # not a property that a subclass makes of it
            return found if isinstance(found, tuple) else ()
    return ()
