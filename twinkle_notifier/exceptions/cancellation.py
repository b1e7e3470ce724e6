"""What cancels a task: a person's Ctrl-C, by way of `asyncio.run`, or code that wants it so, which is no failure."""

from __future__ import annotations

import functools
import signal
import sys
import threading
import weakref
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import Any, NamedTuple

from twinkle_notifier.exceptions import chain
from twinkle_notifier.isolation import tried
from twinkle_notifier.isolation.safe import class_slot, module_name, names, slot, type_name

_LOOKED_AT = 1_000  # exceptions of a group, or of a chain
_NAMES = {"CancelledError", "Cancelled", "TaskCancelled"}  # asyncio's and anyio's; trio's; curio's

_LIBRARIES = {"anyio", "asyncio", "concurrent", "curio", "trio"}

# Where exceptions are noted here they are of classes made in Python, which take weak references.
_interrupted: weakref.WeakSet[BaseException] = weakref.WeakSet()
# What ran the tasks that were cancelled by Ctrl-C, and the incident as which each channel was told of that.
# A list, since a runner of the user's may not be hashable, and compare in any way.
_told: deque[tuple[weakref.ref[Any], dict[str, str]]] = deque(maxlen=16)


def is_cancel(exc: BaseException) -> bool:
    """Whether `exc` is how a task learns that it is cancelled, or a group of nothing else. Never raises."""
    return all(map(_cancels, found)) if (found := leaves(exc)) else False


def is_interrupted(exc: BaseException) -> bool:
    """Whether a person's Ctrl-C cancelled the task that `exc` ends, or it is a group in which that is what happened."""
    found = leaves(exc)
    at_all = any(
        issubclass(type(leaf), KeyboardInterrupt) or (_cancels(leaf) and leaf in _interrupted) for leaf in found
    )
    return at_all and all(issubclass(type(leaf), KeyboardInterrupt) or _cancels(leaf) for leaf in found)


def _cancels(exc: BaseException) -> bool:
    # The one of concurrent.futures is an Exception: it tells who waits for a result that there is none.
    return not issubclass(type(exc), Exception) and any(map(_is_cancel, class_slot(type(exc), "__mro__")))


def _is_cancel(base: type) -> bool:
    return type_name(base) in _NAMES and module_name(base).partition(".")[0] in _LIBRARIES  # not the user's own


def leaves(exc: BaseException) -> list[BaseException]:
    """What a group holds, and groups within it; of none, `exc` itself. Nothing if that is too much to look at."""
    waiting, seen, found = [exc], set[int](), list[BaseException]()
    while waiting and len(seen) < _LOOKED_AT:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            inner = chain.members(one)
            waiting += inner
            found += [] if inner else [one]
    return [] if waiting else found


def to_tell(exc: BaseException, before: int = 0) -> tuple[BaseException | None, Any]:
    """The exception to alert about instead of `exc`, None if none; and what ran the tasks, if Ctrl-C cancelled them.

    Call it where `exc` is caught: what cancelled a task can only be seen there. `before`: the `requests` there were
    when the block began that `exc` leaves. Never raises.
    """
    return tried(lambda: _to_tell(exc, before)).value or (exc, None)


def requests() -> int:
    """How often code has asked to cancel the task that runs here, and has not taken it back. Never raises."""
    if "asyncio" not in sys.modules:
        return 0
    return tried(lambda: sys.modules["asyncio"].current_task().cancelling()).value or 0


def _to_tell(exc: BaseException, before: int) -> tuple[BaseException | None, Any]:
    if issubclass(type(exc), KeyboardInterrupt):
        return exc, _runner_of(exc)
    if not is_cancel(exc):
        return exc, None
    # Python 3.10: Ctrl-C ends the loop, and then each task that is left is cancelled.
    if (ctrl_c := _ctrl_c_behind(exc)) is not None:
        return ctrl_c, None
    if (runner := _interrupted_runner()) is not None:
        _interrupted.update(leaves(exc))
        return exc, runner
    return (None if _is_on_purpose(exc, before) else exc), None


def _ctrl_c_behind(exc: BaseException) -> BaseException | None:
    link = slot(exc, "__context__")
    for _ in range(_LOOKED_AT):  # they may stand in a circle
        if link is None or not is_cancel(link):
            break
        link = slot(link, "__context__")
    return link if link is not None and issubclass(type(link), KeyboardInterrupt) else None


