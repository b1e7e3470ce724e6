"""An exception that a process has told and then handed on to its parent, which meets it as another object.

Both can compute what it was: its type, the first line of its words and the innermost place. The child notes that it
has told of that, where its parent looks: in a folder that is named after the parent; of a Ray task, in the job's actor.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from traceback import walk_tb
from typing import Any

from twinkle_notifier.budgets import STORE_OPEN
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.claims.stores.ray import RayStore
from twinkle_notifier.exceptions.remote import remote
from twinkle_notifier.isolation import call, tried
from twinkle_notifier.isolation.safe import attribute, is_plain, names, slot, text, type_name
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.runtime.host import process_key
from twinkle_notifier.runtime.launcher import running_ray
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.runtime.state_dir import folder

_LIFE = 60.0  # seconds that a note counts
_MOST = 16  # notes of one error and minute that a process leaves
_KNOWN = 256  # errors and minutes of which it knows how many
_ASK = 1.0  # second for a mark that is no plain value
_UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)

_noted: dict[str, int] = {}  # how many notes this process has left


def note(exc: BaseException, channel: str, incident: str) -> None:
    """Let the parent of this process know that `exc` was told on `channel` as `incident`; empty if it was not.

    What was not told takes back the notes of those before that were the same: nobody can tell them apart. Of an error
    that is met again and again there are a few notes a minute.
    """
    opened = _above()
    if opened is None:
        return
    key, now = _key(exc, channel), Instant.now()
    before, this = _minutes(key, now.wall)[:2]
    if _noted.get(this, 0) >= _MOST:
        return

    def write(store: Store) -> None:
        count = len(store.read(this, 0))
        while (incident or count or store.read(before, 0)) and not store.append(this, count, _record(now, incident)):
            count += 1

    with suppress(OSError), closing(Access(opened, STORE_OPEN)) as access:  # then the parent tells it, too
        access.ask(write)
        if len(_noted) > _KNOWN:
            _noted.clear()
        _noted[this] = _noted.get(this, 0) + 1


def taken(exc: BaseException, channel: str, since: Instant) -> str | None:
    """The incident as which another process has told, after `since`, of what `exc` stands for; None if none has.

    That is a matter of seconds: a note of more than a minute ago does not count. Whoever takes one voids all that are
    there: the next exception may be one that nobody has told.
    """
    opened = _below(exc)
    if opened is None:
        return None

    key, now = _key(exc, channel), Instant.now()

    def take(store: Store) -> str | None:
        while True:
            found, last, count = "", "", 0
            for minute in _minutes(key, now.wall):
                records = store.read(minute, 0)
                for record in records:
                    incident = _load(record, since, now)
                    found = found if incident is None else incident
                if records:
                    last, count = minute, len(records)
            # Another exception may take it at the same moment: only one of them can add the next record.
            if not found or store.append(last, count, _record(now, "")):
                return found or None

    with suppress(OSError), closing(Access(opened, STORE_OPEN)) as access:
        return access.ask(take)
    return None


def is_marked(exc: BaseException) -> bool:
    """Whether twinkle-kit has told of `exc`, or of what a Ray task has raised: it marks what it has told. Never raises.

    The mark is read, and not written: twinkle-kit writes it even where its own send has failed.
    """
    if _mark_of(exc):
        return True
    cause = attribute(exc, "cause") if "RayTaskError" in names(type(exc)) else None
    return cause is not None and issubclass(type(cause), BaseException) and _mark_of(cause)


def _mark_of(exc: BaseException) -> bool:
    # In what Python itself keeps of it: a class may make anything of the attribute.
    kept = slot(exc, "__dict__") if type(slot(exc, "__dict__")) is dict else {}
    mark = kept.get("_twinkle_notified")
    return bool(mark) if is_plain(mark) else call(lambda: bool(mark), _ASK).value is True


def _minutes(key: str, wall: float) -> list[str]:
    """Where the notes of `key` stand: of the minute before `wall`, of that minute, and of the next by another clock."""
    return [f"{key}-{int(wall / _LIFE) + number}" for number in (-1, 0, 1)]


def _record(at: Instant, incident: str) -> bytes:
    return json.dumps({"at": at.to_dict(), "incident": incident}).encode()


def _load(record: bytes, since: Instant, now: Instant) -> str | None:
    """The incident, empty if the notes before it are void; None if the record does not count, or cannot be read."""
    try:
        fields = json.loads(record)
        at, incident = Instant(**fields["at"]), fields["incident"]
        counts = at.after(since) and now.wall - at.wall < _LIFE and type(incident) is str
        return incident if counts else None
    except _UNREADABLE:
        return None


def _key(exc: BaseException, channel: str) -> str:
    there = remote(exc)
    if there is not None:
        kind, words, places = there.type, there.message, there.places()
    else:
        own = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in _way(exc)]
        kind, words, places = type_name(type(exc)), text(exc), own
    what = (kind.rpartition(".")[2], words.strip().partition("\n")[0].strip(), *places[-1:])
    return f"told-{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}-{channel}"


def _way(exc: BaseException) -> list[tuple[Any, int]]:
    return list(walk_tb(slot(exc, "__traceback__")))


def _above() -> Callable[[], Store] | None:
    """Where this process leaves notes for the one that gets its exceptions; None if there is no such process."""
    # Step by step: an error, though caught, would keep these frames, and so the exception, alive for a while.
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


def _below(exc: BaseException) -> Callable[[], Store] | None:
    """Where one that handed `exc` to this process has left notes; None if it was raised here."""
    if remote(exc) is None:
        return None
    if "RayTaskError" in names(type(exc)):
        return RayStore if running_ray() is not None else None
    return lambda: _room(os.getpid())


def _room(parent: int) -> Store:
    name = hashlib.sha256(process_key(parent).encode()).hexdigest()[:16]
    return FileStore(folder("handover", name, fresh=True))


class Deferred:
    """Stands for a notifier in a process whose user asked for no alert.

    What the program handles is nobody's concern, and what it tells itself is told once: so an exception that is met
    inside only waits in the supervisor's folder, as a word of state ``deferred``. Without a supervisor that lives it is
    sent at once.
    """

    def __init__(self, notifier: Callable[[str], object]) -> None:
        self.notifier = notifier

    def __call__(self, message: str) -> None:
        """Leave `message`, of which the supervisor has a word by now; else send it."""
        if mailbox.tell(lambda to: True) is None:
            self.notifier(message)

    def to_dict(self) -> dict[str, Any]:
        """That of the notifier it stands for."""
        described: dict[str, Any] = getattr(self.notifier, "to_dict", dict)()
        return described


def defers(notifier: Callable[[str], object]) -> bool:
    """Whether it is one of these. Asks nothing of it, as it may be anything."""
    return type(notifier) is Deferred


def direct(notifier: Callable[[str], object]) -> Callable[[str], object]:
    """The notifier that sends."""
    return notifier.notifier if type(notifier) is Deferred else notifier
