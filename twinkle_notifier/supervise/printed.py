"""The error that a command printed: the last resort, where no process wrote down its own end.

The text is read line by line, in time that is proportional to it, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from signal import Signals

from twinkle_notifier.collateral import says_collateral
from twinkle_notifier.plain import masked_end

_MOST = 65_536  # characters of output
_WORDS = "Traceback (most recent call last)"
_BODY = 500  # lines of a traceback, and of what others write between them
_MESSAGE = 5  # lines of an error
_BURST = 5  # lines at most between tracebacks of one moment
_NEAR = 40  # lines at most behind a logged traceback that may have ended the command
_QUOTED = 60  # lines from an error to the traceback that its words quote

_FRAME = re.compile(r'\s{0,20}(?:> )?File "')
_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:\((?P<inner>[\w.]+)\))?(?::(?: .*)?)?$", re.DOTALL)
_SYNTAX = re.compile(r"(?:SyntaxError|IndentationError|TabError): ")
_SYNTAX_FILE = re.compile(r'  File "[^"]{1,500}", line \d+$')
_MEMBER = re.compile(r"[ |]*\| (?=[A-Za-z_][\w.]*(?::|$))")
_CHAINED = ("The above exception was the direct cause of", "During handling of the above exception")
_NOISE = re.compile(
    r"Exception ignored (?:in|while|on)|Exception in thread |Error in (?:atexit|sys\.excepthook)|--- Logging error ---"
    r"|Exception in (?:default exception handler|callback)|Task exception was never retrieved|future: <"
)
_BAR = re.compile(r"\d%\|")  # of tqdm
_LOGGED = re.compile(r"\b(?:DEBUG|INFO|WARN|WARNING|ERROR|EXCEPTION|CRITICAL|FATAL)\b")
LAUNCHERS = ("CalledProcessError", "ChildFailedError", "ProcessExitedException")
# Their words quote the traceback of another process, or of a notebook.
_CARRIERS = ("ProcessRaisedException", "CellExecutionError", "PapermillExecutionError", "RemoteTraceback")
_CHILD = re.compile(
    r"died with <Signals\.\w+: (?P<number>\d{1,2})>|exit status (?P<code>\d{1,3})|with signal (?P<name>SIG[A-Z]+)"
)


@dataclass(frozen=True)
class Printed:
    """An error as it was printed.

    `text` is its traceback, if that stands far above the end; `child` how the child ended that a launcher's error is
    about: minus the signal that killed it.
    """

    error: str
    text: str = ""
    child: int | None = None


@dataclass(frozen=True)
class _Block:
    """A traceback, or a chain, and its error; `mark` stands before each of its lines, as ``[rank3]: ``."""

    first: int
    last: int
    mark: str
    error: str
    logged: bool = False
    noise: bool = False

    @property
    def type(self) -> str:
        return re.split(r"[:(]", self.error, maxsplit=1)[0].rpartition(".")[2]


def found(output: str, rank: int | None = None) -> Printed | None:
    """The error that ended the command, of `rank` if it marks its lines; of a burst the first that does not follow."""
    lines = masked_end(output[-_MOST:]).split("\n")
    blocks = [block for block in _blocks(lines) if not block.noise]
    own = [block for block in blocks if block.type not in LAUNCHERS]
    if rank is not None:
        own = [block for block in own if block.mark.startswith(f"[rank{rank}]")] or own
    end = len("\n".join(lines).rstrip().split("\n"))
    shown = [block for block in own if not block.logged] or [block for block in own if end - block.last <= _NEAR]
    shown = [block for block in shown if not says_collateral(block.error)] or shown
    if shown:
        first = _first_of_burst(shown)
        far = end - first.first > _NEAR
        text = [
            line.removeprefix(first.mark) for line in lines[first.first : first.last + 1] if line.startswith(first.mark)
        ]
        return Printed(first.error, "\n".join(text) if far else "")
    return Printed(blocks[-1].error, child=child_of(blocks[-1].error)) if blocks and not own else None


def _first_of_burst(blocks: Sequence[_Block]) -> _Block:
    at = len(blocks) - 1
    while at and blocks[at].first - blocks[at - 1].last <= _BURST:
        at -= 1
    return blocks[at]


def child_of(error: str) -> int | None:
    """How the child ended that a launcher's error is about, if it says so."""
    if (said := _CHILD.search(error)) is None:
        return None
    if said["name"]:
        return -Signals[said["name"]] if said["name"] in Signals.__members__ else None
    return -int(said["number"]) if said["number"] else int(said["code"])


def _blocks(lines: Sequence[str]) -> list[_Block]:
    """All of them, in order; one that is chained to the one before, or quoted in its words, takes its place."""
    blocks: list[_Block] = []
    at = 0
    while at < len(lines):
        block = _block(lines, at)
        if block is None:
            at += 1
            continue
        before = next((other for other in reversed(blocks[-8:]) if other.mark == block.mark), None)
        if before is not None and _belongs(before, block, lines):
            blocks[blocks.index(before)] = replace(block, first=before.first, logged=before.logged, noise=before.noise)
        else:
            blocks.append(block)
        at = at + 1 if block.mark else block.last + 1  # between lines with a mark stand those of others
    return blocks


