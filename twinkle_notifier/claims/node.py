"""Per-node leader: one rank talks to the run's store for all ranks of its node that meet the same incident.

So what torchrun's one server is asked grows with the nodes, and not with the ranks; in large runs its connections do,
too. The ranks of a node agree in a folder of the node, by the claims that they would make in the run. Its word is only
passed on here: whether people are told is decided in the store of the run, which a rank asks itself whenever its node
has no word for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from twinkle_notifier import isolation
from twinkle_notifier.budgets import NODE_WORD, SECONDARY_NODE_WORD, STORE_OPEN
from twinkle_notifier.claims.lease import Claim, Claims, Participant, Verdict
from twinkle_notifier.claims.log import State, Watermark
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.claims.stores import torch
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.runtime.launcher import Where, run_key
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.runtime.ranks import all_ranks

# Ranks of a run up to which each connects beforehand, in the background: where the resolver gives no answer, torchrun's
# server takes one client in 5 s. Beyond that a server would be busy for long with clients that few crashes need: then
# the first rank of each node connects, and another only when it speaks for its node.
ALL_CONNECT = 256
_LOOK = 1.0  # seconds to look there for a count
_SEVERAL = 500  # cap on pollers: polls every 0.1 s, so a node is no slower than the run's store
_UNCONNECTED = 100  # places, 0.05 s: who would have to connect in the crash lets the one go first that need not

_COUNT = "count"

log: logging.Logger = logging.getLogger("twinkle_notifier")
# Incidents, with the time from which on, that this rank has seen decided in the store of the run: in a loop that goes
# on after each error it asks that alone, or the node's log would grow with each 30 s.
_decided: set[tuple[str, Watermark]] = set()


def are_several(where: Where) -> bool:
    """Whether the ranks of several nodes have a store of torchrun's in common."""
    return torch.is_served() and where.local_world_size < where.world_size


def agrees_first(where: Where, chosen: Store | None) -> bool:
    """Whether the ranks of this node agree among themselves before one of them goes to the store of the run."""
    return chosen is None and are_several(where) and where.local_world_size > 1


class NodeLease:
    """The right of this rank to go to the store of the run: for its node if it has a `claim` there, else for itself."""

    def __init__(self, where: Where, claim: Claim | None = None, decided: Callable[[], object] = lambda: None) -> None:
        """`decided` is called when the store of the run has decided for good."""
        self._where, self._claim, self._decided = where, claim, decided
        self._met = {where.rank}
        if claim is None:
            self.party: Participant = Participant.of_one(where)
        else:
            number, nodes = where.rank // where.local_world_size, -(-where.world_size // where.local_world_size)
            self.party = Participant(self._ranks, where.hostname, number, nodes)
        self._asks = claim is not None

    def _ranks(self) -> set[int]:
        """Those of this node that have met the same so far; the last known once the folder does not work any more."""
        if self._claim is not None and self._asks:
            claim = self._claim
            try:
                self._met |= all_ranks(claim.access.ask(lambda store: store.members(claim.message_id)))
            except OSError as error:
                self._asks = False
                log.warning("the other ranks of this node that met the error cannot be listed: %s", error)
        return self._met

    def end(self, outcome: Outcome | None, teller: int) -> None:
        """Record for the node what became of the alert, and which rank sent it; None: nothing did."""
        if self._claim is None:
            return
        word = _word(outcome)
        if word in ("sent", "refused"):
            self._decided()
        try:
            replace(self._claim, rank=teller).close(word)
        except OSError as error:
            log.warning("the other ranks of this node do not learn what became of the message: %s", error)
        self._asks = False
        self._claim.access.close()


def _word(outcome: Outcome | None) -> State:
    if outcome is None:
        return "failed"
    if outcome.status in ("sent", "duplicate"):
        return "sent"
    if outcome.status == "queued":  # the supervisor waits for the own word of each of its ranks
        return "left"
    return "refused" if outcome.final or outcome.retry_after is not None else "failed"


def node_lease(where: Where, mark: Watermark, key: str, seconds: float, *, brief: bool = False) -> NodeLease | Verdict:
    """This rank's right to claim the incident `key` in the run's store, or its node's verdict on it.

    Waits for that up to `seconds`. A `brief` word holds for 5 s, else 30. Where the folder does not work, each goes for
    itself. Never raises OSError.
    """
    if (key, mark) in _decided:
        return NodeLease(where)
    others_are_connected = where.world_size > ALL_CONNECT and not torch.is_connected()
    place = where.local_rank + (_UNCONNECTED if others_are_connected else 0)
    party = Participant(lambda: {where.rank}, where.hostname, place, min(where.world_size, _SEVERAL))
    try:
        since = _since(mark, SECONDARY_NODE_WORD if brief else NODE_WORD)
        claim = _claim(where, since, party, key, seconds)
    except OSError as error:
        log.warning("the ranks of this node cannot agree on which of them uses the run's store: %s", error)
        return NodeLease(where)
    return claim if isinstance(claim, Verdict) else NodeLease(where, claim, lambda: _decided.add((key, mark)))


def _claim(where: Where, since: Watermark, party: Participant, key: str, seconds: float) -> Claim | Verdict:
    access, claim = Access(lambda: _store(where), STORE_OPEN), None
    try:
        claim = Claims(access, where, since, party).claim(key, seconds)
        return claim
    finally:
        if not isinstance(claim, Claim):  # a claim asks the folder again
            access.close()


def note(where: Where, count: int) -> None:
    """Let the ranks of this node know what the store of the run has counted to, of whom few ask it. Raises OSError."""
    data = Watermark(Instant.now(), count).dump()

    def noted(store: Store) -> bool:
        return store.append(_COUNT, len(store.read(_COUNT, 0)), data)

    with closing(Access(lambda: _store(where), STORE_OPEN)) as access:
        access.ask(noted)


def with_count(where: Where, mark: Watermark) -> Watermark:
    """`mark`, with the count that was first noted after it on this node, if it has none. Never raises; within 1 s."""
    if mark.sequence is not None:
        return mark
    noted = isolation.call(lambda: _store(where).read(_COUNT, 0), _LOOK).value or []  # else `node_lease` says it
    later = [found for data in noted if (found := Watermark.load(data)) is not None and found.at.after(mark.at)]
    return replace(mark, sequence=later[0].sequence) if later else mark


def _store(where: Where) -> FileStore:
    # By the agent's number and the host's name: a folder may be one for all nodes, and a machine may have two agents.
    # And by the master: without a rendezvous id two runs may differ in that alone.
    own = "/".join(str(os.environ.get(name)) for name in ("MASTER_ADDR", "GROUP_RANK"))
    return FileStore.of_run(f"{run_key(where)}/node/{own}/{where.hostname}")


def _since(mark: Watermark, seconds: float) -> Watermark:
    # In the run's store a word may hold for good or for a minute; see `Claims.follow`. Here it only spares the asking.
    now = Instant.now()
    fresh = Instant(now.boot, now.since_boot - seconds, now.wall - seconds)
    return Watermark(max(mark.at, fresh, key=lambda instant: instant.since_boot))
