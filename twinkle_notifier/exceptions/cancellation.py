"""Cancelled tasks: by Ctrl-C, which is reported, or by code on purpose, which is no failure. Also pruned trials."""

from __future__ import annotations

import functools
import signal
import sys
import weakref
from collections import deque
from traceback import walk_tb
from typing import Any

from twinkle_notifier.exceptions import chain
from twinkle_notifier.isolation import tried
from twinkle_notifier.isolation.safe import class_slot, module_name, names, slot, type_name

_MOST = 1_000  # exceptions of a group, or of a chain
_NAMES = {"CancelledError", "Cancelled", "TaskCancelled"}  # asyncio's and anyio's; trio's; curio's
_LIBRARIES = {"anyio", "asyncio", "concurrent", "curio", "trio"}

# Cancellations that Ctrl-C caused. All are of classes that were made in Python, which take weak references.
_interrupted: weakref.WeakSet[BaseException] = weakref.WeakSet()
# Each runner whose tasks Ctrl-C cancelled, with the incident that was reported on each channel. No dict: a user's
# runner may not be hashable, and may compare in any way.
_reported: deque[tuple[weakref.ref[Any], dict[str, str]]] = deque(maxlen=16)


def is_cancel(exc: BaseException) -> bool:
    """Whether `exc` is a cancellation, as a task receives it, or a group of nothing else. Never raises."""
    found = leaves(exc)
    return bool(found) and all(map(_cancels, found))


def is_interrupted(exc: BaseException) -> bool:
    """Whether Ctrl-C cancelled the task that `exc` ends. A group counts if it holds only that and cancellations."""
    found = leaves(exc)
    others = [leaf for leaf in found if not issubclass(type(leaf), KeyboardInterrupt)]
    return all(map(_cancels, others)) and (len(others) < len(found) or any(leaf in _interrupted for leaf in others))


def _cancels(exc: BaseException) -> bool:
    # The CancelledError of concurrent.futures is an Exception: it only says that there is no result to wait for.
    return not issubclass(type(exc), Exception) and _is_a(exc, _NAMES, _LIBRARIES)


def _is_a(exc: BaseException, names: set[str], libraries: set[str]) -> bool:
    """Whether its class or one of its bases has one of these names, in one of these libraries: a user's own has not."""
    bases: tuple[type, ...] = class_slot(type(exc), "__mro__")
    return any(type_name(base) in names and module_name(base).partition(".")[0] in libraries for base in bases)


def leaves(exc: BaseException) -> list[BaseException]:
    """The exceptions in a group and in its groups; `exc` itself if it is no group; empty if there are too many."""
    waiting, seen, found = [exc], set[int](), list[BaseException]()
    while waiting and len(seen) < _MOST:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            inner = chain.members(one)
            waiting += inner
            found += [] if inner else [one]
    return [] if waiting else found


def to_report(exc: BaseException, before: int = 0) -> tuple[BaseException | None, Any]:
    """The exception to report in place of `exc`, or None; and the runner of the tasks, if Ctrl-C cancelled them.

    Call it where `exc` is caught: only there can be seen what cancelled the task. `before` is the value of `requests`
    when the block began that `exc` leaves. Never raises.
    """
    return tried(lambda: _to_report(exc, before)).value or (exc, None)


def requests() -> int:
    """How many requests to cancel the task that runs here are pending. Never raises."""
    return tried(lambda: _task().cancelling()).value or 0


def _task() -> Any:
    """The task of asyncio that runs here; None if there is none. Raises anything."""
    return sys.modules["asyncio"].current_task()


def _to_report(exc: BaseException, before: int) -> tuple[BaseException | None, Any]:
    if issubclass(type(exc), KeyboardInterrupt):
        return exc, _runner_of(exc)
    if not is_cancel(exc):
        return exc, None
    # Python 3.10: Ctrl-C ends the loop, which then cancels all other tasks.
    if (ctrl_c := _ctrl_c_behind(exc)) is not None:
        return ctrl_c, None
    if (runner := _interrupted_runner()) is not None:
        _interrupted.update(leaves(exc))
        return exc, runner
    return (None if _is_on_purpose(exc, before) else exc), None


def _ctrl_c_behind(exc: BaseException) -> BaseException | None:
    contexts = chain.chain(exc, limit=_MOST, following=lambda link: slot(link, "__context__"))[1:]
    link = next((link for link in contexts if not is_cancel(link)), None)
    return link if link is not None and issubclass(type(link), KeyboardInterrupt) else None


def _interrupted_runner() -> Any:
    """The `asyncio.Runner` (Python 3.11) that cancelled its tasks because of Ctrl-C; None if there is none.

    It raises KeyboardInterrupt only after its tasks have ended. Until then only its handler of SIGINT leads to it.
    """
    handler = signal.getsignal(signal.SIGINT)
    runner = getattr(handler.func, "__self__", None) if isinstance(handler, functools.partial) else None
    count = getattr(runner, "_interrupt_count", 0)
    return runner if type(count) is int and count > 0 else None


def _runner_of(exc: BaseException) -> Any:
    """The runner whose tasks raised `exc`, if Ctrl-C cancelled them; None if there is none."""
    if not is_cancel(slot(exc, "__context__") or exc):
        return None
    runs = (frame for frame, _ in walk_tb(slot(exc, "__traceback__")) if frame.f_code.co_name == "run")
    return next((runner for runner in (frame.f_locals.get("self") for frame in runs) if _incidents(runner)), None)


def _is_on_purpose(exc: BaseException, before: int) -> bool:
    """Whether code has cancelled the task that runs here. If not, it waited for another one that was cancelled."""
    if any("CancelledError" not in names(type(leaf)) for leaf in leaves(exc)):
        return True  # trio and curio: their cancellations never leave the blocks that asked for them
    task = tried(_task).value
    # Before Python 3.11 this cannot be known. An older request does not count: the task may have ignored it.
    return task is not None and (not hasattr(task, "cancelling") or requests() > before)


def reported(runner: Any, channel: str) -> str | None:
    """The incident as which the Ctrl-C that ended `runner` was reported on `channel`; None if it was not."""
    return _incidents(runner).get(channel)


def note(runner: Any, channel: str, incident: str) -> None:
    """Remember that the Ctrl-C that ended `runner` was reported on `channel`: its other tasks end by it, too."""
    incidents = _incidents(runner)
    if not incidents:
        _reported.append((weakref.ref(runner), incidents))
    incidents[channel] = incident


def _incidents(runner: object) -> dict[str, str]:
    found = [incidents for known, incidents in list(_reported) if known() is runner and runner is not None]
    return found[0] if found else {}


def is_pruned(exc: BaseException) -> bool:
    """Whether `exc` is Optuna's `TrialPruned`, or a class of its own that inherits it. Never raises."""
    return _is_a(exc, {"TrialPruned"}, {"optuna"})  # by name, as Optuna is not imported for this
