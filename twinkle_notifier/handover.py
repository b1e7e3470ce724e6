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
from contextlib import suppress
from traceback import walk_tb
from typing import Any

from twinkle_notifier.claims.files import FileStore
from twinkle_notifier.claims.ray import RayStore
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.folders import folder
from twinkle_notifier.foreign import attribute, call, is_plain, names, slot, text, tried, type_name
from twinkle_notifier.machine import process_key
from twinkle_notifier.remote import remote
from twinkle_notifier.runtime import Instant, running_ray

_OPEN = 3.0  # seconds to open a store
_ASK = 1.0  # second for a mark that is no plain value
_UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)


def note(exc: BaseException, channel: str, incident: str) -> None:
    """Let the parent of this process know that `exc` was told on `channel` as `incident`; empty if it was not.

    What was not told takes back the notes of those before that were the same: nobody can tell them apart.
    """
    opened = _above()
    if opened is None:
        return
    record = json.dumps({"at": Instant.now().to_dict(), "incident": incident}).encode()

    def write(store: Store) -> None:
        key = _key(exc, channel)
        count = len(store.read(key, 0))
        while (incident or count) and not store.append(key, count, record):
            count += 1

    with suppress(OSError):  # then the parent tells it, too
        Access(opened, _OPEN).ask(write)


def taken(exc: BaseException, channel: str, since: Instant) -> str | None:
    """The incident as which another process has told, after `since`, of what `exc` stands for; None if none has.

    Each note serves for one exception only: the next may be one that nobody has told.
    """
    opened = _below(exc)
    if opened is None:
        return None

    def take(store: Store) -> str | None:
        key, noted = _key(exc, channel), list[tuple[int, str]]()
        for number, record in enumerate(store.read(key, 0)):
            incident = _load(record, since)
            noted = [*noted, (number, incident)] if incident else noted if incident is None else []
        return next((incident for number, incident in noted if store.append(f"{key}-{number}", 0, b"taken")), None)

    with suppress(OSError):
        return Access(opened, _OPEN).ask(take)
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


def _load(record: bytes, since: Instant) -> str | None:
    """The incident; None if the record is older, or cannot be read."""
    try:
        fields = json.loads(record)
        at, incident = Instant(**fields["at"]), fields["incident"]
        return incident if at.after(since) and type(incident) is str else None
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
