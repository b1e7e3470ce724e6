"""Makes a message shorter by what people need least of it: the frames of libraries, the lines beside the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from twinkle_notifier.exceptions.frames import is_installed_anywhere, library_names
from twinkle_notifier.messages.catalog import comma, phrase

_FRAME = re.compile(r'(?P<indent>[ |]*)File "(?P<path>[^"]+)", line \d')
_BESIDE = re.compile(r"  +\d+  ")  # as `own_code` shows a line beside the one that failed
_FAILED = re.compile(r"^(?:> +\d+  |[^\s\"][^\n\"]*:\d+ in \S+$)", re.MULTILINE)  # a line of it, or a place


class _Piece(NamedTuple):
    """Lines of a text: one frame, or what is none. `path` is a library's file, if it may be folded."""

    text: str
    indent: str = ""
    path: str = ""
    inner: int = 0  # how many frames of its traceback are further in


def folded(message: str, limit: int, language: str) -> str:
    """`message` with as few frames of libraries folded as `limit` bytes need, the outermost first; all at most.

    Those that follow each other are one line, ``[15 frames in torch]``. The innermost frame of each traceback stays.
    """
    pieces = _pieces(message)
    order = sorted((at for at, piece in enumerate(pieces) if piece.path), key=lambda at: -pieces[at].inner)
    least, most = 0, len(order)
    while least < most:  # each frame makes it shorter, nearly
        middle = (least + most) // 2
        is_enough = _size(_without(pieces, order[:middle], language)) <= limit
        least, most = (least, middle) if is_enough else (middle + 1, most)
    return _without(pieces, order[:most], language)


def is_own_code(block: str) -> bool:
    """Whether a code block shows the user's own part of a traceback, as `own_code` writes it."""
    return _FAILED.search(block) is not None and _FRAME.search(block) is None


def without_neighbours(block: str) -> str:
    """The user's own part of a traceback without the lines beside those that failed."""
    return "\n".join(line for line in block.split("\n") if not _BESIDE.match(line))


def _pieces(message: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    inner = 0
    for text, indent, path in reversed(list(_split(message))):
        inner = inner + 1 if path else 0
        # What a bracket says counts frames like this one, or follows it: it cannot stand alone.
        may_go = inner > 1 and is_installed_anywhere(path) and f"\n{indent}[" not in text
        pieces.append(_Piece(text, indent, path if may_go else "", inner))
    return pieces[::-1]


def _split(message: str) -> Iterator[tuple[str, str, str]]:
    """The frames of `message`, each with its lines, its indentation and its file; and the lines between them."""
    lines: list[str] = []
    indent = path = ""
    for line in message.split("\n"):
        found = _FRAME.match(line)
        if found or (path and not line.startswith((f"{indent}  ", f"{indent}["))):
            if lines:
                yield "\n".join(lines), indent, path
            lines, indent, path = [], *((found["indent"], found["path"]) if found else ("", ""))
        lines.append(line)
    yield "\n".join(lines), indent, path


def _without(pieces: Sequence[_Piece], left_out: Sequence[int], language: str) -> str:
    gone = set(left_out)
    shown: list[str] = []
    for (is_gone, indent), group in groupby(
        enumerate(pieces), lambda pair: (pair[0] in gone, pair[1].indent if pair[0] in gone else "")
    ):
        found = [piece for _, piece in group]
        shown += [f"{indent}[{_between(found, language)}]"] if is_gone else [piece.text for piece in found]
    return "\n".join(shown)


def _between(pieces: Sequence[_Piece], language: str) -> str:
    text = "{number} frame in {names}" if len(pieces) == 1 else "{number} frames in {names}"
    names = comma(language).join(library_names(piece.path for piece in pieces))
    return phrase(language, text, number=len(pieces), names=names)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
