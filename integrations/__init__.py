"""Adapters, one file for each framework: a trainer's hooks become calls of `TrainingRun`. All callbacks share this."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

from twinkle_notifier import Notifier, Progress, Store, TrainingRun

C = TypeVar("C", bound="RunCallback")


class RunCallback:
    """A callback of any framework: it has one `run`, which the hooks of its trainer call."""

    # These names are such that a class of a user's, which inherits them, has no other use for them.
    _run_class: ClassVar[type[TrainingRun]] = TrainingRun
    # Of the callbacks of one trainer only those with the lowest number report; of those with 1 or 2 only the first.
    # 0: the user has added it. 1: it is there as the package is installed. 2: `twinkle-notifier run` has added it.
    _gives_way: ClassVar[int] = 0
    # Hooks that run even if a user's subclass has a method of the same name which does not call them. The first run
    # before that method, and once more if it calls them, which changes nothing. The second run once: after that
    # method, unless it calls them. Each of the second adds its name to `_twinkle_ran`.
    _twinkle_hooks: ClassVar[tuple[str, ...]] = ()
    _twinkle_hooks_once: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        notifier: Notifier | None = None,
        *,
        name: str | None = None,
        on_start: bool = False,
        on_end: bool = True,
        save_secrets: bool = False,
        store: Store | None = None,
        stall_after: float | None = None,
        notifications: Literal["all", "end_only", "failure_only"] | None = None,
        language: Literal["en", "zh"] | None = None,
        diagnose: bool | None = None,
        rules: Sequence[str | Mapping[str, object]] | None = None,
        progress_every: str | None = None,
    ) -> None:
        """The arguments are those of `TrainingRun`."""
        self.run: TrainingRun = self._run_class(
            notifier,
            name=name,
            on_start=on_start,
            on_end=on_end,
            save_secrets=save_secrets,
            store=store,
            stall_after=stall_after,
            notifications=notifications,
            language=language,
            diagnose=diagnose,
            rules=rules,
            progress_every=progress_every,
        )
        self._is_watched = self.run.stall_after is not None
        self._twinkle_ran: set[str] = set()
        self._twinkle_prepare()

    def _twinkle_prepare(self) -> None:
        """What the framework needs before it gets the callback."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapter = cls._adapter()
        for name in (*cls._twinkle_hooks, *cls._twinkle_hooks_once):
            kept, own = getattr(adapter, name), getattr(cls, name)
            if own is not kept and not isinstance(inspect.getattr_static(cls, name), functools.partialmethod):
                call = _both if name in cls._twinkle_hooks else functools.partial(_once, name)
                setattr(cls, name, functools.partialmethod(call, kept, own))

    @classmethod
    def _adapter(cls) -> type[RunCallback]:
        """The class that translates the framework's hooks, of which this is one or a subclass."""
        return next(base for base in cls.__mro__ if issubclass(base, RunCallback) and RunCallback in base.__bases__)

    @classmethod
    def among(cls: type[C], callbacks: Iterable[object]) -> list[C]:
        """Those of this class in `callbacks` that report: all that the user has added; if there are none, one other.

        Where `TWINKLE_NOTIFIER_ATTACH` is 0, no other reports.
        """
        ours = [callback for callback in callbacks if isinstance(callback, cls)]
        first = min((callback._gives_way for callback in ours), default=0)
        active = [callback for callback in ours if callback._gives_way == first]
        if not first:
            return active
        return active[:1] if TrainingRun.attaches() else []

    @classmethod
    def placed(cls: type[C], callbacks: Iterable[object]) -> list[C]:
        """Those of `among`. From now on the key of each one's state is its place among them."""
        ours = cls.among(callbacks)
        for place, callback in enumerate(ours):
            callback.run.placed(place, len(ours))
        return ours

    def _is_needed(self, callbacks: Iterable[object]) -> bool:
        """Whether it is the one, or one of those, that `among` finds in `callbacks`: the others do nothing."""
        return any(one is self for one in self._adapter().among(callbacks))

    def _is_needed_in(self, callbacks: Callable[[], Iterable[object]]) -> bool:
        """The same while the user's exception is on its way. A trainer that cannot say its callbacks replaces none."""
        try:
            return self._is_needed(callbacks())
        except Exception:  # noqa: BLE001  # another version, or half a trainer: rather a second alert than none
            return True

    def _guard(
        self, trainer: Any, entry: str, callbacks: Callable[[], Iterable[object]], progress: Callable[[], Progress]
    ) -> None:
        """Report what leaves the method `entry` of `trainer`, which has no hook for exceptions, but `callbacks`."""
        method = getattr(trainer, entry)

        @functools.wraps(method)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except BaseException as exc:  # it goes on
                if self._is_needed_in(callbacks):
                    self.run.failed(exc, context=entry, progress=progress)
                raise
            finally:
                self.run.pause()

        setattr(trainer, entry, guarded)

    # Hooks that come with each step. They return at once where no stall is looked for.

    def _beat(self: Any, *_: Any, **__: Any) -> None:
        if self._is_watched:
            self.run.beat()

    def _lull(self: Any, *_: Any, **__: Any) -> None:
        if self._is_watched:
            self.run.lull()


def _both(callback: Any, kept: Callable[..., object], own: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    kept(callback, *args, **kwargs)
    return own(callback, *args, **kwargs)


def _once(
    name: str, callback: Any, kept: Callable[..., object], own: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    callback._twinkle_ran.discard(name)
    try:
        return own(callback, *args, **kwargs)
    finally:
        if name not in callback._twinkle_ran:
            kept(callback, *args, **kwargs)
