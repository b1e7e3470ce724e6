"""What a process hands on to another: an exception to its parent, an alert to its supervisor.

A parent meets the exception of its child as another object. Both can compute its type, the first line of its message
and its innermost place. A child that has reported the exception leaves a note of these where its parent reads: in a
folder that is named after the parent, or for a Ray task in the job's actor. What Ray Train raises in the driver lacks
the place, so processes of Ray leave a second note, without it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from traceback import walk_tb
from typing import Any, NamedTuple, TypeGuard

from twinkle_notifier.budgets import STORE_OPEN
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.claims.stores.memory import RayStore
from twinkle_notifier.exceptions.remote import remote, worker_failures
from twinkle_notifier.isolation import call, tried
from twinkle_notifier.isolation.safe import attribute, is_dict, is_plain, names, slot, text, type_name
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.runtime.host import process_key
from twinkle_notifier.runtime.launcher import running_ray
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.runtime.state_dir import folder
from twinkle_notifier.runtime.stored import Stored, dumped, hashed, parsed

_LIFE = 60.0  # seconds that a note counts
_MOST = 16  # notes of one error and minute that a process leaves
_KNOWN = 256  # errors and minutes of which it knows how many
_MARK = 1.0  # second to read a mark that is no plain value

_OF_TRAIN = "TrainingFailedError"  # what Ray Train's `fit` raises
_OF_RAY = {"RayTaskError", "UserExceptionWithTraceback", "WorkerHealthCheckFailedError", _OF_TRAIN}
_RAYS_OWN = re.compile(r"[/\\]ray[/\\](_private|includes)[/\\]|_raylet\.pyx$")
_noted: dict[str, int] = {}  # how many notes this process has left


def note(exc: BaseException, channel: str, incident: str) -> None:
    """Note for the parent of this process that `exc` was reported to `channel` as `incident`; empty if it was not.

    An exception that was not reported voids the notes of equal ones: the parent cannot tell them apart. An error that
    is met again and again leaves a few notes a minute.
    """
    opened = _for_parent()
    if opened is None:
        return
    now = Instant.now()
    keys = [_key(exc, channel), *([_key(exc, channel, placed=False)] if opened is RayStore else [])]
    both = [_minutes(key, now.wall)[:2] for key in dict.fromkeys(keys)]
    first = both[0][1]
    if _noted.get(first, 0) >= _MOST:
        return
    data = dumped(_Noted(now, incident))

    def write(store: Store) -> None:
        for before, this in both:
            count = len(store.read(this, 0))
            while (incident or count or store.read(before, 0)) and not store.append(this, count, data):
                count += 1

    with suppress(OSError), closing(Access(opened, STORE_OPEN)) as access:  # without a note the parent reports it, too
        access.ask(write)
        if len(_noted) > _KNOWN:
            _noted.clear()
        _noted[first] = _noted.get(first, 0) + 1


def taken(exc: BaseException, channel: str, since: Instant) -> str | None:
    """The incident as which a child process has reported `exc` after `since`; None if none has.

    A note that is older than a minute does not count. Who takes one voids all that are there: nobody may have reported
    the next exception.
    """
    opened = _from_child(exc)
    if opened is None:
        return None

    now = Instant.now()

    def take_any(store: Store) -> str | None:
        taken = [take(store, key) for key in _keys_below(exc, channel)]
        return next(filter(None, taken), None)

    def take(store: Store, key: str) -> str | None:
        while True:
            found, last, count = "", "", 0
            for minute in _minutes(key, now.wall):
                records = store.read(minute, 0)
                for noted in (parsed(_Noted.load, data) for data in records):
                    if noted is not None and noted.at.after(since) and now.wall - noted.at.wall < _LIFE:
                        found = noted.incident
                if records:
                    last, count = minute, len(records)
            # Where two exceptions take it at the same moment, only one of them can append the next record.
            if not found or store.append(last, count, dumped(_Noted(now, ""))):
                return found or None

    with suppress(OSError), closing(Access(opened, STORE_OPEN)) as access:
        return access.ask(take_any)
    return None


def is_marked(exc: BaseException) -> bool:
    """Whether twinkle-kit has reported `exc`, or the exception of its Ray task, and has marked it so. Never raises.

    This package does not write the mark, as twinkle-kit writes it even where its own send has failed.
    """
    if _mark_of(exc):
        return True
    cause = attribute(exc, "cause") if "RayTaskError" in names(type(exc)) else None
    return cause is not None and issubclass(type(cause), BaseException) and _mark_of(cause)


def _mark_of(exc: BaseException) -> bool:
    # Read from where Python keeps it: a class may make anything of the attribute.
    kept = slot(exc, "__dict__")
    mark = dict[object, object].get(kept, "_twinkle_notified") if is_dict(kept) else None
    return bool(mark) if is_plain(mark) else call(lambda: bool(mark), _MARK).value is True


def _minutes(key: str, wall: float) -> list[str]:
    """The keys of the notes on `key`: of the minute before `wall`, of this one, and of the next by another clock."""
    return [f"{key}-{int(wall / _LIFE) + number}" for number in (-1, 0, 1)]


class _Noted(NamedTuple):
    at: Instant
    incident: str  # empty: it voids those before it

    @classmethod
    def load(cls, fields: Stored) -> _Noted:
        return cls(Instant.load(fields.object("at")), fields.text("incident"))


def _keys_below(exc: BaseException, channel: str) -> list[str]:
    """The keys under which a child may have left a note on `exc`, each once: a thousand workers may meet one error."""
    if _is_exit_of_ray(exc):
        return [_key(KeyboardInterrupt(), channel, placed=False)]
    if _OF_TRAIN not in names(type(exc)):
        return [_key(exc, channel)]
    failures = worker_failures(exc).values() or [exc]
    return [*dict.fromkeys(_key(failure, channel, placed=False) for failure in failures)]


def _key(exc: BaseException, channel: str, *, placed: bool = True) -> str:
    there = remote(exc)
    if there is not None:
        kind, message, places = there.type, there.message, there.places()
    else:
        frames = walk_tb(slot(exc, "__traceback__"))
        places = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in frames]
        kind, message = type_name(type(exc)), text(exc)
    # Ray takes its own frames out of the traceback that it hands on.
    where = [place for place in places if not _RAYS_OWN.search(place[0])][-1:] if placed else []
    what = (kind.rpartition(".")[2], message.strip().partition("\n")[0].strip(), *where)
    return f"told-{hashed(repr(what))}-{channel}"


def _for_parent() -> Callable[[], Store] | None:
    """Opens the store of the notes for the process that gets this one's exceptions; None if there is none."""
    # No `try`: a caught error would keep these frames, and so the exception, alive for a while.
    process: Any = sys.modules.get("multiprocessing.process")
    asked = getattr(process, "parent_process", None)  # half imported, it has none
    parent = getattr(tried(asked).value, "pid", None) if asked is not None else None
    if parent is None and "TORCHELASTIC_RUN_ID" in os.environ:  # a worker that torchrun's agent has started
        parent = os.getppid()
    if type(parent) is int:
        return lambda: _room(parent)
    ray = running_ray()
    is_worker = ray is not None and tried(lambda: ray.get_runtime_context().worker.mode == ray.WORKER_MODE).value
    return RayStore if is_worker is True else None


