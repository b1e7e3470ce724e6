"""The contract of a notifier, its registry, and the two ways to tell of an exception."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from contextlib import ContextDecorator

from twinkle_notifier import foreign, loading, signals
from twinkle_notifier.errors import ArgumentError, UnknownNotifierError, reason
from twinkle_notifier.message import Outcome

TYPE_CHECKING = False  # that of `typing`, which importing this package does not load
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any, ClassVar, TypeVar

    from twinkle_notifier.claims import Mark
    from twinkle_notifier.claims.store import Store
    from twinkle_notifier.report import Progress

    Function = TypeVar("Function", bound=Callable[..., Any])

PATIENCE = 25.0  # seconds that a process waits, in all, until it or another rank has told of its exception
_GROUP = "twinkle_notifier.notifiers"  # of entry points
_OWN = {  # notifiers of this package, by the modules that define them
    "ConsoleNotifier": "twinkle_notifier.channels.console",
    "DingNotifier": "twinkle_notifier.channels.ding",
}

_registry: dict[str, type[Notifier]] = {}


class Notifier:
    """Sends a message to people. Subclass it for a channel of your own; that alone registers it by its name.

    A subclass writes `__call__` and, if it takes arguments, `to_dict` and `_from_dict_impl`.
    """

    # The keys of `to_dict` that may hold a reference (``env:NAME``, ``file:PATH``). In a checkpoint, which others may
    # have written, references elsewhere are not looked up.
    reference_fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name, module = cls.__name__, cls.__module__
        before = _registry[name].__module__ if name in _registry else _OWN.get(name, module)
        if before != module:
            if module == _OWN.get(name):
                return  # it is loaded later than the user's own, and was replaced by that
            _log().warning("the notifier class %s of %s replaces that of %s", name, module, before)
        _registry[name] = cls
        if not module.startswith("twinkle_notifier."):
            loading.preload()

    def __call__(self, message: str) -> None:
        """Send `message`, which is Markdown; return when the service has accepted it.

        Raises:
            DeliveryError: it was not accepted, with the reason.
        """
        raise TypeError(f"{type(self).__name__} cannot send: write its __call__(self, message)")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values from which `from_dict` restores an equal notifier; ``"class"`` names this class.

        It is faithful: literal secrets are in it. What this package writes to a disk is redacted first.
        """
        return {"class": type(self).__name__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Notifier:
        """The notifier that `to_dict` described, of whichever registered class ``data["class"]`` names.

        A class that is not registered is looked for among the entry points of group ``twinkle_notifier.notifiers``.
        Nothing else is imported, whatever `data` says.

        Raises:
            ValueError: `data` is no description of a notifier.
            UnknownNotifierError: no class of that name is known.
        """
        name = data.get("class") if isinstance(data, Mapping) else None
        if not isinstance(name, str):
            raise ArgumentError("a serialized notifier is a dict whose 'class' names it, as to_dict() writes it")
        try:
            return _class_named(name)._from_dict_impl(dict(data))
        except (KeyError, TypeError) as error:
            said = "a field of it is missing, unknown, or of another type"
            raise ArgumentError(f"no {name} can be made of what is not as to_dict() writes it: {said}") from error

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        """Restore an instance from `data`. By default every other key is an argument of the class."""
        return cls(**{key: value for key, value in data.items() if key != "class"})

    @classmethod
    def _taken_from_checkpoint(cls, data: dict[str, Any]) -> dict[str, Any]:
        """What `_from_dict_impl` gets of `data` that a checkpoint holds, which others may have written."""
        return data


def _class_named(name: str) -> type[Notifier]:
    if name not in _registry and name in _OWN:
        __import__(_OWN[name])
    if name not in _registry:
        from importlib.metadata import entry_points

        for entry in entry_points(group=_GROUP, name=name):
            found = entry.load()
            if isinstance(found, type) and issubclass(found, Notifier):
                return found
        raise UnknownNotifierError(name, list({*_registry, *_OWN}))
    return _registry[name]


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
        _log_error("notify_exception was given %s as exc: it takes the exception itself", type(exc).__name__)
        return Outcome("failed", "exc is not an exception", final=True)

    def walk(hurry: Callable[[], bool]) -> Outcome:
        from twinkle_notifier import incident  # loaded by now, see `preload`; else here, where it may fail or hang
        from twinkle_notifier.case import Case

        return incident.tell(notifier, Case.of(exc, name, context, progress, mark, store, earlier), hurry)

    with signals.deferred() as pending:
        answer = foreign.call(lambda: walk(pending.arrived), PATIENCE, pending.interrupted)
    outcome = answer.value or _unfinished(answer.error)
    if outcome.status not in ("sent", "duplicate", "queued"):
        _log_error("people were not told of %s: %s", type(exc).__qualname__, outcome.reason)
    return outcome


def _log() -> logging.Logger:
    import logging  # loaded by now, see `preload`; importing this package loads it for nobody

    return logging.getLogger("twinkle_notifier")


def _log_error(text: str, *details: object) -> None:
    log = foreign.call(_log, loading.SECONDS).value
    if log is not None:
        log.error(text, *details)
    else:  # it cannot even be loaded
        sys.stderr.write(f"{text % details}\n")


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
        loading.preload()

    def __enter__(self) -> watch:
        return self

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: TracebackType | None) -> None:
        leaving = issubclass(type(exc), SystemExit) and getattr(exc, "code", None) in (None, 0)
        clean = leaving or issubclass(type(exc), GeneratorExit)
        if exc is not None and not clean:
            notify_exception(self._notifier, self._context, exc, self._name, store=self._store)

    def __call__(self, func: Function) -> Function:
        """Decorate a function, or a coroutine function, which is watched while it runs."""
        from inspect import iscoroutinefunction  # loaded by now, see `preload`

        if not iscoroutinefunction(func):
            return super().__call__(func)

        @functools.wraps(func)
        async def watched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await func(*args, **kwargs)

        return watched  # type: ignore[return-value]
