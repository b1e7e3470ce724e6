"""Which lines of an error's text are looked at, and which of them the error says itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Of all texts of a failure together; of each the half is read at its begin, and the half at its end.
TEXT = 16_000  # characters
_LINES = 80
_LINE = 2_000  # characters of a line
_FRAME = re.compile(r"\s*(?:frame #\d|#\d{1,3} +0x|\*\*\* )")  # of a native stack
_WRAPPED = (12, 10, 600)  # a line that was wrapped: begins in the first of these, has as many parts and characters
SHORT = 6_000  # characters of the texts in which lines may be wrapped
FIRST_UNWRAPPED = 2  # of what `unwrapped` gives, so many are the text's beginning
# Errors that begin like these say the reason on a line further down: all lines below are their own.
_GO_ON = re.compile(
    r"NCCL error in: |Error\(s\) in loading state_dict for |Error building extension "
    r"|Failed to import [\w.]+(?: because of the following error|:$)|(?:\w+: )?(?:Internal Triton PTX|PTXAS error)"
    r"|ACL stream synchronize failed|call aclnn\w+ failed|.{0,200}\b(?:NPU|OPS) function error: "
    r"|(?:\[Errno \d+\] )?Can't (?:synchronously )?(?:write|read) data \(file |The server socket has failed to "
    r"|Unexpected error from cuda|\W*CUDA VERSION MISMATCH"
)
# torch, of a worker: the traceback of another error is below, and that error's words.
_REPORT = re.compile(r"Caught \w{1,100} in ")
QUOTED = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w{0,100}(?:Error|Exception|Failed|OutOfResources)): (.+)")


def own_lines(lines: Sequence[str], first: int = 1) -> list[str]:
    """Those of an error's `lines` that it says itself: the `first`, and others where it is known to go on below.

    Others may be advice that it gives, or a log that it quotes.
    """
    if any(_GO_ON.match(line) for line in lines[:first]):
        return list(lines)
    reports = any(_REPORT.match(line) for line in lines[:first])
    return [*lines[:first], *(line for line in lines[first:] if reports and QUOTED.match(line))]


def unwrapped(text: str) -> list[str]:
    """The first lines of `text`, each with those behind it: a terminal, a log or a mail may have wrapped it.

    Where a word was cut, all lines but the last are as long; else the lines end between words.
    """
    most, parts, longest = _WRAPPED
    lines = [line for line in text[:SHORT].splitlines()[: most + parts] if line.strip()]
    joined = list[str]()
    for at in range(min(most, len(lines) - 1)):
        of = [line[:longest] for line in lines[at : at + parts]]
        width = max(map(len, of))
        joined.append(" ".join(line.strip() for line in of)[:longest])
        joined.append("".join(line if len(line) == width else f"{line.rstrip()} " for line in of).strip()[:longest])
    return [*joined, *map(str.strip, lines)] if joined else []


def lines_of(texts: Sequence[str]) -> list[list[str]]:
    """The lines of each of the `texts` without what stands before and behind them, as many as all may have together."""
    rooms = _shares([len(text) for text in texts], TEXT)
    found = [
        [*map(_line, filter(_counts, ends(text, room).splitlines()))] for text, room in zip(texts, rooms, strict=True)
    ]
    rooms = _shares([len(lines) for lines in found], _LINES)
    return [
        lines if len(lines) <= room else [*lines[: room - room // 2], *lines[-(room // 2) :]]
        for lines, room in zip(found, rooms, strict=True)
    ]


def _shares(asked: Sequence[int], room: int) -> list[int]:
    """How much of `room` each gets: no more than it `asked` for, and those that asked for more than fits equal shares.

    Each gets 2 at least, if it asked for as many, even where `room` is used up.
    """
    shares = [0] * len(asked)
    for done, at in enumerate(sorted(range(len(asked)), key=asked.__getitem__)):
        shares[at] = min(asked[at], max(room // (len(asked) - done), 2))
        room -= shares[at]
    return shares


def ends(text: str, most: int) -> str:
    """`text`, or its beginning and its end: `most` characters, and a line end between."""
    return text if len(text) <= most else f"{text[: most - most // 2]}\n{text[-(most // 2) :]}"


def _counts(line: str) -> bool:
    return not line.isspace() and line != "" and _FRAME.match(line) is None


def _line(line: str) -> str:
    return line.strip()[:_LINE]