def _from_child(exc: BaseException) -> Callable[[], Store] | None:
    """Opens the store of the notes of the process that handed `exc` to this one; None if it was raised here."""
    if _OF_RAY & names(type(exc)) or _is_exit_of_ray(exc):
        return RayStore if running_ray() is not None else None
    if remote(exc) is None:
        return None
    return lambda: _room(os.getpid())


def _is_exit_of_ray(exc: BaseException) -> bool:
    """Whether Ray ends this process: as the driver of Ray Train, after Ctrl-C, when the controller has aborted."""
    if not issubclass(type(exc), SystemExit):
        return False
    frames = [frame.f_code.co_name for frame, _ in walk_tb(slot(exc, "__traceback__"))]
    return frames[-1:] == ["ray._raylet.raise_sys_exit_with_custom_error_message"]


def _room(parent: int) -> Store:
    name = hashed(process_key(parent))
    return FileStore(folder("handover", name, fresh=True))


class Deferred:
    """Stands for a notifier in a process whose user has not asked for alerts: the supervisor decides on them.

    Only the supervisor knows whether the run has ended by an exception, or has handled it. So the message waits in the
    mailbox, as a note of state ``deferred``. Without a living supervisor it is sent at once.
    """

    def __init__(self, notifier: Callable[[str], object]) -> None:
        self.notifier: Callable[[str], object] = notifier

    def __call__(self, message: str) -> None:
        """Do nothing where the supervisor lives, which has a note of `message` by now; else send it."""
        if mailbox.report(lambda to: True) is None:
            self.notifier(message)

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`: the description of the notifier that it stands for."""
        described: dict[str, Any] = getattr(self.notifier, "to_dict", dict)()
        return described


def defers(notifier: Callable[[str], object]) -> TypeGuard[Deferred]:
    """Whether it is a `Deferred`. Calls nothing of `notifier`, which may be anything."""
    return type(notifier) is Deferred


def direct(notifier: Callable[[str], object]) -> Callable[[str], object]:
    """The notifier that sends."""
    return notifier.notifier if defers(notifier) else notifier
