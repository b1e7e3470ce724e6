"""Finds why a command ended: by the records of its processes, else the notes of its ranks, else its output."""

from __future__ import annotations

import ntpath
import os
import re
import signal
import socket
from collections.abc import Sequence
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import TOGETHER
from twinkle_notifier.exceptions import printed
from twinkle_notifier.exceptions.collateral import says_collateral
from twinkle_notifier.exceptions.frames import is_installed_anywhere
from twinkle_notifier.exceptions.printed import LAUNCHERS, child_of
from twinkle_notifier.exceptions.remote import Place, read
from twinkle_notifier.mailbox.notes import End, Failure, Note
from twinkle_notifier.messages.chinese import CHINESE
from twinkle_notifier.messages.parts import parts
from twinkle_notifier.supervisor import torchrun
from twinkle_notifier.supervisor.torchrun import Lost, Recorded

# A shell says so of its child by 128 and the number; another such exit code is more likely a command's own.
_OF_SHELLS = {
    *(signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2),
}
_OF_AGENT = {-signal.SIGTERM, -signal.SIGKILL}  # by which it ends the ranks that are left
_NEGATIVE = {signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGTERM}
KILLED = 15.0  # seconds: Lightning's launcher kills its own process up to 5 s after it has lost a rank
CLOCK = 1.0  # seconds: the times of torchrun's agent are in whole ones
_AT_ONCE = 3.0  # seconds before the end, in which another exit code is a wrapper's own: make's 2, `|| exit 5`
_SAME = 80  # characters by which a printed error is recognised as a recorded one
_HOST = 1.0  # seconds to ask a resolver for the name of this host
_OURS = os.path.dirname(os.path.dirname(__file__))
_POOL = "The above exception was the direct cause"  # behind a pool's traceback
_PLACES = ("At", CHINESE["At"])  # what a message calls the place of an error
_FAR = ("Progress", "Lost since the last checkpoint", "To go on")
_REACHED = {name: at for at, one in enumerate(_FAR) for name in (one, CHINESE[one])}
_SIGNALLED = re.compile(r"got signal: (\d{1,2})\b")


class Cause(NamedTuple):
    """What ended a command: an exception; the rank that failed first; the signal that ended a launcher or its child."""

    recorded: Recorded | None = None
    lost: Lost | None = None
    agent: int | None = None

    def __bool__(self) -> bool:
        return self != Cause()


def signal_of(code: int) -> int | None:
    """The signal that an exit code stands for: -9; 137, as a shell says it; 247, what ``sys.exit(-9)`` becomes."""
    if code < 0:
        return -code
    return next((n for n, known in ((code - 128, _OF_SHELLS), (256 - code, _NEGATIVE)) if n in known), None)


def of_command(ends: Sequence[End], code: int, at: float, pid: int = 0) -> Cause:
    """Why process `pid` ended with exit code `code` at `at`, by the recorded ends of the processes below it."""
    bad = _that_count(ends, code, at, pid)
    if agent := next((end for end in reversed(bad) if end.failures), None):
        return of_ranks(agent.failures, bad)
    if own := [end for end in bad if _is_cause(end)]:
        return _of_end(min(own, key=_order))
    causes = [found for found in map(_of_end, bad) if found]
    return min(causes, key=lambda found: found.agent is None, default=Cause())


