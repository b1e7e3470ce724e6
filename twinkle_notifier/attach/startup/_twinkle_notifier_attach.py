"""What is done inside a Python below `twinkle-notifier run`. Standard library alone, Python 3.8 and later.

Nothing but what each Python has loaded anyway is imported at the start, and little at the end: a file of the user's
that is called as a module of the standard library would be run in its place.
"""

import atexit
import os
import sys
import time
from _thread import get_ident

_MESSAGE = 2_000  # characters
_TRACEBACK = 32_000
_FRAMES = 64
_SECONDS = 2.0  # for an exception's own code, as `__str__`
_MOST = 2**53  # of a number, as the reader has it

_folder = ""  # the mailbox
_main = 0  # the main thread
_done = 0  # the process, if it has written its end
_stale = None  # an exception that was there when this process was forked
_exit = None  # the SystemExit that ended the program, as `_exited` makes it


def begin():
    """Attach this process."""
    global _folder, _main
    _folder = os.environ["TWINKLE_NOTIFIER_SUPERVISOR"]
    _main = get_ident()
    atexit.register(_end)  # the first, so the last to run: for a program that does not load `threading`
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
    sys.exit = _marked(sys.exit)
    for name in _HOOKS:
        if name in sys.modules:
            _loaded(name, sys.modules[name])
    sys.meta_path.insert(0, _Finder())


def _forked():
    global _main, _stale, _exit
    _main, _stale, _exit = get_ident(), getattr(sys, "last_value", None), None


# The import hook


class _Finder:
    """Finds what the finders behind it find, and sees to it that `_loaded` is called when that is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name not in _HOOKS or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                _watch(spec.loader, name)
                return spec
        return None


def _watch(loader, name):
    """Have `loader` call `_loaded` once, if it is an object of its own that loads but this module."""
    while type(loader).__name__ == "LazyLoader" and hasattr(loader, "loader"):
        loader = loader.loader
    exec_module = getattr(loader, "exec_module", None)
    if exec_module is None or isinstance(loader, type):
        return

    def once(module):
        vars(loader).pop("exec_module", None)
        exec_module(module)
        _loaded(name, sys.modules.get(name, module))

    try:
        loader.exec_module = once
    except Exception:  # it has no room for it
        pass


def _loaded(name, module):
    try:
        _HOOKS[name](name, module)
    except Exception:  # another version: what we do not know we leave alone
        pass


# The record of an end


def _end():
    """Write down what ends this process, once: Python has let go of the main program."""
    global _done
    if _done == os.getpid():
        return
    _done = os.getpid()
    try:
        record = _ended()
        if record is not None:
            _write("%d.end" % _done, record)
    except Exception:  # the disk is full, the folder is gone
        pass


def _ended():
    if sys.flags.interactive or sys.flags.inspect or hasattr(sys, "ps1"):
        return None  # at a prompt errors end nothing
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    traceback = getattr(sys, "last_traceback", None)
    # One that somebody caught, as pytest does with that of a test, begins in the middle of the stack.
    if error is None or error is _stale or (traceback is not None and traceback.tb_frame.f_back is not None):
        return _exit if _exit is not None and _exit["code"] else None
    code = -2 if isinstance(error, KeyboardInterrupt) else 1
    if _exit is not None:  # by `sys.excepthook`
        code = _exit["code"]
    return _record(error, code) if code else None


def _record(error, code):
    """The fields of an `End`: see `twinkle_notifier.supervision`. What cannot be found out is left out."""
    record = {"pid": os.getpid(), "at": time.time(), "type": "Exception", "message": "", "code": code}
    record.update(rank=None, traceback="", frames=[], child=None, failures=[])
    parts = {
        "rank": _rank,
        "type": lambda: _name(type(error)),
        "frames": lambda: _frames(error.__traceback__),
        "message": lambda: _cut(_text(error), _MESSAGE),
        "traceback": lambda: _traceback(error),
        "child": lambda: _whole(getattr(error, "returncode", None)),
        "failures": lambda: _failures(getattr(error, "failures", None)),
    }
    with _Bound():
        for part, find in parts.items():
            try:
                record[part] = find()
            except BaseException:  # of the exception's own code, of memory, of time
                pass
    return record


class _Bound:
    """Code of the user's within it is broken off, again and again, once `_SECONDS` are over."""

    def __enter__(self):
        import _signal  # a part of Python itself

        def late(number, frame):
            raise _Late

        self.signal, self.since = _signal, time.monotonic()
        self.before, self.timer = None, (0.0, 0.0)
        try:
            self.before = _signal.signal(_signal.SIGALRM, late)
            self.timer = _signal.setitimer(_signal.ITIMER_REAL, _SECONDS, 0.1)
        except (AttributeError, ValueError):  # on Windows; not in the main thread
            pass

    def __exit__(self, kind, error, traceback):
        if self.before is not None:
            self.signal.setitimer(self.signal.ITIMER_REAL, 0)
            self.signal.signal(self.signal.SIGALRM, self.before)
            if self.timer[0]:
                left = self.timer[0] - (time.monotonic() - self.since)
                self.signal.setitimer(self.signal.ITIMER_REAL, max(left, 0.001), self.timer[1])
        return kind is _Late


