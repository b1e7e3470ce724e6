"""On which nodes the last failures of this user's runs began: a small file in the state folder that nodes share.

That is one which TWINKLE_NOTIFIER_DIR names.

Failures on one node that are less than ten minutes apart count as one, by the last: a crash loop, the attempts of a
launcher, runs that a node takes down together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.stored import Stored, fields_of, parsed

_ROOM, _FILE, _LOCK = "nodes", "failures", "lock"
_BYTES = 4096  # of the file: eight of the longest names
_NAME = 64  # characters: Linux knows no longer one
_MOST = 8  # failures that are kept
_FORGET = 30 * 86_400.0  # seconds
_TOGETHER = 600.0  # seconds
_CLOCKS = 60.0  # seconds by which another node's clock may be ahead
_WAIT = 0.2  # seconds for the lock
_BUDGET = 0.5  # seconds for the folder; it may be on a dead mount
_LEAST = 3  # failures on one node that are worth a line


class Failure(NamedTuple):
    """One failure, which began on the host `node` at so many seconds since 1970."""

    node: str
    at: float

    @classmethod
    def load(cls, fields: Stored) -> Failure:
        """As stored. Raises ValueError."""
        return cls(fields.text("node")[:_NAME], fields.time("at"))


class Repeated(NamedTuple):
    """How many of the last failures began on one node."""

    here: int
    of: int


def is_kept() -> bool:
    """Whether failures are kept: a temporary folder would know one node."""
    return bool(state_dir.chosen())


def earlier() -> list[Failure]:
    """The last failures, as they were noted: eight at most, none older than 30 days, none without a shared folder.

    Those of other folders are of other runs. Raises OSError.
    """
    shared = state_dir.named() if is_kept() else []
    folders = [folder for folder in state_dir.everywhere(_ROOM) if folder.parent in shared]
    now = time.time()
    found = [failure for folder in folders[:1] for failure in _here(folder)]
    return [failure for failure in found if -_CLOCKS < now - failure.at < _FORGET]


def repeated(before: Sequence[Failure], node: str) -> Repeated | None:
    """What one more failure on `node` makes of it, if it says something of the node.

    It does if at least three, and more than half, of the last failures began there, and the others elsewhere.
    """
    node = node[:_NAME]
    after = _with(before, node)
    here = sum(failure.node == node for failure in after)
    return Repeated(here, len(after)) if here >= _LEAST and len(after) < 2 * here and here < len(after) else None


def note(node: str) -> None:
    """Keep that a failure began on `node` now. Takes half a second at most, and raises nothing."""
    if not is_kept():
        return

    def write(folder: Path) -> None:
        with state_dir.locked(folder / _LOCK, _WAIT) as mine:
            if mine is not None:
                kept = [fields_of(failure) for failure in _with(_here(folder), node[:_NAME])]
                # Not synced, because a run waits for this: only a loss of power could take it.
                state_dir.replace(folder / _FILE, json.dumps({"failures": kept}).encode(), sync=False)

    isolation.call(lambda: state_dir.within((_ROOM,), write), _BUDGET)


def _here(folder: Path) -> list[Failure]:
    with suppress(OSError):
        return _read(state_dir.contents(folder / _FILE, _BYTES))
    return []


def _read(data: bytes) -> list[Failure]:
    return parsed(lambda fields: [*map(Failure.load, fields.objects_or_none("failures") or [])], data) or []


def _with(before: Sequence[Failure], node: str) -> list[Failure]:
    """`before` and a failure now. It goes by this clock only for this node: another's may be wrong, or this one."""
    now = time.time()
    apart = [failure for failure in before if failure.node != node or abs(now - failure.at) >= _TOGETHER]
    return [*apart, Failure(node, now)][-_MOST:]