def of_ranks(failures: Sequence[Failure], ends: Sequence[End]) -> Cause:
    """The cause among the ranks that torchrun's agent saw fail: the first, secondary errors last."""
    by_pid = {end.pid: end for end in ends if not end.failures and end.code % 256}

    def order(failure: Failure) -> tuple[int, float]:
        own = by_pid.get(failure.pid)
        if own is not None:
            return _order(own)
        followed = {-signal.SIGABRT: 1, -signal.SIGTERM: 2}.get(failure.code, 0)  # the agent ended the latter
        return followed, failure.at  # in whole seconds, and never late

    if not failures:
        return Cause()
    first = min(failures, key=order)
    recorded = by_pid.get(first.pid)
    own = _explaining_end(first, recorded, ends)
    found = _of_end(own) if own is not None else Cause()
    # A rank that has recorded its end was leaving by itself; the signal of the agent, after another's end, hurried it.
    is_hurried = first.code in _OF_AGENT and any(other.code not in _OF_AGENT for other in failures)
    code = recorded.code if recorded is not None and is_hurried else first.code
    closed = {other.rank for other in failures if other.rank is not None and order(other)[0] > 1} - {first.rank}
    return Cause(
        found.recorded,
        Lost(
            code if found.agent is None else -found.agent,
            first.pid,
            first.local_rank if first.local_rank is not None else first.rank or 0,
            first.rank,
            isolation.call(socket.getfqdn, _HOST).value or socket.gethostname(),
            order(first)[1],
            sorted(closed),
            first.logs,
        ),
    )


def _explaining_end(failure: Failure, own: End | None, ends: Sequence[End]) -> End | None:
    """The end that explains `failure`: the rank's `own`, else that of a process which the rank may have started."""
    if own is not None and _is_cause(own):
        return own
    until = own.at if own is not None else failure.at + CLOCK
    below = [end for end in ends if _is_cause(end) and end.rank == failure.rank is not None and end.at <= until]
    return min(below, key=_order, default=own)


def _of_end(end: End) -> Cause:
    """The end's own exception; for a launcher the signal that killed its child."""
    if (number := _signal(end)) is not None:
        return Cause(agent=number)
    return Cause(_recorded(end) if _says_something(end) else None)


def by_texts(
    found: Cause, output: str, error_file: Recorded | None, ends: Sequence[End], notes: Sequence[Note]
) -> Cause:
    """`found` with the error of the error file, else of the output, else of a rank's note, unless another is known."""
    if error_file is not None:
        return found._replace(recorded=error_file)
    recorded, lost = None, found.lost
    said = printed.found(torchrun.without_own_lines(output), lost.rank if lost else None)
    # An error that is also among the recorded ends did not count there.
    if said is not None and not any(said.error.startswith(f"{end.type}: {end.message}"[:_SAME]) for end in ends):
        number = signal_of(said.child) if said.child is not None else None
        if number is not None:
            return found._replace(lost=lost._replace(code=-number)) if lost else found._replace(agent=number)
        secondary = says_collateral(said.error)
        recorded = Recorded(said.error, said.text, secondary=secondary) if lost is None or not secondary else None
    if recorded is None or recorded.secondary:
        recorded = left(notes, lost) or recorded
    return found._replace(recorded=recorded)


def left(notes: Sequence[Note], lost: Lost | None) -> Recorded | None:
    """The error in the note of the rank that failed first, or of any rank if that one is not known."""
    for note in notes:
        if note.state == "left" and note.text and (lost is None or note.holder.pid == lost.pid):
            found = parts(note.text)
            traceback = next((f"{section.text}\n" for section in reversed(found.rest) if section.is_code), "")
            at = next((text for name, text in found.facts if name in _PLACES), "")
            error = read(traceback)
            if error is not None:
                message = f"{error.type}: {error.message}" if error.message else error.type
            else:
                message = re.split(": |：", found.title, maxsplit=1)[-1]  # behind the name and the fate
            return Recorded(message, traceback, at, note.rank, secondary=True)
    return None


def progress(notes: Sequence[Note]) -> list[str]:
    """How far the run got and how it goes on, in list items, by the last note of a rank that says so."""
    for note in reversed(notes):
        if note.state == "left" and note.text:
            found = {_REACHED[name]: f"- {name}: {text}" for name, text in parts(note.text).facts if name in _REACHED}
            if found:
                return [found[at] for at in sorted(found)]
    return []


