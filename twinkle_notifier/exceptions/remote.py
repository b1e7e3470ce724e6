"""Errors of other processes that reach this one as text: from workers, pools, launchers and Ray's tasks."""

from __future__ import annotations

import re
import sys
from types import TracebackType
from typing import Any, NamedTuple

from twinkle_notifier.credentials.masking import ends, shortened
from twinkle_notifier.exceptions.collateral import is_collateral
from twinkle_notifier.exceptions.frames import is_library_path
from twinkle_notifier.isolation.safe import attribute, is_dict, is_exception, module_name, names, slot, text, type_name

_FRAME = re.compile(r'File "([^"\n]+)", line (\d{1,9}), in (\S+)')
_TITLE = "Traceback (most recent call last):"
_DEEPEST = 2_000  # frames of a traceback that are followed: no library raises what another process told so deep
_NESTED = 8  # Ray errors within Ray errors that are unpacked
_HEADING = re.compile(r"^(.*)Traceback \(most recent call last\):[ \t]*$", re.MULTILINE)
_CHAINED = ("the following exception:", "another exception occurred:")
_ERROR = re.compile(r"^(?:[\w<>]+\.)*(\w+)(?:: (.*))?$", re.DOTALL)
_RULER = re.compile(r'[ \t|]*(?:[-=]{5}|""")')
_SNIPPET = re.compile(r"^\[Rank ([\d,]+) Error Snippet\]:\n", re.MULTILINE)
_POOLS = {"_RemoteTraceback", "RemoteTraceback"}  # of concurrent.futures and loky; of multiprocessing
# What Ray Train's controller gets of a worker: the attributes with the exception itself, and with its traceback.
_OF_TRAIN = {
    "UserExceptionWithTraceback": ("_base_exc", "_traceback_str"),
    "WorkerHealthCheckFailedError": ("health_check_failure", ""),
}

Place = tuple[str, int, str]  # path, line, function


class Reading(NamedTuple):
    """How much of a text is read: so many characters at its beginning and its end; and whether people will see it."""

    first: int = 20_000
    last: int = 40_000
    is_shown: bool = True

    def read(self, said: str) -> str:
        """What is read of `said`."""
        return shortened(said, self.first, self.last)

    def shown(self, said: str) -> str:
        """The same, without secrets if people will see it: to mask a long text takes longer than all else here."""
        return ends(said, self.first, self.last) if self.is_shown else self.read(said)


_ALL = Reading()


class Remote(NamedTuple):
    """An error that another process raised, as far as this process knows it.

    `traceback` is shown in place of this process's own traceback; empty if that shows the other process's, too. `read`
    is the text from which the places are read.
    """

    type: str
    message: str
    traceback: str
    rank: int | None = None
    read: str = ""

    def at(self) -> str:
        """The innermost place in the user's own code, in the form of `frames.innermost_own`."""
        own = [place for place in self.places() if not is_library_path(place[0])][-1:]
        return "".join(f"{path.rpartition('/')[2]}:{line} in {function}" for path, line, function in own)

    def places(self) -> list[Place]:
        """The places of its traceback, outermost first."""
        return places_in(self.read or self.traceback)


def remote(exc: BaseException, reading: Reading = _ALL, nested: int = _NESTED, shown: str = "") -> Remote | None:
    """The error of another process that `exc` reports; None if `exc` is an error of its own.

    `exc` reports another error if a library raised it with a traceback in its message, or if its cause is a pool's
    traceback. What the user's own code raises is always an error of its own, whatever it quotes. `shown` is the
    traceback of an `exc` that was raised in another process, so that it has none here.
    """
    known = names(type(exc))
    if "ProcessRaisedException" in known:  # torch.multiprocessing: the traceback is text, the class is lost
        return _spawned(text(exc), attribute(exc, "error_index"), reading)
    if "RayTaskError" in known and nested:
        return _of_task(attribute(exc, "cause"), attribute(exc, "traceback_str"), exc, reading, nested)
    if nested and (kind := _train_kind(exc)):
        inner, traceback = _OF_TRAIN[kind]
        return _of_task(attribute(exc, inner), attribute(exc, traceback) if traceback else None, exc, reading, nested)
    if nested and (failures := worker_failures(exc)):
        return _of_group(exc, failures, reading, nested)
    if (found := _of_pool(exc, reading)) is not None:
        return found
    said = reading.read(text(exc))
    return read(said, reading) if _TITLE in said and _is_of_library(exc, shown) else None


