"""`watch`: send an alert about an exception that leaves a block or a function."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Generator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, TracebackType
from typing import Any, TypeVar, cast, overload

from twinkle_notifier import isolation
from twinkle_notifier.alerts import dedupe
from twinkle_notifier.alerts.api import notify_exception
from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import check
from twinkle_notifier.isolation import safe
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.settings import configured

Function = TypeVar("Function", bound=Callable[..., Any])
_Notifier = Callable[[str], object]

log = logging.getLogger("twinkle_notifier")


class _SetUp:
    """In place of a notifier: the one that the environment describes. None would mean that no alert is sent."""


_SET_UP = _SetUp()


_nobody: int | None = None  # the variables of which it was said that they describe no notifier


def _say_if_nobody() -> None:
    global _nobody
    if not configured.complaint and configured.texts != _nobody:
        _nobody = configured.texts
        log.warning("no alert will be sent for this run: give `watch` a notifier, or set %s", VARIABLE)


class Watch:
    """What `watch` gives: for a ``with`` statement, or to decorate a function."""

    def __init__(
        self, notifier: _Notifier | _SetUp | None, context: str, name: str | None, store: Store | None
    ) -> None:
        self._notifier, self._context, self._name, self._store = notifier, context, name, store
        self._set_up: _Notifier | None = None

    def __enter__(self) -> Watch:
        isolation.tried(dedupe.enter)
        isolation.tried(self._look)
        return self

    def _look(self) -> None:
        """Say now if nothing can be sent later."""
        notifier = self._notifier
        if type(notifier) is _SetUp:  # not isinstance: it asks the user's notifier for its class
            notifier = self._set_up = configured.get()
            if notifier is None:
                _say_if_nobody()
        check.begin(cast("_Notifier | None", notifier))

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: TracebackType | None) -> None:
        clean = issubclass(type(exc), GeneratorExit) or (issubclass(type(exc), SystemExit) and _is_zero(exc))
        try:
            if exc is not None and not clean:
                notify_exception(self._chosen(), self._context, exc, self._name, store=self._store)
        finally:
            isolation.tried(dedupe.leave)

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
                isolation.tried(self._look)
                # Not entered: between its steps the caller's code runs, which is not in this block.
                block = isolation.tried(dedupe.Block.now).value
                try:
                    return (yield from func(*args, **kwargs))
                except BaseException as exc:
                    around = dedupe.block()
                    dedupe.go_back_to(block)
                    self.__exit__(type(exc), exc, None)
                    dedupe.go_back_to(around)
                    raise

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
        if self._set_up is None:
            self._set_up = isolation.tried(lambda: configured.get(now=True)).value
        return self._set_up


class _Either(Watch):
    """Of something alone that can be called, which may be a notifier, or what is watched: its use tells."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]) and _defined_at(sys._getframe(1)):
            return super().__call__(args[0])
        return Watch(_SET_UP, "", None, None)(cast(Any, self._notifier))(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        bind = getattr(type(self._notifier), "__get__", None)
        bound = self._notifier if bind is None else bind(self._notifier, instance, owner)
        return self if bound is self._notifier else _Either(bound, "", None, None)


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
    """Send an alert about an exception that leaves the block or the function, which goes on to its caller.

    ::

        with watch(notifier, "evaluation", name="sft"):
            evaluate(model)

        @watch(notifier, "training", name="sft")
        def main(): ...

        @watch  # by the notifier that the variable TWINKLE_NOTIFIER_URL describes
        def main(): ...

    Without a notifier it takes that of the environment; when there is none, it says so, once, and the block runs. With
    None no alert is sent. Each block that is entered is new: an error that has ended an earlier one is reported again.
    One exception that leaves several blocks is reported once.

    A clean ``sys.exit()`` is no exception to tell, nor is the cancel of a task, unless it is by Ctrl-C. Coroutine
    functions and generators can be decorated too. In an event loop it holds up the loop while the alert is sent, for
    25 s at most.
    """
    alone = not context and name is None and store is None
    if alone and isinstance(notifier, type | staticmethod | classmethod):
        return Watch(_SET_UP, "", None, None)(cast(Any, notifier))
    if alone and type(notifier) is FunctionType:
        own = getattr(inspect.unwrap(notifier), "__code__", None)
        if own in _defined_at(sys._getframe(1)):
            return Watch(_SET_UP, "", None, None)(notifier)
    if alone and callable(notifier) and not issubclass(type(notifier), Notifier | BuiltinFunctionType):
        return _Either(notifier, "", None, None)
    return Watch(notifier, context, name, store)


def _defined_at(frame: FrameType) -> list[CodeType]:
    """The functions and classes within whose text `frame` stands: then it is at one of their decorators."""
    line, found = frame.f_lineno, list[CodeType]()
    codes = list(frame.f_code.co_consts)
    for code in codes:
        if type(code) is CodeType and code.co_name.startswith("<generic"):  # Python 3.12: it holds the function's
            codes += code.co_consts
        elif type(code) is CodeType and code.co_firstlineno <= line <= max(at or 0 for _, _, at in code.co_lines()):
            found += [] if code.co_name.startswith("<") else [code]  # a lambda may stand in any line
    return found


def _is_coroutine_function(func: Callable[..., Any]) -> bool:
    """Whether to call it gives a coroutine: a function, a partial of one, or an object that is called like one."""
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(
        inspect.getattr_static(type(func), "__call__")
    )


def _is_zero(exc: object) -> bool:
    """Whether Python takes this SystemExit for a good end."""
    code = safe.slot(exc, "code", SystemExit)
    return code is None or (issubclass(type(code), int) and int.__eq__(code, 0))
