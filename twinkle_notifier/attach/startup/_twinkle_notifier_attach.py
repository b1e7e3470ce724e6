# pyright: reportTypeCommentUsage=false
"""Runs in each Python below `twinkle-notifier run`, from its start. Standard library alone, Python 3.8 and later.

It is small, as a machine that keeps no compiled files compiles it for each Python. Two files beside it have the rest.
`_twinkle_notifier_hooks` is loaded with a module that makes processes or trainers, and loads
`_twinkle_notifier_record`, which writes the record of an end; else that is loaded when a process ends badly.

At the start it imports only what each Python has loaded anyway, and little at the end: a user's file with the name of a
module of the standard library would be run in its place. Types are comments, as an annotation costs at each start.
"""

import atexit
import errno
import os
import sys
import time as time  # as it was at the start, for the other files
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable  # noqa: F401 (in type comments)
    from types import FrameType, ModuleType  # noqa: F401
    from typing import Any  # noqa: F401
else:
    import _signal  # a part of Python itself

folder = ""  # the mailbox
_here = vars(sys)["_getframe"]  # type: Callable[[], FrameType]
done = 0  # the process that has recorded its end
_main = 0  # the main thread
_stale = None  # type: BaseException | None  # the exception that was there when this process was forked
_exit = None  # type: dict[str, Any] | None  # the record of the SystemExit that ended the program
_code = None  # type: int | None  # that of a SystemExit that ended the program, or `sys.excepthook` after it
_spare = bytes(1 << 20)  # type: bytes | None  # for the record, if no memory is left; untouched, so it costs none


def begin():  # type: () -> None
    """Attach this process."""
    global folder, _main
    if not _is_main_interpreter():
        return
    folder = os.environ["TWINKLE_NOTIFIER_SUPERVISOR"]
    _main = get_ident()
    atexit.register(end)  # the first, so the last to run: for a program that does not load `threading`
    os.register_at_fork(after_in_child=_forked)
    sys.exit = _marked(sys.exit)
    quitter = getattr(sys.modules.get("_sitebuiltins"), "Quitter", None)  # what `exit` is in a script without `sys`
    if quitter is not None:
        quitter.__call__ = _marked(quitter.__call__)
    for name in _HOOKED:
        if name in sys.modules:
            _loaded(name, sys.modules[name])
    sys.meta_path.insert(0, _Finder())


def _is_main_interpreter():  # type: () -> bool | None
    """Whether this is the main interpreter: the end of another one does not end the process."""
    try:
        _signal.signal(_signal.SIGINT, None)  # it sets nothing: another interpreter raises before it sees the None
    except TypeError:
        return True
    except ValueError:
        return False


def _forked():  # type: () -> None
    global _main, _stale, _exit, _code
    _main, _stale, _exit, _code = get_ident(), getattr(sys, "last_value", None), None, None


def part(name):  # type: (str) -> Any
    """The module of the file beside this one, whatever has become of `sys.path` and `sys.meta_path`."""
    name = "_twinkle_notifier_" + name
    if name not in sys.modules:
        module = type(sys)(name)  # type: ModuleType
        loader = __loader__
        if not hasattr(loader, "archive"):
            base = os.path.join(os.path.dirname(__file__), name)
            loader = type(loader)(name, base + os.path.splitext(__file__)[1])
        exec(loader.get_code(name), vars(module))
        sys.modules[name] = module
    return sys.modules[name]


# The import hook


class _Finder:
    """Finds what the finders behind it find, and has `_loaded` called after the module is loaded."""

    def find_spec(self, name, path=None, target=None):  # type: (str, Any, Any) -> Any
        if name not in _HOOKED or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                _watch(spec.loader, name)
                return spec
        return None


def _watch(loader, name):  # type: (Any, str) -> None
    """Have `loader` call `_loaded` once, if it is an object that loads only this module."""
    while type(loader).__name__ == "LazyLoader" and hasattr(loader, "loader"):
        loader = loader.loader
    exec_module = getattr(loader, "exec_module", None)
    if exec_module is None or isinstance(loader, type):
        return

    def once(module):  # type: (ModuleType) -> None
        if module.__name__ != name:  # an importer of an archive loads all of its modules
            exec_module(module)
            return
        try:
            loader.exec_module = exec_module
            exec_module(module)
        except BaseException as error:
            hide(error)
            raise
        _loaded(name, sys.modules.get(name, module))

    try:
        loader.exec_module = once
    except Exception:  # it takes no attribute
        pass


