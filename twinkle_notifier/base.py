"""The two ways to tell of an exception, and the documented place of `Notifier`."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, TypeVar

from twinkle_notifier import foreign, incident, signals
from twinkle_notifier.case import Case
from twinkle_notifier.claims import Mark
from twinkle_notifier.claims.store import Store
from twinkle_notifier.errors import reason
from twinkle_notifier.incident import PATIENCE
from twinkle_notifier.message import Outcome
from twinkle_notifier.notifier import Notifier as Notifier
from twinkle_notifier.report import Progress

Function = TypeVar("Function", bound=Callable[..., Any])

log = logging.getLogger("twinkle_notifier")


def notify_exception(
    notifier: Callable[[str], object] | None,
    context: str = "",
    exc: BaseException | None = None,
    name: str | None = None,
    *,
    progress: Progress | None = None,
    mark: Mark | None = None,
    store: Store | None = None,
    earlier: Sequence[tuple[str, float]] = (),
) -> Outcome:
    """Tell people of `exc`, once over all ranks of the run, and return when it is told.

    Call it on every rank. One sends; the others wait for its word, so that none ends (and takes the rest down with
    it) before the message is out. Where the sender fails or dies, another takes over. Call it again with the same
    exception further out, or meet an equal one in a loop, and it stays silent. An error that only follows from
    another rank's (its connection closed) is told only if no rank tells of a cause. In a crash loop over several
    runs the first three are told, then the 5th, 9th, 17th ...

    Args:
        notifier: what sends the message; with None nothing happens.
        context: where the exception was met, for people, e.g. ``"forward_backward"``.
        exc: the exception. It is neither written to nor kept.
        name: the run's name; by default the script's.
        progress: how far the training got, if known.
        mark: claims made before it belong to an earlier run; by default this process's start.
        store: where the ranks agree on who tells; by default torchrun's store, Ray, or files, see docs/ranks.md.
        earlier: incidents (`Outcome.incident`) of this run's past and their times, in seconds since 1970.

    Never raises, and takes at most 25 s, 8 s of them for the send. SIGTERM and SIGINT take effect after it; SIGINT
    ends the waiting. What it could not tell is logged as an error of the logger ``twinkle_notifier``.
    """
    if notifier is None:
        return Outcome("skipped", "there is no notifier")
    if exc is None or not issubclass(
        type(exc), BaseException
    ):  # not isinstance: a class may lie about itself, or raise
        log.error("notify_exception was given %s as exc: it takes the exception itself", type(exc).__name__)
        return Outcome("failed", "exc is not an exception", final=True)

    def walk(hurry: Callable[[], bool]) -> Outcome:
        return incident.tell(notifier, Case.of(exc, name, context, progress, mark, store, earlier), hurry)

    with signals.deferred() as pending:
        answer = foreign.call(lambda: walk(pending.arrived), PATIENCE, pending.interrupted)
    outcome = answer.value or _unfinished(answer.error)
    if outcome.status not in ("sent", "duplicate", "queued"):
        log.error("people were not told of %s: %s", type(exc).__qualname__, outcome.reason)
    return outcome


def _unfinished(error: BaseException | None) -> Outcome:
    if error is None:
        return Outcome("unknown", f"no word on it within {PATIENCE:g} s, or Ctrl-C ended the waiting")
    return Outcome("failed", f"telling it raised {reason(error)}")


class watch(ContextDecorator):  # noqa: N801  it reads as a verb, like contextlib.suppress
    """Tell people of an exception that leaves the block or the function, as `notify_exception` does; it goes on.

    ::

        with watch(notifier, "evaluation", name="sft"):
            evaluate(model)

        @watch(notifier, "training", name="sft")
        def main(): ...

    A clean ``sys.exit()`` is no exception to tell. Coroutine functions can be decorated too; a generator's body runs
    after the call, so put the block inside it.
    """

    def __init__(
        self,
        notifier: Callable[[str], object] | None,
        context: str = "",
        name: str | None = None,
        *,
        store: Store | None = None,
    ) -> None:
        self._notifier, self._context, self._name, self._store = notifier, context, name, store

    def __enter__(self) -> watch:
        return self

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: TracebackType | None) -> None:
        leaving = issubclass(type(exc), SystemExit) and getattr(exc, "code", None) in (None, 0)
        clean = leaving or issubclass(type(exc), GeneratorExit)
        if exc is not None and not clean:
            notify_exception(self._notifier, self._context, exc, self._name, store=self._store)

    def __call__(self, func: Function) -> Function:
        """Decorate a function, or a coroutine function, which is watched while it runs."""
        if not iscoroutinefunction(func):
            return super().__call__(func)

        @functools.wraps(func)
        async def watched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await func(*args, **kwargs)

        return watched  # type: ignore[return-value]