class _Late(BaseException):
    pass


def _rank():
    rank = os.environ.get("RANK", "")
    return int(rank) if rank.isdecimal() and len(rank) < 10 else None


def _name(kind):
    module, name = kind.__module__, kind.__qualname__
    return str(name) if module in ("builtins", "__main__") else "%s.%s" % (module, name)


def _text(error):
    return str.__str__(str(error))


def _cut(text, most):
    """Both ends of `text`."""
    return text if len(text) <= most else text[: most // 4] + "\n...\n" + text[len(text) - most + most // 4 + 5 :]


def _frames(traceback):
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append((code.co_filename, traceback.tb_lineno or 0, code.co_name))
        if len(found) > 2 * _FRAMES:
            del found[_FRAMES // 4]
        traceback = traceback.tb_next
    return found if len(found) <= _FRAMES else found[: _FRAMES // 4] + found[_FRAMES // 4 - _FRAMES :]


def _traceback(error):
    import traceback

    lines = traceback.TracebackException(type(error), error, error.__traceback__).format()
    return _cut("".join(_cut(line, _TRACEBACK // 4) for line in lines), _TRACEBACK)


def _whole(value):
    return int(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST else None


def _failures(failures):
    """Those of torchrun's agent: `failures` has a ProcessFailure for each rank."""
    return [_failure(rank, failure) for rank, failure in (failures or {}).items()]


def _failure(rank, failure):
    return {
        "rank": _whole(rank),
        "local_rank": _whole(failure.local_rank),
        "pid": int(failure.pid),
        "code": int(failure.exitcode),
        "at": float(failure.timestamp),
        "error_file": str(failure.error_file) if os.path.isabs(failure.error_file) else "",
    }


def _write(name, fields):
    """Replace the file `name` of the mailbox. Raises OSError."""
    path = os.path.join(_folder, name)
    begun = "%s.%d.begun" % (path, time.time_ns())
    file = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        try:
            data = _json(fields).encode("utf-8", "replace")
            while data:
                data = data[os.write(file, data) :]
        finally:
            os.close(file)
        os.replace(begun, path)
    except BaseException:
        os.unlink(begun)
        raise


_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\"}
_ESCAPES.update((number, "\\u%04x" % number) for number in range(32))


def _json(value):
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"%s"' % str.translate(value, _ESCAPES)
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (_json(key), _json(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(map(_json, value))
    return repr(value)


# sys.exit


def _marked(leave):
    """`sys.exit`, whose SystemExit has a `_Mark`: nothing else in Python says that one has ended the program."""

    def exit(status=None, /):
        try:
            leave(status)
        except SystemExit as error:
            try:
                vars(error)["_twinkle_notifier"] = _Mark(error)
            except Exception:  # a class of the user's
                pass
            error.__traceback__ = None  # from Python 3.11 on this frame is not in it
            raise

    exit.__module__, exit.__qualname__, exit.__doc__ = "sys", "exit", leave.__doc__
    return exit


class _Mark:
    """Goes with a SystemExit. Where no Python code runs any more when that is let go, it has ended the program."""

    __slots__ = ("cause", "code")

    def __init__(self, error):
        self.code, self.cause = error.code, error.__context__

    def __del__(self):
        global _exit
        try:
            if sys._getframe().f_back is None and get_ident() == _main and _done != os.getpid():
                _exit = _exited(self.code, self.cause)
        except BaseException:  # Python is about to be gone
            pass

    def __reduce__(self):
        return bool, ()


def _exited(code, cause):
    """The record of a SystemExit: of the exception that was handled, where it has no words of its own."""
    if code is None or isinstance(code, int):
        number = _exit_code(code or 0)
        if number and cause is not None and not isinstance(cause, SystemExit):
            return _record(cause, number)
        record = _record(SystemExit(), number)
    else:
        record = _record(SystemExit(code), 1)  # Python prints it
    record["traceback"] = ""
    return record


def _exit_code(number):
    """What Python makes of it."""
    return number & 0xFF if -(2**63) <= number < 2**63 else 0xFF


# Children of multiprocessing


class _Children:
    """What `multiprocessing.util` calls in each child before its work, and at its end."""

    def __init__(self):
        self.before = None

    def begin(self):
        self.before = sys.exc_info()[1]
        sys.modules["multiprocessing.util"].Finalize(None, self.end, exitpriority=1_000_000_000)

    def end(self):
        global _done
        error = sys.exc_info()[1]
        if error is None or error is self.before or _done == os.getpid():
            return
        try:
            if isinstance(error, SystemExit):
                record = _exited(error.code, error.__context__)
            else:
                record = _record(error, 1)
            if record["code"]:
                _done = os.getpid()
                _write("%d.end" % _done, record)
        except Exception:  # the disk is full, the folder is gone
            pass


_children = _Children()


def _children_loaded(name, module):
    module.register_after_fork(_children, _Children.begin)


def _threads_loaded(name, module):
    """Before Python waits for its threads `_end` runs, and before it runs what others registered until now."""
    sys.modules["threading"]._register_atexit(_end)


# torchrun's agent


def _agent_loaded(name, module):
    agent_class = module.SimpleElasticAgent
    restart_workers = agent_class._restart_workers

    def _restart_workers(self, *args, **kwargs):
        try:
            _restarted(self)
        except Exception:  # another version, the disk is full
            pass
        return restart_workers(self, *args, **kwargs)

    agent_class._restart_workers = _like(restart_workers, _restart_workers)


def _restarted(agent):
    failures = _failures(vars(agent).pop("_twinkle_notifier_failures", None))
    most, left = agent._worker_group.spec.max_restarts, agent._remaining_restarts
    number = vars(agent).get("_twinkle_notifier_restarts", 0) + 1
    agent._twinkle_notifier_restarts = number
    fields = {"pid": os.getpid(), "at": time.time(), "attempt": most - left + (not failures), "attempts": most + 1}
    fields["failures"] = failures
    _write("%d-%d.restart" % (os.getpid(), number), fields)


def _local_agent_loaded(name, module):
    agent_class = module.LocalElasticAgent
    monitor_workers = agent_class._monitor_workers

    def _monitor_workers(self, *args, **kwargs):
        result = monitor_workers(self, *args, **kwargs)
        self._twinkle_notifier_failures = getattr(result, "failures", None)
        return result

    agent_class._monitor_workers = _like(monitor_workers, _monitor_workers)


def _like(original, ours):
    import functools

    return functools.wraps(original)(ours)


# Trainers


def _trainer_loaded(name, module):
    """Wrap the trainer's constructor: our package is loaded when the first trainer is made, not before."""
    trainer_class = module.Trainer
    original = trainer_class.__init__

    def __init__(self, *args, **kwargs):
        try:
            from twinkle_notifier.attach import trainers

            args, kwargs = getattr(trainers, _TRAINERS[name])(trainer_class, self, args, kwargs)
        except Exception:  # another Python, without our package
            pass
        return original(self, *args, **kwargs)

    trainer_class.__init__ = _like(original, __init__)


_TRAINERS = {
    "transformers.trainer": "transformers",
    "lightning.pytorch.trainer.trainer": "lightning",
    "pytorch_lightning.trainer.trainer": "lightning",
}
_HOOKS = {
    "threading": _threads_loaded,
    "concurrent.futures.thread": _threads_loaded,
    "multiprocessing.util": _children_loaded,
    "torch.distributed.elastic.agent.server.api": _agent_loaded,
    "torch.distributed.elastic.agent.server.local_elastic_agent": _local_agent_loaded,
}
_HOOKS.update((name, _trainer_loaded) for name in _TRAINERS)
