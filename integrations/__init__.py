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

    # Names that a subclass of a user's, which is a trainer's callback, too, does not take for something else.
    _run_class: ClassVar[type[TrainingRun]] = TrainingRun
    _gives_way: ClassVar[int] = 0  # to those of the same trainer that have a lower number; one of a number is enough
    _twinkle_hooks: ClassVar[
        tuple[str, ...]
    ] = ()  # that a subclass with one of its own keeps, whether it calls it or not

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
        )
        self._is_watched = self.run.stall_after is not None
        self._twinkle_prepare()

    def _twinkle_prepare(self) -> None:
        """What the framework needs before it gets the callback."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapter = next(base for base in cls.__mro__ if RunCallback in base.__bases__)
        for name in cls._twinkle_hooks:
            kept, own = getattr(adapter, name), getattr(cls, name)
            if own is not kept and not isinstance(inspect.getattr_static(cls, name), functools.partialmethod):
                setattr(cls, name, functools.partialmethod(_both, kept, own))

    @classmethod
    def among(cls: type[C], callbacks: Iterable[object]) -> list[C]:
        """Of `callbacks`, those of this class that the user has added, else the one that gives way to nobody else.

        That is none where `TWINKLE_NOTIFIER_ATTACH` switches such callbacks off.
        """
        ours = [callback for callback in callbacks if isinstance(callback, cls)]
        first = min((callback._gives_way for callback in ours), default=0)
        active = [callback for callback in ours if callback._gives_way == first]
        if not first:
            return active
        return active[:1] if TrainingRun.attaches() else []

    @classmethod
    def placed(cls: type[C], callbacks: Iterable[object]) -> list[C]:
        """The same. Each has the key of its place in the trainer from now on."""
        ours = cls.among(callbacks)
        for place, callback in enumerate(ours):
            callback.run.placed(place, len(ours))
        return ours

    def _guard(self, trainer: Any, entry: str, progress: Callable[[], Progress]) -> None:
        """Report what leaves the method `entry` of `trainer`, whose callbacks have no hook for exceptions."""
        method = getattr(trainer, entry)

        @functools.wraps(method)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except BaseException as exc:
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