def hide(error):  # type: (BaseException) -> None
    """Take the frame that has just caught `error` out of its traceback; no more than tried before Python 3.11."""
    # A user's class may have an attribute of that name, which does anything.
    slot = vars(BaseException)["__traceback__"]
    slot.__set__(error, slot.__get__(error).tb_next)


def _loaded(name, module):  # type: (str, ModuleType) -> None
    try:
        if name in _THREADS:  # before Python waits for its threads, and runs what others registered until now
            sys.modules["threading"]._register_atexit(end)
        else:
            part("hooks").loaded(name, module)
    except Exception:  # another version, which we leave alone
        pass


_THREADS = {"threading", "concurrent.futures.thread"}
_HOOKED = _THREADS | {
    "multiprocessing.process" if sys.version_info >= (3, 13) else "multiprocessing.util",
    "torch.distributed.elastic.agent.server.api",
    "torch.distributed.elastic.agent.server.local_elastic_agent",
    "accelerate.accelerator",
    "transformers.trainer",
    "lightning.pytorch.trainer.trainer",
    "pytorch_lightning.trainer.trainer",
    "ray.train.v2.api.data_parallel_trainer",
    "llamafactory.v1.core.base_trainer",
    "swift.megatron.trainers.base",
}


# The end


def end():  # type: () -> None
    """Record what ends this process, once. The main program is over."""
    global done
    if done == os.getpid():
        return
    done = os.getpid()
    try:
        record = _ended()
        if record is not None:
            _recorder().write_end(record)
    except Exception:  # the disk is full, the folder is gone
        pass


def _ended():  # type: () -> dict[str, Any] | None
    if hasattr(sys, "ps1"):
        return None  # an interactive session: errors do not end it
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    traceback = getattr(sys, "last_traceback", None)
    # The traceback of an exception that was caught, as pytest does for a test's, begins in the middle of the stack.
    if error is None or error is _stale or (traceback is not None and traceback.tb_frame.f_back is not None):
        return _exit
    code = _code if _code is not None else -2 if isinstance(error, KeyboardInterrupt) else 1
    return _recorder().record(error, code) if code else None


def _recorder():  # type: () -> Any
    make_room()
    return with_files(lambda: part("record"))


def make_room():  # type: () -> None
    """Free the memory that is kept for the record."""
    global _spare
    _spare = None


def with_files(work):  # type: (Callable[[], Any]) -> Any
    """Do `work`; if no more files can be opened, close standard input, which a process that ends does not read."""
    try:
        return work()
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    os.close(0)
    try:
        return work()
    finally:
        os.open(os.devnull, os.O_RDONLY)


# sys.exit


def _marked(leave):  # type: (Callable[..., Any]) -> Callable[..., Any]
    """`sys.exit`, whose SystemExit has a `_Mark`: nothing else in Python says that one has ended the program."""

    def exits(*args, **kwargs):  # type: (*Any, **Any) -> Any
        try:
            return leave(*args, **kwargs)
        except SystemExit as error:
            try:
                vars(error)["_twinkle_notifier"] = _Mark(error)
            except Exception:  # of a user's class
                pass
            hide(error)
            raise

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(exits, name, getattr(leave, name))
    vars(exits)["__wrapped__"] = leave  # for the signature
    return exits


class _Mark:
    """Goes with a SystemExit. Where no Python code runs any more when that is let go, it has ended the program."""

    __slots__ = ("cause", "code", "outermost")

    def __init__(self, error):  # type: (SystemExit) -> None
        self.code, self.cause = error.code, error.__context__
        frame = _here()
        while frame.f_back is not None:
            frame = frame.f_back
        self.outermost = frame.f_code

    def __del__(self):  # type: () -> None
        try:
            if _here().f_back is None and get_ident() == _main and done != os.getpid():
                _left(self)
        except BaseException:  # Python is about to be gone
            pass

    def __reduce__(self):  # type: () -> tuple[Any, ...]
        return bool, ()


def _left(mark):  # type: (_Mark) -> None
    global _exit, _code
    if _code is not None:  # by this one's `__context__`
        return
    if mark.outermost.co_name in ("<module>", "_run_module_as_main"):
        _code = exit_code(mark.code)
        _exit = _recorder().exited(mark.code, mark.cause) if _code else None
    elif mark.outermost is getattr(sys.excepthook, "__code__", None):
        _code = exit_code(mark.code)


def exit_code(code):  # type: (object) -> int
    """What Python makes of the argument of `sys.exit`."""
    if code is None:
        return 0
    if not isinstance(code, int):  # it is printed
        return 1
    return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
