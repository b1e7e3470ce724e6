"""Exceptions that a process met in its workers: a controller, as Ray Train's, reports them in their place."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import NamedTuple

from twinkle_notifier.exceptions.collateral import is_collateral
from twinkle_notifier.exceptions.remote import carried, remote
from twinkle_notifier.isolation.safe import type_name
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.rank_sets import FOLLOWER, written


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
    ordered = sorted(errors, key=lambda error: error.rank)
    secondary = [error for error in ordered if is_collateral(carried(error.exc))]
    causes = [error for error in ordered if error not in secondary] or secondary
    groups: dict[tuple[str, str], list[WorkerError]] = {}
    for error in causes:
        groups.setdefault(_what(error.exc), []).append(error)
    followers = secondary if causes is not secondary else []
    return [
        Met(group[0].exc, _where(group[0]), _members(group, [] if number else followers), attempt)
        for number, group in enumerate(groups.values())
    ]


def _what(exc: BaseException) -> tuple[str, str]:
    there = remote(exc)
    return (there.type, there.at()) if there is not None else (type_name(type(exc)), "")


def _where(error: WorkerError) -> Where:
    hostname = error.hostname or socket.gethostname()
    return Where(error.rank, max(error.world_size, error.rank + 1), error.local_rank, 1, hostname, error.pid)


def _members(met: Sequence[WorkerError], followed: Sequence[WorkerError]) -> frozenset[str]:
    own = [name for error in met for name in written([error.rank], _where(error).hostname)]
    others = [FOLLOWER + name for error in followed for name in written([error.rank], _where(error).hostname)]
    return frozenset([*own, *others])
