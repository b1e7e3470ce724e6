"""What is done inside a Python below `twinkle-notifier run`. Standard library alone, Python 3.8 and later.

Nothing but what each Python has loaded anyway is imported at the start, and little at the end: a file of the user's
that is called as a module of the standard library would be run in its place.
"""

import atexit
import errno
import os
import sys
import time
from _thread import get_ident

_NAME = 200  # characters
_MESSAGE = 2_000
_TRACEBACK = 32_000
_FRAMES = 64
_SECONDS = 2.0  # for an exception's own code, as `__str__`
_MOST = 2**53  # of a number, as the reader has it

_folder = ""  # the mailbox
_main = 0  # the main thread
_done = 0  # the process, if it has written its end
_stale = None  # an exception that was there when this process was forked
_exit = None  # the record of the SystemExit that ended the program
_code = None  # the exit code of a SystemExit that ended the program, or `sys.excepthook` after it


def begin():
    """Attach this process."""
    global _folder, _main
    _folder = os.environ["TWINKLE_NOTIFIER_SUPERVISOR"]
    _main = get_ident()
    atexit.register(_end)  # the first, so the last to run: for a program that does not load `threading`
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
    sys.exit = _marked(sys.exit)
    quitter = getattr(sys.modules.get("_sitebuiltins"), "Quitter", None)  # what `exit` is in a script without `sys`
    if quitter is not None:
        quitter.__call__ = _marked(quitter.__call__)
    for name in _HOOKS:
        if name in sys.modules:
            _loaded(name, sys.modules[name])
    sys.meta_path.insert(0, _Finder())


def _forked():
    global _main, _stale, _exit, _code
    _main, _stale, _exit, _code = get_ident(), getattr(sys, "last_value", None), None, None


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
        if module.__name__ != name:  # an importer of an archive loads all of its modules
            exec_module(module)
            return
        try:
            loader.exec_module = exec_module
            exec_module(module)
        except BaseException as error:
            _hide(error)
            raise
        _loaded(name, sys.modules.get(name, module))

    try:
        loader.exec_module = once
    except Exception:  # it has no room for it
        pass


def _hide(error):
    """Take the frame that has just caught `error` out of its traceback; no more than tried before Python 3.11."""
    error.__traceback__ = error.__traceback__.tb_next


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
            _write_end(record)
    except Exception:  # the disk is full, the folder is gone
        pass


def _ended():
    if hasattr(sys, "ps1"):
        return None  # there was a prompt, at which errors end nothing
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    traceback = getattr(sys, "last_traceback", None)
    # One that somebody caught, as pytest does with that of a test, begins in the middle of the stack.
    if error is None or error is _stale or (traceback is not None and traceback.tb_frame.f_back is not None):
        return _exit
    code = _code if _code is not None else -2 if isinstance(error, KeyboardInterrupt) else 1
    return _record(error, code) if code else None


def _record(error, code):
    """The fields of an `End`: see `twinkle_notifier.supervision`. What cannot be found out is left out."""
    record = {"pid": os.getpid(), "at": time.time(), "type": "Exception", "message": "", "code": code}
    record.update(rank=None, traceback="", frames=[], child=None, failures=[])
    parts = [
        ("rank", _rank),
        ("type", lambda: _cut(_name(type(error)), _NAME)),
        ("frames", lambda: _frames(error.__traceback__)),
        ("message", lambda: _cut(_text(error), _MESSAGE)),
        ("child", lambda: _whole(getattr(error, "returncode", None))),
        ("failures", lambda: _failures(getattr(error, "failures", None))),
        ("traceback", lambda: _plain_traceback(record)),
    ]
    # After Ctrl-C Python ends itself by SIGINT, unless code is run from a text until then, as by the import of modules.
    if not isinstance(error, KeyboardInterrupt):
        parts.append(("traceback", lambda: _traceback(error)))
    bound = _Bound()
    try:
        try:
            for part, find in parts:
                _put(record, part, find)
        finally:
            bound.stop()
    except _Late:
        bound.stop()
    return record


def _put(record, part, find):
    try:
        record[part] = find()
    except BaseException:  # of the exception's own code, of memory, of time
        pass


