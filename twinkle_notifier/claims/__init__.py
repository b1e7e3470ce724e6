"""Who sends the alert: the claims of a run's processes, and the choice between the stores that keep them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TypeVar

from twinkle_notifier.budgets import STORE_OPEN
from twinkle_notifier.claims import node
from twinkle_notifier.claims.lease import Claim as Claim
from twinkle_notifier.claims.lease import Claims as Claims
from twinkle_notifier.claims.lease import Verdict as Verdict
from twinkle_notifier.claims.log import State as State
from twinkle_notifier.claims.log import Watermark as Watermark
from twinkle_notifier.claims.node import node_lease as node_lease
from twinkle_notifier.claims.store import Access, Own, Store
from twinkle_notifier.claims.stores import torch
from twinkle_notifier.claims.stores.files import FileStore, SymlinkStore
from twinkle_notifier.claims.stores.memory import MemoryStore, RayStore
from twinkle_notifier.runtime.launcher import Where, run_key, running_ray
from twinkle_notifier.runtime.log_repeats import log

T = TypeVar("T")

alone: MemoryStore = MemoryStore()  # this process's own, for as long as it lives


def with_store(where: Where, chosen: Store | None, work: Callable[[Access], T]) -> T:
    """Do `work` with the best store that works: the user's, torchrun's, Ray's, files, at last this process's own.

    When a store hangs or fails, `work` starts again with the next: rather an alert too many than none.
    """
    for name, opened in _stores(where, chosen):
        try:
            with closing(Access(opened, STORE_OPEN)) as access:
                return work(access)
        except OSError as error:
            log.warning("the ranks of this run cannot agree in %s on who sends the alert: %s", name, error)
    return work(Own(alone))


def _stores(where: Where, chosen: Store | None) -> Iterator[tuple[str, Callable[[], Store]]]:
    yield from _counting_stores(where, chosen)
    if (key := run_key(where)) is not None:
        tried, count = list[str](), -1  # places; if the folder works but its files do not, the next place may do
        while len(tried) > count:
            tried, count = list(tried), len(tried)  # a copy: a call that was given up goes on through its own places
            yield "a folder", functools.partial(FileStore.of_run, key, tried)
        yield "links in a folder", lambda: SymlinkStore.of_run(key)


def _counting_stores(where: Where, chosen: Store | None) -> Iterator[tuple[str, Callable[[], Store]]]:
    if chosen is not None:
        yield "the given store", lambda: chosen
    if node.are_several(where):
        yield "torchrun's store", torch.TorchStore.kept
        yield "torchrun's store, connected anew", torch.TorchStore
    if running_ray() is not None:
        yield "a Ray actor", RayStore


def counts(where: Where, chosen: Store | None) -> bool:
    """Whether this rank connects to the store when training starts, by asking for its count."""
    if node.agrees_first(where, chosen) and where.world_size > node.ALL_CONNECT and where.local_rank:
        return False
    return any(True for _ in _counting_stores(where, chosen))


def counted(where: Where, chosen: Store | None) -> int | None:
    """What this run's store has counted to; None when it cannot count, or does not answer within 6 s."""
    for _, opened in _counting_stores(where, chosen):
        with suppress(OSError), closing(Access(opened, STORE_OPEN)) as access:
            return access.ask(lambda store: store.sequence(0))
    return None


def note(where: Where, chosen: Store | None, count: int | None) -> None:
    """Let the ranks of this node that do not connect when training starts know the `count` that this rank has read."""
    if count is not None and where.local_rank == 0 and not counts(where._replace(local_rank=1), chosen):
        with suppress(OSError):  # it is logged when the folder is needed
            node.note(where, count)