def read(said: str, reading: Reading = _ALL) -> Remote | None:
    """The error whose traceback is in `said`, the text of a library's exception; None if there is none."""
    raised = _read(said, reading)
    return raised.remote() if raised is not None else None


def words(exc: BaseException, reading: Reading = _ALL) -> str:
    """The text of `exc`. A traceback in it is replaced by its error."""
    said = text(exc, "<its __str__ {}>")
    raised = _read(said, reading)
    return f"{said[: raised.begins]}{raised.type}: {raised.words}" if raised is not None else said


def worker_failures(exc: BaseException) -> dict[int, BaseException]:
    """The exceptions of workers, by rank, for which Ray Train raises `exc` in the driver. They have no tracebacks."""
    found = attribute(exc, "worker_failures") if "WorkerGroupError" in names(type(exc)) else None
    if not is_dict(found):
        return {}
    return {
        rank: failure
        for rank, failure in dict[object, object].items(found)
        if type(rank) is int and is_exception(failure)
    }


def carried(exc: BaseException) -> BaseException:
    """The exception of a worker of Ray Train's, where `exc` is what the controller got in its place; else `exc`."""
    kind = _train_kind(exc)
    inner = attribute(exc, _OF_TRAIN[kind][0]) if kind else None
    return inner if is_exception(inner) else exc


def _train_kind(exc: BaseException) -> str:
    return next(iter(_OF_TRAIN.keys() & names(type(exc))), "")


def _of_group(exc: BaseException, failures: dict[int, BaseException], reading: Reading, nested: int) -> Remote:
    rank = min(failures, key=lambda rank: (is_collateral(failures[rank]), rank))
    failure, said = failures[rank], text(exc)
    begun = [(match.end(), match[1].split(",")) for match in _SNIPPET.finditer(said)]
    snippet = next((said[at:] for at, ranks in begun if str(rank) in ranks), "")
    snippet = _SNIPPET.split(snippet, maxsplit=1)[0]
    inner = remote(failure, reading, nested - 1) or Remote(
        type_name(type(failure)), text(failure, "<its __str__ {}>"), ""
    )
    return inner._replace(traceback=reading.shown(said), rank=rank, read=snippet)


def _of_task(cause: Any, there: object, exc: BaseException, reading: Reading, nested: int) -> Remote | None:
    if not is_exception(cause):
        return None
    shown = reading.shown(text(there if there is not None else exc))
    inner = remote(cause, reading, nested - 1, shown)
    return inner or Remote(type_name(type(cause)), text(cause, "<its __str__ {}>"), shown)


def _of_pool(exc: BaseException, reading: Reading) -> Remote | None:
    cause: BaseException | None = slot(exc, "__cause__")
    raised = _read(text(cause), reading) if cause is not None and _POOLS & names(type(cause)) else None
    if raised is None:
        return None
    if raised.inner:  # a DataLoader's worker, in a worker of a pool
        return raised.remote()
    return Remote(type_name(type(exc)), words(exc, reading), "", read=raised.frames)


def _is_of_library(exc: BaseException, shown: str) -> bool:
    """Whether a library raised `exc`, or defines its class."""
    own = [_innermost(tb).tb_frame.f_code.co_filename] if (tb := slot(exc, "__traceback__")) is not None else []
    paths = own or [path for path, _, _ in places_in(_HEADING.split(shown, 1)[0])]
    home = getattr(sys.modules.get(module_name(type(exc))), "__file__", None)
    return any(is_library_path(path) for path in (*paths[-1:], home) if type(path) is str)


