"""Finds the error that ended a command in its output: the last resort, if no process recorded its own end.

Takes time in proportion to the output.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from signal import Signals

from twinkle_notifier.credentials.masking import masked_end
from twinkle_notifier.exceptions.collateral import says_collateral

_MOST = 65_536  # characters of the output's end that are read
_WORDS = "Traceback (most recent call last)"
_BODY = 500  # lines of a traceback, and of what other processes print between them
_MESSAGE = 5  # lines of an error
_BURST = 5  # lines at most between tracebacks that were printed together
_NEAR = 40  # lines at most that follow a logged traceback which may have ended the command
_QUOTED = 60  # lines from an error to the traceback that its message quotes

_FRAME = re.compile(r'\s{0,20}(?:> )?File "')
_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:\((?P<inner>[\w.]+)\))?(?::(?: .*)?)?$", re.DOTALL)
# Ray's, of a task or of an actor that could not be made: the frames there follow without a heading, then the error.
_TASK = re.compile(r"ray\.exceptions\.\w+(?:\([\w.]+\))?: (?:.{0,200} )?ray::\S{1,200} \(pid=\d")
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
LAUNCHERS: tuple[str, ...] = ("CalledProcessError", "ChildFailedError", "ProcessExitedException")
# Their messages quote the traceback of another process, or of a notebook.
_CARRIERS = ("ProcessRaisedException", "CellExecutionError", "PapermillExecutionError", "RemoteTraceback")
_CHILD = re.compile(r"(?:died with <Signals\.|with signal )(?P<name>SIG[A-Z0-9]+)|exit status (?P<code>\d{1,3})")


@dataclass(frozen=True)
class Printed:
    """An error that was printed.

    `text` is its traceback, if that is far above the end of the output. `child` is the exit code of the process that a
    launcher's error is about; minus the signal's number if one killed it.
    """

    error: str
    text: str = ""
    child: int | None = None


@dataclass(frozen=True)
class _Block:
    """A traceback, or a chain of them, and its error. `mark` begins each of its lines, as ``[rank3]: ``."""

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
    """The error that ended the command: the first that is no secondary one; of `rank`, if ranks mark their lines."""
    lines = masked_end(output[-_MOST:]).split("\n")
    blocks = [block for block in _blocks(lines) if not block.noise]
    own = [block for block in blocks if block.type not in LAUNCHERS]
    if not own:
        return Printed(blocks[-1].error, child=child_of(blocks[-1].error)) if blocks else None
    own = [block for block in own if block.mark.startswith(f"[rank{rank}]")] or own
    end = len("\n".join(lines).rstrip().split("\n"))
    shown = [block for block in own if not block.logged] or [block for block in own if end - block.last <= _NEAR]
    shown = [block for block in shown if not says_collateral(block.error)] or shown
    if not shown:
        return None
    pairs = itertools.pairwise(reversed(shown))  # from the last burst on: the later block first
    first = next((block for block, before in pairs if block.first - before.last > _BURST), shown[0])
    marked = lines[first.first : first.last + 1] if end - first.first > _NEAR else []
    text = [line.removeprefix(first.mark) for line in marked if line.startswith(first.mark)]
    return Printed(first.error, "\n".join(text))


def child_of(error: str) -> int | None:
    """The exit code of the process that a launcher's error is about, see `Printed`; None if it does not say."""
    said = _CHILD.search(error)
    if said is None or not said["name"]:
        return int(said["code"]) if said is not None else None
    return -Signals[said["name"]] if said["name"] in Signals.__members__ else None


def _blocks(lines: Sequence[str]) -> list[_Block]:
    """All tracebacks, in order."""
    marks = {at: _mark(lines, at) for at, line in enumerate(lines) if _WORDS in line}
    blocks = [block for mark in {"", *marks.values()} for block in _of_mark(lines, mark, marks)]
    return sorted(blocks, key=lambda block: block.first)


def _mark(lines: Sequence[str], at: int) -> str:
    """What begins the heading and one of the lines below; empty if none of these begins so, as after a log's time."""
    before = lines[at].partition(_WORDS)[0]
    return before if before.strip() and any(line.startswith(f"{before}  ") for line in lines[at + 1 : at + 9]) else ""