def _interrupted_runner() -> Any:
    """The `asyncio.Runner` (Python 3.11) that has cancelled its tasks, as Ctrl-C was pressed; None if none has.

    It raises KeyboardInterrupt only when they have ended. Its handler of SIGINT leads to it.
    """
    handler = signal.getsignal(signal.SIGINT)
    if type(handler) is not functools.partial:
        return None
    runner = getattr(handler.func, "__self__", None)
    count = getattr(runner, "_interrupt_count", 0)
    return runner if type(count) is int and count > 0 else None


def _runner_of(exc: BaseException) -> Any:
    """The runner whose tasks raised `exc`, if Ctrl-C cancelled them; None if there is none."""
    if not is_cancel(slot(exc, "__context__") or exc):
        return None
    for frame, _ in walk_tb(slot(exc, "__traceback__")):
        if frame.f_code.co_name == "run" and _incidents(runner := frame.f_locals.get("self")):
            return runner
    return None


def _is_on_purpose(exc: BaseException, before: int) -> bool:
    """Whether code has cancelled the task that runs here; else it has waited for another that was."""
    if any("CancelledError" not in names(type(leaf)) for leaf in leaves(exc)):
        return True  # of a library whose cancels never leave their own blocks
    task = tried(lambda: sys.modules["asyncio"].current_task()).value
    if task is None:
        return False
    # Python 3.11; without it nobody can tell. A task may have swallowed a cancel long ago.
    return not hasattr(task, "cancelling") or requests() > before


def told(runner: Any, channel: str) -> str | None:
    """The incident as which `channel` was told of the Ctrl-C that `runner` met; else None."""
    return _incidents(runner).get(channel)


def note(runner: Any, channel: str, incident: str) -> None:
    """Remember that `channel` was told of the Ctrl-C that `runner` met: its other tasks meet the same."""
    incidents = _incidents(runner)
    if not incidents:
        _told.append((weakref.ref(runner), incidents))
    incidents[channel] = incident


def _incidents(runner: object) -> dict[str, str]:
    return next((incidents for known, incidents in list(_told) if known() is runner and runner is not None), {})


_BEST = 5  # trials that are named where a search has several objectives


class Trial(NamedTuple):
    """A trial that is among the best, as its search knows it."""

    name: object
    objective: object
    parameters: object


@dataclass
class Search:
    """What became of a search's trials in this process."""

    trials: int = 0
    failed: int = 0
    pruned: int = 0
    _threads: set[int] = field(default_factory=set[int])  # that are in a trial

    @contextmanager
    def trial(self, *, begins: bool) -> Generator[None]:
        """A trial, or a part of one that does not begin with it; of blocks within each other the outermost counts."""
        thread = threading.get_ident()
        if thread in self._threads:
            yield
            return
        self._threads.add(thread)
        self.trials += begins
        try:
            yield
        except BaseException as exc:
            self.pruned, self.failed = self.pruned + is_pruned(exc), self.failed + (not is_pruned(exc))
            raise
        finally:
            self._threads.discard(thread)

    def facts(self, *best: tuple[object, object, object]) -> list[str]:
        """Markdown list items: how many trials there were, and the `best`: name, objective, parameters of each."""
        counts = [f"{self.trials} trials", f"{self.failed} failed", f"{self.pruned} pruned"]
        told = [count for count in counts if not count.startswith("0 ")]
        return [f"- Search: {', '.join(told)}"] * bool(told) + [
            f"- Best trial: {trial.name}, objective {_shown(trial.objective)}, {_shown(trial.parameters)}"
            for trial in map(Trial._make, best[:_BEST])
        ]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(of)}" for name, of in value.items())
    if isinstance(value, list | tuple):
        return " and ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_pruned(exc: BaseException) -> bool:
    """Whether `exc` is Optuna's `TrialPruned`, or a class of its own that inherits it. Never raises."""
    # By name: Optuna need not be here, and loading it to find out would be too much.
    return any(map(_is_signal, class_slot(type(exc), "__mro__")))


def _is_signal(base: type) -> bool:
    return type_name(base) == "TrialPruned" and module_name(base).partition(".")[0] == "optuna"
