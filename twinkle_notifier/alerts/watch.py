"""`watch`: an exception that leaves a block or a function becomes an alert."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, TracebackType
from typing import Any, TypeVar, cast, overload

from twinkle_notifier import isolation
from twinkle_notifier.alerts import dedupe, underway
from twinkle_notifier.alerts.api import notify_exception
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import check
from twinkle_notifier.exceptions.kind import is_clean_exit
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime.language import Language, checked
from twinkle_notifier.settings import SET_UP, checked_diagnose, checked_notifier, configured

Function = TypeVar("Function", bound=Callable[..., Any])
_Notifier = Callable[[str], object]


_frame: Callable[[], FrameType | None] = vars(sys).get("_getframe", lambda: None)  # `inspect.currentframe`


class Watch:
    """What `watch` gives: for a ``with`` statement, or to decorate a function."""

    def __init__(
        self,
        notifier: _Notifier | None = SET_UP,
        context: str = "",
        name: str | None = None,
        store: Store | None = None,
        language: Language | None = None,
        diagnose: bool | None = None,
    ) -> None:
        checked_notifier(notifier, "watch")
        self._notifier, self._context, self._name, self._store = notifier, context, name, store
        self._language: Language | None = checked(language)
        self._diagnose = checked_diagnose(diagnose)
        self._configured: _Notifier | None = None

    def __enter__(self) -> Watch:
        isolation.tried(lambda: dedupe.innermost.set(dedupe.Block.now()))
        isolation.tried(self._check)
        return self

    def _check(self) -> None:
        """Log now if nothing can be sent later."""
        self._configured = None
        notifier = self._chosen()
        if notifier is None and self._notifier is not None:
            configured.warn_of_none("`watch`")
        check.begin(notifier)

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: TracebackType | None) -> None:
        try:
            if exc is not None:
                block = dedupe.innermost.get()
                self._failed(exc, block, block)
        finally:
            isolation.tried(dedupe.leave)

    def _failed(self, exc: BaseException, block: dedupe.Block | None, within: dedupe.Block | None) -> None:
        """`exc` leaves `block`; see `underway.stop`."""
        if issubclass(type(exc), GeneratorExit) or is_clean_exit(exc):
            return
        notify_exception(
            self._notifier if self._configured is None else self._configured,
            self._context,
            exc,
            self._name,
            store=self._store,
            language=self._language,
            diagnose=self._diagnose,
        )
        if block is not None:
            isolation.tried(lambda: underway.stop(block, within))

    def __call__(self, func: Function) -> Function:
        """Decorate a function, a coroutine function or a generator function, which is watched while it runs.

        Raises:
            TypeError: it is a class, an asynchronous generator, or nothing that can be called.
        """
        import inspect  # not at the top: `import twinkle_notifier` would take longer

        given: Any = func
        if issubclass(type(given), staticmethod | classmethod):
            return cast(Function, type(given)(self(given.__func__)))
        if isinstance(func, type) or inspect.isasyncgenfunction(func) or not callable(func):
            what = (
                "a class" if isinstance(func, type) else "an asynchronous generator" if callable(func) else repr(func)
            )
            raise TypeError(f"watch cannot decorate {what}: decorate its functions, or put `with watch(...)` inside it")
        return cast(Function, self._watched(func))

    def _watched(self, func: Callable[..., Any]) -> Callable[..., Any]:
        import inspect

        if _is_coroutine_function(func):

            @functools.wraps(func)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await func(*args, **kwargs)

            return coroutine
        if inspect.isgeneratorfunction(func):
            steps: Callable[..., Generator[Any, Any, Any]] = func

            @functools.wraps(func)
            def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                isolation.tried(self._check)
                # The block is not entered: between the steps of a generator the caller's code runs.
                block = isolation.tried(dedupe.Block.now).value
                try:
                    return (yield from steps(*args, **kwargs))
                except BaseException as exc:
                    outer = dedupe.innermost.set(block)
                    self._failed(exc, block, block.around if block is not None else None)
                    dedupe.innermost.reset(outer)
                    raise

            return generator

        @functools.wraps(func)
        def function(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return function

    def _chosen(self) -> _Notifier | None:
        """The notifier at the start. The block may set the variable later, from a file of settings."""
        if self._notifier is SET_UP:
            self._configured = isolation.tried(configured.get).value
            return self._configured
        return self._notifier


class _Either(Watch):
    """What `watch` gives for one callable, which may be the notifier or the function to watch: its use decides."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]) and _defined_at(_frame()):
            return super().__call__(args[0])
        return Watch()(cast(Any, self._notifier))(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        bind = getattr(type(self._notifier), "__get__", None)
        bound = self._notifier if bind is None else bind(self._notifier, instance, owner)
        return self if bound is self._notifier else _Either(bound)


@overload
def watch(
    notifier: Notifier | None = ...,
    context: str = ...,
    name: str | None = ...,
    *,
    store: Store | None = ...,
    language: Language | None = ...,
    diagnose: bool | None = ...,
) -> Watch: ...
@overload
def watch(
    notifier: _Notifier,
    context: str,
    name: str | None = ...,
    *,
    store: Store | None = ...,
    language: Language | None = ...,
    diagnose: bool | None = ...,
) -> Watch: ...
@overload
def watch(notifier: Function, /) -> Function: ...
def watch(
    notifier: Any = SET_UP,
    context: str = "",
    name: str | None = None,
    *,
    store: Store | None = None,
    language: Language | None = None,
    diagnose: bool | None = None,
) -> Any:
    """Send an alert about an exception that leaves the block or the function. The exception goes on to the caller.

        with watch(notifier, "evaluation", name="sft"):
            evaluate(model)

        @watch(notifier, "training", name="sft")
        def main(): ...

        @watch  # by the notifier that is set up: by TWINKLE_NOTIFIER_URL, else by `twinkle-notifier init`
        def main(): ...

    Without a notifier it takes the one that is set up. When there is none, it logs that once, and the block runs. With
    None no alert is sent. Each block that is entered is new: an error that has ended an earlier one is reported again.
    One exception that leaves several blocks is reported once.

    A clean ``sys.exit()`` gets no alert, unless a signal's handler calls it, nor does a task that is cancelled, unless
    by Ctrl-C. Coroutine functions and generators can be decorated, too. While an alert is sent, which takes at most
    25 s, the event loop waits.

    `store`, `language` and `diagnose` are those of `notify_exception`. Raises ArgumentError, which is a ValueError, if
    one of the latter two is none of its values, or if the notifier cannot be called.
    """
    alone = not context and all(given is None for given in (name, store, language, diagnose))
    if alone and issubclass(type(notifier), type | staticmethod | classmethod):
        return Watch()(notifier)
    if alone and type(notifier) is FunctionType:
        import inspect

        own = getattr(inspect.unwrap(notifier), "__code__", None)
        if own in _defined_at(_frame()):
            return Watch()(notifier)
    if alone and callable(notifier) and not issubclass(type(notifier), Notifier | BuiltinFunctionType):
        return _Either(notifier)
    return Watch(notifier, context, name, store, language, diagnose)


def _defined_at(called: FrameType | None) -> list[CodeType]:
    """The functions and classes in whose source lines the caller of `called` is: it runs one of their decorators."""
    frame = called.f_back if called is not None else None
    if frame is None:
        return []
    line, found = frame.f_lineno, list[CodeType]()
    codes = list(frame.f_code.co_consts)
    for code in codes:
        if type(code) is CodeType and code.co_name.startswith("<generic"):  # Python 3.12: it holds the function's
            codes += code.co_consts
        elif type(code) is CodeType and code.co_firstlineno <= line <= max(at or 0 for _, _, at in code.co_lines()):
            found += [] if code.co_name.startswith("<") else [code]  # a lambda may be in any line
    return found


def _is_coroutine_function(func: Callable[..., Any]) -> bool:
    """Whether a call gives a coroutine: a function, a partial of one, or an object with such a `__call__`."""
    import inspect

    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(
        inspect.getattr_static(type(func), "__call__")
    )