class _Bound:
    """From here to `stop`, code of the user's is broken off once `_SECONDS` are over, again and again."""

    def __init__(self):
        import _signal  # a part of Python itself

        self.signal, self.timer = _signal, None
        try:
            self.since, self.before = time.monotonic(), _signal.getsignal(_signal.SIGALRM)
            if self.before is not None:  # it is not by Python
                _signal.signal(_signal.SIGALRM, self.late)
                self.timer = _signal.setitimer(_signal.ITIMER_REAL, _SECONDS, 0.1)
        except (AttributeError, ValueError):  # on Windows; not in the main thread
            pass

    def late(self, number, frame):
        raise _Late

    def stop(self):
        if self.timer is None:
            return
        self.signal.setitimer(self.signal.ITIMER_REAL, 0)
        self.signal.signal(self.signal.SIGALRM, self.before)
        (left, interval), self.timer = self.timer, None
        if left:  # the user's own
            left -= time.monotonic() - self.since
            self.signal.setitimer(self.signal.ITIMER_REAL, max(left, 0.001), interval)


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


def _plain_traceback(record):
    lines = ['  File "%s", line %s, in %s' % frame for frame in record["frames"]]
    if lines:
        lines.insert(0, "Traceback (most recent call last):")
    lines.append("%s: %s\n" % (record["type"], record["message"]))
    return _cut("\n".join(lines), _TRACEBACK)


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
    at = float(failure.timestamp)
    return {
        "rank": _whole(rank),
        "local_rank": _whole(failure.local_rank),
        "pid": max(0, int(failure.pid)),
        "code": int(failure.exitcode),
        "at": at if 0 <= at < 1e11 else time.time(),
        "error_file": str(failure.error_file) if os.path.isabs(failure.error_file) else "",
        "logs": getattr(failure, "_twinkle_notifier_logs", ""),
    }


def _write_end(record):
    """Write `PID.end`, also where the process may open no more files. Raises OSError."""
    name = "%d.end" % os.getpid()
    try:
        _write(name, record)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        os.close(0)  # a process that ends does not read any more
        try:
            _write(name, record)
        finally:
            os.open(os.devnull, os.O_RDONLY)


def _write(name, fields):
    """Replace the file `name` of the mailbox. Raises OSError."""
    path = os.path.join(_folder, name)
    begun = "%s.%d.begun" % (path, time.time_ns())
    _write_new(begun, fields)
    os.replace(begun, path)


def _write_new(path, fields):
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        data = _json(fields).encode("utf-8", "replace")
        while data:
            data = data[os.write(file, data) :]
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(file)


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

    def exits(*args, **kwargs):
        try:
            return leave(*args, **kwargs)
        except SystemExit as error:
            _mark(error)
            _hide(error)
            raise

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(exits, name, getattr(leave, name))
    exits.__wrapped__ = leave  # for the signature
    return exits


def _mark(error):
    try:
        vars(error)["_twinkle_notifier"] = _Mark(error)
    except Exception:  # it is of a class of the user's
        pass


class _Mark:
    """Goes with a SystemExit. Where no Python code runs any more when that is let go, it has ended the program."""

    __slots__ = ("cause", "code", "outermost")

    def __init__(self, error):
        self.code, self.cause = error.code, error.__context__
        frame = sys._getframe()
        while frame.f_back is not None:
            frame = frame.f_back
        self.outermost = frame.f_code

    def __del__(self):
        try:
            if sys._getframe().f_back is None and get_ident() == _main and _done != os.getpid():
                _left(self)
        except BaseException:  # Python is about to be gone
            pass

    def __reduce__(self):
        return bool, ()


def _left(mark):
    global _exit, _code
    if _code is not None:  # by this one's `__context__`
        return
    if mark.outermost.co_name in ("<module>", "_run_module_as_main"):
        _code = _exit_code(mark.code)
        _exit = _exited(mark.code, mark.cause) if _code else None
    elif mark.outermost is getattr(sys.excepthook, "__code__", None):
        _code = _exit_code(mark.code)


def _exit_code(code):
    """What Python makes of the argument of `sys.exit`."""
    if code is None:
        return 0
    if not isinstance(code, int):  # it is printed
        return 1
    return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF


def _exited(code, cause):
    """The record of a SystemExit; without words, that of the exception that was being handled."""
    number, words = _exit_code(code), not isinstance(code, int)
    if not words and cause is not None and not isinstance(cause, SystemExit):
        return _record(cause, number)
    record = _record(SystemExit(code) if words else SystemExit(), number)
    record["traceback"] = ""
    return record


# Children of multiprocessing, which print an exception instead of raising it


def _child_ended(error, before):
    """Write it down; `before` was being handled when the child was made, and still is."""
    global _done
    if error is None or error is before or _done == os.getpid():
        return
    try:
        cause = error.__context__ if error.__context__ is not before else None
        record = _exited(error.code, cause) if isinstance(error, SystemExit) else _record(error, 1)
        if record["code"]:
            _done = os.getpid()
            _write_end(record)
    except Exception:  # the disk is full, the folder is gone
        pass