def _that_count(ends: Sequence[End], code: int, at: float, pid: int) -> list[End]:
    """The bad ends, oldest first, whose exit codes explain the command's."""
    bad = sorted((end for end in ends if end.code % 256 and code), key=lambda end: end.at)
    fitting = {_plain(code)}
    found: list[End] = []
    for end in reversed([end for end in bad if bad[-1].at - end.at <= TOGETHER]):
        if end.pid == pid or _plain(end.code) in fitting or _is_just_before(end, code, at):
            found.append(end)
            fitting |= {_plain(child) for child in (end.child, *(failure.code for failure in end.failures)) if child}
            fitting |= {_plain(end.code)}
        elif any(end.pid == failure.pid for launcher in found for failure in launcher.failures):
            found.append(end)
    return found[::-1]


def _is_just_before(end: End, code: int, at: float) -> bool:
    if signal_of(code) is None:
        return at - end.at <= _AT_ONCE
    return code < 0 and end.rank is not None and at - end.at <= KILLED


def _plain(code: int) -> int:
    number = signal_of(code)
    return code if number is None else -number


def _is_cause(end: End) -> bool:
    """Whether the end says more than that a child or a signal ended the process."""
    if end.child is not None or end.failures or _signal(end) is not None or end.type.endswith(LAUNCHERS):
        return False
    return _says_something(end)


def _says_something(end: End) -> bool:
    return end.type != "SystemExit" or not re.fullmatch(r"\s*-?\d*\s*", end.message)


def _signal(end: End) -> int | None:
    """The signal that ended the process, its child, or torchrun's agent."""
    kind = end.type.rpartition(".")[2]
    if kind == "KeyboardInterrupt":
        return signal.SIGINT
    if kind == "SignalException" and (found := _SIGNALLED.search(end.message)):
        return int(found[1])
    if end.child is not None:
        return signal_of(end.child)
    if kind == "ProcessExitedException":  # of torch.multiprocessing
        return signal_of(child_of(end.message) or 0)
    return signal_of(end.code) if kind == "SystemExit" else None


def _order(end: End) -> tuple[bool, float]:
    return _is_secondary(end), end.at


def _is_secondary(end: End) -> bool:
    return says_collateral(f"{end.type}: {end.message}")


def _recorded(end: End) -> Recorded:
    named = "" if end.type == "SystemExit" else f"{end.type}: " if end.message else end.type
    message, frames = named + end.message, [*end.frames]
    # A DataLoader's worker, a spawned process: a library raises their error once more.
    if frames and _is_library(frames[-1][0]) and (there := read(end.message)):
        message, frames = f"{there.type}: {there.message}", there.places() or frames
    elif "RemoteTraceback: " in end.traceback and (there := read(end.traceback.partition(_POOL)[0])):
        frames = there.places()
    own = _own_place(frames) or _own_place(end.frames)
    at, code = (_shown(own), _source(own, end.traceback)) if own else ("", "")
    return Recorded(message, end.traceback, at, end.rank, end.pid, end.at, _is_secondary(end), code)


def _own_place(places: Sequence[Place]) -> Place | None:
    """The innermost place in the user's own code."""
    return next((place for place in reversed(places) if not _is_library(place[0])), None)


def _shown(place: Place) -> str:
    """As ``train.py:12 in load``."""
    path, line, function = place
    return f"{ntpath.basename(path)}:{line} in {function}"


def _source(place: Place, traceback: str) -> str:
    """The line of code there, as `traceback` shows it; empty if it does not."""
    path, line, function = place
    _, found, below = traceback.rpartition(f'File "{path}", line {line}, in {function}\n')
    code = below.partition("\n")[0]
    is_code = found and code.startswith(" ") and not code.lstrip(" |").startswith(('File "', "["))
    return code.strip(" |") if is_code else ""


def _is_library(path: str) -> bool:
    return is_installed_anywhere(path) or path.startswith(_OURS)