def _of_mark(lines: Sequence[str], mark: str, marks: Mapping[int, str]) -> list[_Block]:
    """The tracebacks with this mark. One that is chained to the one before it, or quoted by it, replaces its error."""
    numbers = [number for number, line in enumerate(lines) if line.startswith(mark)]
    texts = [lines[number].removeprefix(mark) for number in numbers]
    blocks: list[_Block] = []
    at = 0
    while at < len(texts):
        body = _body(texts, at) if marks.get(numbers[at], mark) == mark else None
        if body is not None:
            above = _above(texts, at)
            before, words, _ = texts[at].partition(_WORDS)
            logged = bool(words) and any(_LOGGED.search(text[:200]) for text in (before, *above[:1]))
            noise = any(map(_NOISE.match, above))
            block = _Block(numbers[at], numbers[body[0]], mark, body[1], logged, noise)
            if blocks and _belongs(blocks[-1], block, texts[at], above):
                blocks[-1] = replace(blocks[-1], last=block.last, error=block.error)
            else:
                blocks.append(block)
            at = body[0]
        at += 1
    return blocks


def _above(lines: Sequence[str], at: int) -> list[str]:
    """The two nearest lines above that are not empty, nearest first."""
    return [line.strip() for line in reversed(lines[max(at - 6, 0) : at]) if line.strip()][:2]


def _belongs(before: _Block, block: _Block, heading: str, above: Sequence[str]) -> bool:
    quoted = heading.lstrip().startswith("Original ") or before.type in _CARRIERS
    return any(line.startswith(_CHAINED) for line in above[:1]) or (quoted and block.first - before.last <= _QUOTED)


def _body(lines: Sequence[str], at: int) -> tuple[int, str] | None:
    """The number of the last line of the traceback whose heading is at `at`, and its error."""
    if _SYNTAX_FILE.match(lines[at]):
        return next(((n, lines[n]) for n in range(at + 1, min(at + 5, len(lines))) if _SYNTAX.match(lines[n])), None)
    if _TASK.match(lines[at]):
        return _of_frames(lines, at)
    before, words, after = lines[at].partition(_WORDS)
    if not words or len(after.rstrip(":")) > 200:
        return None
    if after.strip() not in ("", ":"):
        return _of_box(lines, at)
    if set("".join(_above(lines, at)[:1])) == {"-"} and before.strip():
        return _of_notebook(lines, at, before.split()[0])
    return _of_group(lines, at) if before.endswith("Exception Group ") else _of_frames(lines, at)


def _below(lines: Sequence[str], at: int) -> Iterator[tuple[int, str]]:
    return enumerate(lines[at + 1 : at + _BODY], at + 1)


def _of_frames(lines: Sequence[str], at: int) -> tuple[int, str] | None:
    """Frames, then the error, which is not indented."""
    frames = False
    for number, line in _below(lines, at):
        if _FRAME.match(line):
            frames = True
        elif frames and line.strip() and not line[0].isspace() and (error := _ERROR.match(line)):
            if error["inner"] or _TASK.match(line):
                task = _of_frames(lines, number)
                return task if task is not None and (error["inner"] or "") in task[1] else (number, line)
            return _message(lines, number)
        elif _WORDS in line:
            return None
    return None


def _message(lines: Sequence[str], at: int) -> tuple[int, str]:
    """The error with the indented lines below it, and the next line if the error ends in a colon."""
    words, last = lines[at].rstrip(), at
    for number, line in enumerate(lines[at + 1 : at + 1 + _MESSAGE], at + 1):
        further = line[:1].isspace() and line.strip() and not _BAR.search(line[:200])
        if _WORDS in line or not (further or words.endswith(":")):
            break
        words, last = f"{words} {line.strip()}".rstrip(), number
    return last, words


def _of_group(lines: Sequence[str], at: int) -> tuple[int, str] | None:
    """The group's error, and that of its first member."""
    errors: list[str] = []
    last = at
    for number, line in itertools.takewhile(lambda pair: re.match(r"\s+[|+]", pair[1]), _below(lines, at)):
        last = number
        if (member := _MEMBER.match(line)) and (not errors or "Group" in errors[-1].partition(":")[0]):
            errors.append(line[member.end() :])
    return (last, ": ".join(errors)) if errors else None


def _of_box(lines: Sequence[str], at: int) -> tuple[int, str] | None:
    """A traceback of rich: the error follows the box."""
    end = next((number for number, line in _below(lines, at) if line.startswith(("╰", "+--", "└"))), len(lines))
    error = next((number for number, line in _below(lines, end) if line.strip()), None)
    return _message(lines, error) if error is not None and _ERROR.match(lines[error]) else None


def _of_notebook(lines: Sequence[str], at: int, name: str) -> tuple[int, str] | None:
    """A traceback of IPython: its heading names the type, and its error begins with it."""
    error = next((number for number, line in _below(lines, at) if re.match(rf"{re.escape(name)}(?::|$)", line)), None)
    return _message(lines, error) if error is not None else None