class _Child:
    """Before Python 3.13: what `multiprocessing.util` calls in a child before its work, and while it has its error."""

    def __init__(self):
        self.before = None

    def begin(self):
        self.before = sys.exc_info()[1]
        sys.modules["multiprocessing.util"].Finalize(None, self.end, exitpriority=1_000_000_000)

    def end(self):
        _child_ended(sys.exc_info()[1], self.before)


_child = _Child()


def _children_loaded(name, module):
    module.register_after_fork(_child, _Child.begin)
    _child.begin()  # for a child by "spawn", which is not made by a fork


def _processes_loaded(name, module):
    """From Python 3.13 on the work itself is wrapped: see `_hide`."""

    def wrapped(bootstrap):
        def ours(self, *args, **kwargs):
            try:
                self.run = _noted(self.run, sys.exc_info()[1])
            except Exception:  # a class of the user's
                pass
            return bootstrap(self, *args, **kwargs)

        return ours

    _wrap(module.BaseProcess, "_bootstrap", wrapped)


def _noted(run, before):
    def ours():
        try:
            run()
        except BaseException as error:
            _child_ended(error, before)
            _hide(error)
            raise

    return ours


def _threads_loaded(name, module):
    """Before Python waits for its threads `_end` runs, and before it runs what others registered until now."""
    sys.modules["threading"]._register_atexit(_end)


# torchrun's agent


def _agent_loaded(name, module):
    def wrapped(restart_workers):
        def ours(self, *args, **kwargs):
            try:
                _restarted(self)
            except Exception:  # another version, the disk is full
                pass
            return restart_workers(self, *args, **kwargs)

        return ours

    _wrap(module.SimpleElasticAgent, "_restart_workers", wrapped)


def _restarted(agent):
    failures = _failures(vars(agent).pop("_twinkle_notifier_failures", None))
    most, left = agent._worker_group.spec.max_restarts, agent._remaining_restarts
    number = vars(agent).get("_twinkle_notifier_restarts", 0) + 1
    agent._twinkle_notifier_restarts = number
    fields = {"pid": os.getpid(), "at": time.time(), "attempt": most - left + (not failures), "attempts": most + 1}
    fields["failures"] = failures
    _write("%d-%d.restart" % (os.getpid(), number), fields)


def _local_agent_loaded(name, module):
    def wrapped(monitor_workers):
        def ours(self, *args, **kwargs):
            result = monitor_workers(self, *args, **kwargs)
            try:
                self._twinkle_notifier_failures = getattr(result, "failures", None)
                _name_logs(result.failures, self._pcontext)
            except Exception:  # another version
                pass
            return result

        return ours

    _wrap(module.LocalElasticAgent, "_monitor_workers", wrapped)


def _name_logs(failures, context):
    """Note in each failure which folder has the rank's files: its `error_file` is none if the rank wrote no error."""
    for failure in failures.values():
        failure._twinkle_notifier_logs = os.path.dirname(os.path.abspath(context.error_files[failure.local_rank]))


def _wrap(owner, name, wrapped):
    """Replace a method, unless it is ours already."""
    import functools

    original = getattr(owner, name)
    if not hasattr(original, "_twinkle_notifier"):
        ours = functools.wraps(original)(wrapped(original))
        ours._twinkle_notifier = True
        setattr(owner, name, ours)


# Trainers


def _trainer_loaded(name, module):
    """Wrap the trainer's constructor: our package is loaded when the first trainer is made, not before."""

    def wrapped(original):
        def ours(self, *args, **kwargs):
            attached = _attached(_TRAINERS[name])
            if attached is None:
                original(self, *args, **kwargs)
            else:
                attached(module, self, lambda: original(self, *args, **kwargs))

        return ours

    _wrap(module.Trainer, "__init__", wrapped)


def _attached(name):
    try:
        from twinkle_notifier.attach import trainers

        return getattr(trainers, name)
    except Exception:  # another Python, without our package
        return None


_TRAINERS = {
    "transformers.trainer": "transformers",
    "lightning.pytorch.trainer.trainer": "lightning",
    "pytorch_lightning.trainer.trainer": "lightning",
}
_HOOKS = {
    "threading": _threads_loaded,
    "concurrent.futures.thread": _threads_loaded,
    "torch.distributed.elastic.agent.server.api": _agent_loaded,
    "torch.distributed.elastic.agent.server.local_elastic_agent": _local_agent_loaded,
}
_HOOKS.update((name, _trainer_loaded) for name in _TRAINERS)
if sys.version_info < (3, 13):
    _HOOKS["multiprocessing.util"] = _children_loaded
else:
    _HOOKS["multiprocessing.process"] = _processes_loaded