def _belongs(before: _Block, block: _Block, lines: Sequence[str]) -> bool:
    said = _above(lines, block.first, block.mark)[:1]
    quoted = lines[block.first].lstrip().startswith("Original ") or before.type in _CARRIERS
    return any(line.startswith(_CHAINED) for line in said) or (quoted and block.first - before.last <= _QUOTED)


def _block(lines: Sequence[str], at: int) -> _Block | None:
    line = lines[at]
    if _SYNTAX_FILE.match(line):
        ends = next((n for n in range(at + 1, min(at + 5, len(lines))) if _SYNTAX.match(lines[n])), None)
        return _Block(at, ends, "", lines[ends]) if ends is not None else None
    before, words, after = line.partition(_WORDS)
    if not words or len(after.rstrip(":")) > 200:
        return None
    after, mark = after.strip(), _mark(lines, at, before)
    above = _above(lines, at, mark)
    logged = bool(_LOGGED.search((above[0] if above else "")[:200])) or (
        not mark and bool(_LOGGED.search(before[:200]))
    )
    noise = any(_NOISE.match(text) for text in above)
    if after not in ("", ":"):
        body = _boxed(lines, at, mark)
    elif above[:1] and set(above[0]) == {"-"} and before.strip():
        body = _of_notebook(lines, at, before.split()[0])
    elif before.endswith("Exception Group "):
        body = _of_group(lines, at)
    else:
        body = _plain(lines, at, mark)
    return _Block(at, body[0], mark, body[1], logged, noise) if body is not None else None


def _mark(lines: Sequence[str], at: int, before: str) -> str:
    """What stands before the heading, if it does before the lines that follow, too: no progress bar, no log line."""
    following = lines[at + 1 : at + 9]
    return before if before.strip() and any(line.startswith(f"{before}  ") for line in following) else ""


def _above(lines: Sequence[str], at: int, mark: str) -> list[str]:
    """The two lines above that say something, nearest first, without their mark."""
    above = (line.removeprefix(mark).strip() for line in reversed(lines[max(at - 6, 0) : at]) if line.startswith(mark))
    return [line for line in above if line][:2]


def _marked(lines: Sequence[str], at: int, mark: str) -> Iterator[tuple[int, str]]:
    for number in range(at, min(at + _BODY, len(lines))):
        if lines[number].startswith(mark):
            yield number, lines[number][len(mark) :]


def _plain(lines: Sequence[str], at: int, mark: str) -> tuple[int, str] | None:
    """Frames, then the error, which is not indented."""
    frames = False
    for number, line in _marked(lines, at + 1, mark):
        if _FRAME.match(line):
            frames = True
        elif line.strip() and not line[0].isspace() and (error := _ERROR.match(line)) and frames:
            if error["inner"]:  # Ray's: the frames of the task, then its own error
                task = _plain(lines, number, mark)
                return task if task is not None and error["inner"] in task[1] else (number, line)
            return _message(lines, number, mark)
        elif _WORDS in line:
            return None
    return None


def _message(lines: Sequence[str], at: int, mark: str) -> tuple[int, str]:
    """The error with its further lines, as far as these are indented; where it says nothing yet, the next line."""
    words, last = lines[at][len(mark) :].rstrip(), at
    for number, line in _marked(lines, at + 1, mark):
        further = line[:1].isspace() and line.strip() and not _BAR.search(line[:200])
        if number > at + _MESSAGE or _WORDS in line or not (further or words.endswith(":")):
            break
        words, last = f"{words} {line.strip()}".rstrip(), number
    return last, words


def _of_group(lines: Sequence[str], at: int) -> tuple[int, str] | None:
    """The group's error, and that of its first member."""
    said: list[str] = []
    last = at
    for number, line in _marked(lines, at + 1, ""):
        if not re.match(r"\s+[|+]", line):
            break
        last = number
        if (member := _MEMBER.match(line)) and (not said or "Group" in said[-1].partition(":")[0]):
            said.append(line[member.end() :])
    return (last, ": ".join(said)) if said else None


def _boxed(lines: Sequence[str], at: int, mark: str) -> tuple[int, str] | None:
    """rich's: the error stands below the box."""
    over = False
    for number, line in _marked(lines, at + 1, mark):
        if over and line.strip():
            return _message(lines, number, mark) if _ERROR.match(line) else None
        over = over or line.startswith(("╰", "+--", "└"))
    return None


def _of_notebook(lines: Sequence[str], at: int, name: str) -> tuple[int, str] | None:
    """IPython's: the heading names the type, with which the error begins."""
    for number, line in _marked(lines, at + 1, ""):
        if line.startswith(name) and line[len(name) : len(name) + 1] in ("", ":"):
            return _message(lines, number, "")
    return None
