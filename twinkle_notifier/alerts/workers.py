"""Exceptions that a process met in its workers: a controller, as Ray Train's, reports them in their place."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import NamedTuple

from twinkle_notifier.exceptions.chain import chain
from twinkle_notifier.exceptions.collateral import is_collateral
from twinkle_notifier.exceptions.remote import Reading, carried, remote
from twinkle_notifier.isolation.safe import slot, text, type_name
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.rank_sets import FOLLOWER, written

_UNSEEN = Reading(is_shown=False)  # here nothing is shown
_DEPTH = 10  # causes of an error


class WorkerError(NamedTuple):
    """The exception `exc`, which ended the worker that is `rank` of `world_size`; what is unknown is empty."""

    exc: BaseException
    rank: int
    world_size: int
    local_rank: int = 0
    hostname: str = ""
    pid: int = 0


class Met(NamedTuple):
    """One incident in workers: the place of the first that met it, the others, and whether they start again."""

    exc: BaseException
    where: Where
    members: frozenset[str]  # see `runtime.rank_sets`
    attempt: Attempt


def incidents(errors: Sequence[WorkerError], attempt: Attempt) -> list[Met]:
    """The `errors` by what was raised, and where. Secondary errors are of the first, unless there is no other."""
    judged: dict[object, _Judged] = {}  # a thousand workers may have raised the same
    secondary: list[WorkerError] = []
    groups: dict[_Judged, list[WorkerError]] = {}
    for error in sorted(errors, key=lambda error: error.rank):
        said = _said(error.exc)
        found = judged[said] = judged[said] if said in judged else _judged(error.exc)
        groups.setdefault(found, []).append(error)
        secondary += [error] if found.is_secondary else []
    causes = {found: met for found, met in groups.items() if not found.is_secondary}
    followers = secondary if causes else []
    groups = causes or groups
    return [
        Met(group[0].exc, _where(group[0]), _members(group, [] if number else followers), attempt)
        for number, group in enumerate(groups.values())
    ]


def unread(errors: Sequence[WorkerError], attempt: Attempt) -> Met:
    """All `errors` as one incident, that of the first rank: for errors that take too long to read."""
    first = min(errors, key=lambda error: error.rank)
    return Met(first.exc, _where(first), _members(errors, []), attempt)


class _Judged(NamedTuple):
    is_secondary: bool
    type: str
    at: str


def _judged(exc: BaseException) -> _Judged:
    there = remote(exc, _UNSEEN)
    kind, at = (there.type, there.at()) if there is not None else (type_name(type(exc)), "")
    return _Judged(is_collateral(carried(exc)), kind, at)


def _said(exc: BaseException) -> object:
    """What `_judged` depends on: the types and words of the error, and of what it carries, with its causes."""
    links = chain(carried(exc), limit=_DEPTH, following=lambda link: slot(link, "__cause__"))
    return tuple((type(link), text(link)) for link in (exc, *links))


def _where(error: WorkerError) -> Where:
    hostname = error.hostname or socket.gethostname()
    return Where(error.rank, max(error.world_size, error.rank + 1), error.local_rank, 1, hostname, error.pid)


def _members(met: Sequence[WorkerError], followed: Sequence[WorkerError]) -> frozenset[str]:
    own = [name for error in met for name in written([error.rank], _where(error).hostname)]
    others = [FOLLOWER + name for error in followed for name in written([error.rank], _where(error).hostname)]
    return frozenset([*own, *others])
