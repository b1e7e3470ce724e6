"""`watch`: tell of what leaves a block or a function."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Generator
from types import FrameType, FunctionType, TracebackType
from typing import Any, TypeVar, cast, overload

from twinkle_notifier import checks, foreign, occurrences
from twinkle_notifier.base import notify_exception
from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.claims.store import Store
from twinkle_notifier.configured import configured
from twinkle_notifier.notifier import Notifier

Function = TypeVar("Function", bound=Callable[..., Any])
_Notifier = Callable[[str], object]

log = logging.getLogger("twinkle_notifier")


class _SetUp:
    """In place of a notifier: the one that the environment describes. None would mean that nobody is told."""


_SET_UP = _SetUp()


_nobody: tuple[str | None, ...] | None = None  # the variables' texts of which it was said that nobody is told


def _say_if_nobody() -> None:
    global _nobody
    if configured.get() is None and not configured.complaint and configured.texts != _nobody:
        _nobody = configured.texts
        log.warning("nobody will be told of this run: give `watch` a notifier, or set %s", VARIABLE)


class Watch:
    """What `watch` gives: for a ``with`` statement, or to decorate a function."""

    def __init__(
        self, notifier: _Notifier | _SetUp | None, context: str, name: str | None, store: Store | None
    ) -> None:
        self._notifier, self._context, self._name, self._store = notifier, context, name, store
        self._set_up: _Notifier | None = None

    def __enter__(self) -> Watch:
        foreign.tried(occurrences.enter)
        # Not isinstance: it asks the user's notifier for its class. If none is set up, that is said now.
        if type(self._notifier) is _SetUp:
            self._set_up = foreign.tried(configured.get).value
            foreign.tried(_say_if_nobody)
        foreign.tried(lambda: checks.begin(self._chosen()))
        return self

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: TracebackType | None) -> None:
        clean = issubclass(type(exc), GeneratorExit) or (issubclass(type(exc), SystemExit) and _is_zero(exc))
        try:
            if exc is not None and not clean:
                notify_exception(self._chosen(), self._context, exc, self._name, store=self._store)
        finally:
            foreign.tried(occurrences.leave)

    def __call__(self, func: Function) -> Function:
        """Decorate a function, a coroutine function or a generator function, which is watched while it runs.

        Raises:
            TypeError: it is a class, an asynchronous generator, or nothing that can be called.
        """
        if isinstance(func, staticmethod | classmethod):
            return cast(Function, type(func)(self(func.__func__)))
        if isinstance(func, type) or inspect.isasyncgenfunction(func) or not callable(func):
            what = (
                "a class" if isinstance(func, type) else "an asynchronous generator" if callable(func) else repr(func)
            )
            raise TypeError(f"watch cannot decorate {what}: decorate its functions, or put `with watch(...)` inside it")
        return cast(Function, self._watched(func))

    def _watched(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if _is_coroutine_function(func):

            @functools.wraps(func)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await func(*args, **kwargs)

            return coroutine
        if inspect.isgeneratorfunction(func):

            @functools.wraps(func)
            def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                with self:
                    return (yield from func(*args, **kwargs))

            return generator

        @functools.wraps(func)
        def function(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return function

    def _chosen(self) -> _Notifier | None:
        if type(self._notifier) is not _SetUp:
            return cast("_Notifier | None", self._notifier)
        # The block may have set the variable, from a file of settings.
        return self._set_up if self._set_up is not None else foreign.tried(configured.get).value


class _Either(Watch):
    """Of a function alone, which may be a notifier, or what is watched: its use tells."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]):
            return super().__call__(args[0])
        return Watch(_SET_UP, self._context, self._name, self._store)(cast(Any, self._notifier))(*args, **kwargs)


@overload
def watch(
    notifier: Notifier | None = ..., context: str = ..., name: str | None = ..., *, store: Store | None = ...
) -> Watch: ...
@overload
def watch(notifier: _Notifier, context: str, name: str | None = ..., *, store: Store | None = ...) -> Watch: ...
@overload
def watch(notifier: Function, /) -> Function: ...
def watch(
    notifier: Any = _SET_UP,
    context: str = "",
    name: str | None = None,
    *,
    store: Store | None = None,
) -> Any:
    """Tell people of an exception that leaves the block or the function, as `notify_exception` does; it goes on.

    ::

        with watch(notifier, "evaluation", name="sft"):
            evaluate(model)

        @watch(notifier, "training", name="sft")
        def main(): ...

        @watch  # by the notifier that the variable TWINKLE_NOTIFIER_URL describes
        def main(): ...

    Without a notifier it takes that of the environment; when there is none, it says so, once, and the block runs. With
    None nobody is told. Each block that is entered is new: an error that an earlier one was left by is told again; one
    exception that leaves several is told once.

    A clean ``sys.exit()`` is no exception to tell, nor is the cancel of a task, unless it is by Ctrl-C. Coroutine
    functions and generators can be decorated too. In an event loop it holds up the loop while people are told, for
    25 s at most.
    """
    alone = not context and name is None and store is None
    if alone and isinstance(notifier, type | staticmethod | classmethod):
        return Watch(_SET_UP, "", None, None)(cast(Any, notifier))
    if alone and type(notifier) is FunctionType:
        if _is_being_defined(notifier, sys._getframe(1)):
            return Watch(_SET_UP, "", None, None)(notifier)
        return _Either(notifier, "", None, None)
    return Watch(notifier, context, name, store)


def _is_being_defined(function: FunctionType, frame: FrameType) -> bool:
    """Whether it is what a ``def`` in `frame` makes, and does not have its name yet: then it is being decorated."""
    own = inspect.unwrap(function)
    code, name = getattr(own, "__code__", None), own.__name__
    return (
        code is not None
        and name != "<lambda>"
        and code in frame.f_code.co_consts
        and frame.f_locals.get(name) is not own
    )


def _is_coroutine_function(func: Callable[..., Any]) -> bool:
    """Whether to call it gives a coroutine: a function, a partial of one, or an object that is called like one."""
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(
        inspect.getattr_static(type(func), "__call__")
    )


def _is_zero(exc: object) -> bool:
    """Whether Python takes this SystemExit for a good end."""
    code = foreign.slot(exc, "code", SystemExit)
    return code is None or (issubclass(type(code), int) and int.__eq__(code, 0))