def _innermost(tb: TracebackType) -> TracebackType:
    for _ in range(_DEEPEST):
        if tb.tb_next is None:
            break
        tb = tb.tb_next
    return tb


def _spawned(said: str, rank: object, reading: Reading) -> Remote:
    said = (said.partition("following error:\n")[2] or said).strip()
    raised = _read(said, reading) or _error(reading.read(said).splitlines()[-1:])
    return Remote(raised.type, raised.words, reading.shown(said), rank if type(rank) is int else None, raised.frames)


class _Raised(NamedTuple):
    type: str
    words: str
    frames: str = ""
    begins: int = 0  # where the outermost traceback begins in the text
    depth: int = 0  # characters of indentation
    closed: bool = False  # whether other text follows it
    inner: bool = False  # whether the message of another error quotes it

    def remote(self) -> Remote:
        return Remote(self.type, self.words, "", read=self.frames)


def _read(said: str, reading: Reading) -> _Raised | None:
    """The error of the last traceback in `said`, without those that the message of a user's error quotes."""
    said = reading.read(said)
    headings = list(_HEADING.finditer(said)) if _TITLE in said else []
    found: _Raised | None = None
    chained = True
    for at, heading in enumerate(headings):
        part = said[heading.end() : headings[at + 1].start() if at + 1 < len(headings) else len(said)]
        inner = found is not None and not chained and not found.closed
        if found is None:
            found = _segment(part)._replace(begins=heading.end(1))
        elif not inner or _reports_another(found):
            found = _segment(part)._replace(begins=found.begins, inner=inner or found.inner)
        last = part.rstrip(" |\n").rpartition("\n")[2]
        chained = last.endswith(_CHAINED) and _indent(last) <= found.depth  # a deeper one is of a group's member
    return found if found is not None and (found.words or found.frames) else None


def _reports_another(outer: _Raised) -> bool:
    """Whether a library raised it, so that its message quotes the error it reports. Members of a group do not count."""
    places = places_in(outer.frames)
    return not outer.type.endswith("Group") and bool(places) and is_library_path(places[-1][0])


def _segment(said: str) -> _Raised:
    """Read what follows a heading: frames, then an error that is less indented."""
    lines = said.strip("\n").splitlines()
    inside = _indent(lines[0]) if lines and 'File "' in lines[0] else 1
    first = next((at for at, line in enumerate(lines) if line.strip(" |") and _indent(line) < inside), len(lines))
    rest = lines[first:]
    depth = _indent(rest[0]) if rest else 0
    over = next((at for at, line in enumerate(rest) if _is_below(line, depth)), len(rest))
    paragraph = next((at for at, line in enumerate(rest[:over]) if not line.strip(" |")), over)
    error = _error([line[depth:] for line in rest[:paragraph]])
    if not error.type.endswith("Group"):  # a group's members follow; other messages may have paragraphs
        error = _error("\n".join(line[depth:] for line in rest[:over]).rstrip().splitlines())
    closed = over < len(rest) and not error.type.endswith("Group")
    return error._replace(frames="\n".join(lines[:first]), depth=depth, closed=closed)


def _is_below(line: str, depth: int) -> bool:
    """Whether `line` ends an error of that indentation: it is a ruler, or less indented."""
    return bool(line.strip(" |")) and (_RULER.match(line) is not None or _indent(line) < depth)


def _error(lines: list[str]) -> _Raised:
    said = "\n".join(lines)
    found = _ERROR.match(said)
    return _Raised(found[1], found[2] or "") if found else _Raised("error", said)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t|"))


def places_in(said: str) -> list[Place]:
    """The places of the tracebacks in `said`, outermost first."""
    return [(path, int(line), function) for path, line, function in _FRAME.findall(said)]
