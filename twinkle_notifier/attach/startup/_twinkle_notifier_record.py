# pyright: reportMissingTypeStubs=false, reportTypeCommentUsage=false
"""The record of what ended a Python process. It is loaded when one ends badly: see `_twinkle_notifier_attach`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping  # noqa: F401 (in type comments)
    from types import TracebackType  # noqa: F401

    from twinkle_notifier.attach.startup import _twinkle_notifier_attach as attach
    from twinkle_notifier.attach.startup._twinkle_notifier_attach import Any, Callable, FrameType, os, time  # noqa: F401
else:
    import _twinkle_notifier_attach as attach
    from _twinkle_notifier_attach import _signal, os, time  # as at the start

_NAME = 200  # characters
_MESSAGE = 2_000
_TRACEBACK = 32_000
_FRAMES = 64
_SECONDS = 2.0  # for an exception's own code, as `__str__`
_MOST = 2**53  # of a number, as the reader has it


def record(error, code):  # type: (BaseException, int) -> dict[str, Any]
    """The fields of an `End`: see `twinkle_notifier.mailbox.notes`. A part that fails is left out."""
    fields = {"pid": os.getpid(), "at": time.time(), "code": code}  # type: dict[str, Any]
    fields.update(type="Exception", message="", rank=None, traceback="", frames=[], child=None, failures=[])
    parts = [
        ("rank", _rank),
        ("type", lambda: _cut(_name(type(error)), _NAME)),
        ("frames", lambda: _frames(error.__traceback__)),
        ("message", lambda: _cut(str.__str__(str(error)), _MESSAGE)),
        ("child", lambda: _whole(getattr(error, "returncode", None))),
        ("failures", lambda: failures_of(getattr(error, "failures", None))),
        ("traceback", lambda: _plain_traceback(fields)),
    ]  # type: list[tuple[str, Callable[[], Any]]]
    # After Ctrl-C Python dies of SIGINT, unless code is compiled from a text until then, as an import may do.
    if not isinstance(error, KeyboardInterrupt):
        parts.append(("traceback", lambda: _traceback(error)))
    bound = _Bound()
    try:
        try:
            for part, find in parts:
                try:
                    fields[part] = find()
                except BaseException:  # of the exception's own code, of memory, of time
                    pass
        finally:
            bound.stop()
    except _Late:
        bound.stop()
    return fields


def exited(code, cause):  # type: (object, BaseException | None) -> dict[str, Any]
    """The record of a SystemExit; without a text, that of the exception that was being handled."""
    number, has_text = attach.exit_code(code), not isinstance(code, int)
    if not has_text and cause is not None and not isinstance(cause, SystemExit):
        return record(cause, number)
    fields = record(SystemExit(code) if has_text else SystemExit(), number)
    fields["traceback"] = ""
    return fields


class _Bound:
    """Interrupts the user's code after `_SECONDS`, repeatedly, until `stop`."""

    def __init__(self):  # type: () -> None
        self.timer = None  # type: tuple[float, float] | None
        try:
            self.since, self.before = time.monotonic(), _signal.getsignal(_signal.SIGALRM)
            if self.before is not None:  # it was not set by Python
                _signal.signal(_signal.SIGALRM, self.late)
                self.timer = _signal.setitimer(_signal.ITIMER_REAL, _SECONDS, 0.1)
        except (AttributeError, ValueError):  # on Windows; not in the main thread
            pass

    def late(self, number, frame):  # type: (int, FrameType | None) -> None
        raise _Late

    def stop(self):  # type: () -> None
        if self.timer is None:
            return
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, self.before)
        (left, interval), self.timer = self.timer, None
        if left:  # the user's own
            left -= time.monotonic() - self.since
            _signal.setitimer(_signal.ITIMER_REAL, max(left, 0.001), interval)


class _Late(BaseException):
    pass


def _rank():  # type: () -> int | None
    rank = os.environ.get("RANK", "")
    return int(rank) if rank.isdecimal() and len(rank) < 10 else None


def _name(kind):  # type: (type) -> str
    module, name = kind.__module__, kind.__qualname__
    return str(name) if module in ("builtins", "__main__") else "%s.%s" % (module, name)


def _cut(text, most):  # type: (str, int) -> str
    """Both ends of `text`."""
    return text if len(text) <= most else text[: most // 4] + "\n...\n" + text[len(text) - most + most // 4 + 5 :]


def _frames(traceback):  # type: (TracebackType | None) -> list[tuple[str, int, str]]
    found = []  # type: list[tuple[str, int, str]]
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append((code.co_filename, traceback.tb_lineno or 0, code.co_name))
        if len(found) > 2 * _FRAMES:
            del found[_FRAMES // 4]
        traceback = traceback.tb_next
    return found if len(found) <= _FRAMES else found[: _FRAMES // 4] + found[_FRAMES // 4 - _FRAMES :]


def _plain_traceback(fields):  # type: (dict[str, Any]) -> str
    lines = ['  File "%s", line %s, in %s' % frame for frame in fields["frames"]]
    if lines:
        lines.insert(0, "Traceback (most recent call last):")
    lines.append("%s: %s\n" % (fields["type"], fields["message"]))
    return _cut("\n".join(lines), _TRACEBACK)


def _traceback(error):  # type: (BaseException) -> str
    import traceback

    lines = traceback.TracebackException(type(error), error, error.__traceback__).format()
    return _cut("".join(_cut(line, _TRACEBACK // 4) for line in lines), _TRACEBACK)


def _whole(value):  # type: (object) -> int | None
    return int(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST else None


def failures_of(failures):  # type: (Mapping[Any, Any] | None) -> list[dict[str, Any]]
    """Those of torchrun's agent: `failures` has a ProcessFailure for each rank."""
    return [_failure(rank, failure) for rank, failure in (failures or {}).items()]


def _failure(rank, failure):  # type: (object, Any) -> dict[str, Any]
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


def write_end(fields):  # type: (dict[str, Any]) -> None
    """Write `PID.end`, also if the process may open no more files. Raises OSError."""
    attach.with_files(lambda: write("%d.end" % os.getpid(), fields))


def write(name, fields):  # type: (str, dict[str, Any]) -> None
    """Replace the file `name` of the mailbox. Raises OSError."""
    path = os.path.join(attach.folder, name)
    begun = "%s.%d.begun" % (path, time.time_ns())
    file = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            data = _json(fields).encode("utf-8", "replace")
            while data:
                data = data[os.write(file, data) :]
        finally:
            os.close(file)  # over a network this is where a full disk shows
        os.replace(begun, path)
    except BaseException:
        os.unlink(begun)
        raise


_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\"}
_ESCAPES.update((number, "\\u%04x" % number) for number in range(32))


def _json(value):  # type: (str | float | dict[str, Any] | list[Any] | tuple[Any, ...] | None) -> str
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"%s"' % str.translate(value, _ESCAPES)
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (_json(key), _json(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(map(_json, value))
    return repr(value)
