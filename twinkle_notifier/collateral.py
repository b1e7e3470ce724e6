"""Errors that only follow from another rank's end: its connection closed, a collective timed out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from twinkle_notifier.foreign import class_slot, module_name, slot, text, type_name

_TYPES = re.compile(r"^torch\.(distributed|_C\._distributed)\S*\.Dist\w*Error$")
_PRINTED = re.compile(r"^torch\.distributed\.\S*\b(Dist\w*|Rendezvous\w*)Error\b")
_WORDS = re.compile(
    r"connection (closed|reset|refused) by peer|(gloo|nccl).*broken pipe"
    r"|(gloo|nccl|collective operation|watchdog).*tim(ed|e)[ -]?out"
    r"|timed out waiting \d+ms for (recv|send) operation"
    r"|nccl(remote|system|internal|unhandled)?\w*error|nccl communicator was aborted|ncclcommabort"
    r"|process group.*(aborted|destroyed)|remote process exited or there was a network error",
    re.IGNORECASE | re.DOTALL,
)
_DEPTH = 8  # links of a chain of causes
_TEXT = 4096  # characters of a message that are looked at


def is_collateral(exc: BaseException) -> bool:
    """Whether `exc`, or what caused it, is of the kind that peers see when a rank goes away."""
    return any(_is_one(link) for link in _chain(exc))


def says_collateral(text: str) -> bool:
    """Whether `text`, an error as a process has printed it, is of that kind."""
    return _PRINTED.search(text[:_TEXT]) is not None or _WORDS.search(text[:_TEXT]) is not None


def _is_one(exc: BaseException) -> bool:
    names = (f"{module_name(base)}.{type_name(base)}" for base in class_slot(type(exc), "__mro__"))
    if any(_TYPES.match(name) for name in names):
        return True
    # Only what torch raises with such words: a ConnectionResetError is a data server's, and a cause.
    return issubclass(type(exc), RuntimeError) and _WORDS.search(text(exc)[:_TEXT]) is not None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    for _ in range(_DEPTH):
        if link is None:
            return
        yield link
        link = slot(link, "__cause__")
