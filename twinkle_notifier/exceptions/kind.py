"""What kind of end an exception is: a failure, an interruption, a preemption, an exit."""

from __future__ import annotations

import signal

from twinkle_notifier.exceptions.cancellation import is_interrupted
from twinkle_notifier.isolation import safe

_BY_SIGNAL: dict[int, str] = {
    signal.SIGTERM: "preempted",
    signal.SIGINT: "interrupted",
    # The warnings of schedulers: SLURM's, submitit's. Windows has neither.
    **{getattr(signal, name): "preempted" for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name)},
}


def kind_of(exc: BaseException) -> str:
    """``failed``, or ``interrupted`` (Ctrl-C), ``preempted`` (SIGTERM, SIGUSR1 or SIGUSR2), ``exited``.

    A signal is recognized by Lightning's exception, or by an exit code of 128 plus its number, as users' handlers set.
    """
    kind = type(exc)  # isinstance would read its `__class__`, which may be a user's code
    if "SIGTERMException" in safe.names(kind):
        return "preempted"
    if issubclass(kind, KeyboardInterrupt) or is_interrupted(exc):
        return "interrupted"
    if not issubclass(kind, SystemExit):
        return "failed"
    code = safe.slot(exc, "code", SystemExit)
    return _BY_SIGNAL.get(code - 128, "exited") if type(code) is int else "exited"


class Preempted(SystemExit):
    """A trainer has met SIGTERM, saved and stopped."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.code: str | int | None = 128 + signal.SIGTERM
