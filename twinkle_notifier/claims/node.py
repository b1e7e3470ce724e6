"""Per-node leader: one rank asks the run's store for all ranks of its node that meet the same incident.

So the load on torchrun's one server grows with the nodes, not with the ranks; in large runs its connections do, too.
The ranks of a node agree in a folder of the node, by the same kind of claims. The folder only passes a verdict on: the
run's store decides who sends, and a rank whose node has no verdict asks that store itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing

from twinkle_notifier import isolation
from twinkle_notifier.budgets import NODE_WORD, SECONDARY_NODE_WORD, STORE_OPEN
from twinkle_notifier.claims.lease import Claim, Claims, Participant, Verdict
from twinkle_notifier.claims.log import State, Watermark
from twinkle_notifier.claims.store import Access, Store, tolerated
from twinkle_notifier.claims.stores import torch
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.runtime.launcher import Where, run_key
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.runtime.rank_sets import all_ranks
from twinkle_notifier.runtime.stored import dumped, parsed

# Up to so many ranks each connects when training starts, in the background: where the resolver does not answer,
# torchrun's server takes one client in 5 s. With more ranks the server would be busy for long with clients that few
# crashes need: then the first rank of each node connects, and another only when it claims for its node.
ALL_CONNECT: int = 256
_READ = 1.0  # seconds to read the count in the folder
_SEVERAL = 500  # cap on pollers: polls every 0.1 s, so a node is no slower than the run's store
_UNCONNECTED = 100  # places, 0.05 s: a rank that has to connect in the crash lets a connected one go first

_COUNT = "count"

# Incidents, with their watermarks, that this rank saw decided in the run's store: in a loop that goes on after each
# error it asks that store alone, or the node's log would grow every 30 s.
_decided: set[tuple[str, Watermark]] = set()


def are_several(where: Where) -> bool:
    """Whether the ranks of several nodes share a store of torchrun's."""
    return torch.is_served() and where.local_world_size < where.world_size


def agrees_first(where: Where, chosen: Store | None) -> bool:
    """Whether the ranks of this node agree among themselves before one of them asks the run's store."""
    return chosen is None and are_several(where) and where.local_world_size > 1


class NodeLease:
    """This rank's right to claim in the run's store: for its node if it holds the node's claim, else for itself."""

    def __init__(
        self,
        where: Where,
        mark: Watermark,
        found: Claim | Verdict | None = None,
        decided: Callable[[], object] = lambda: None,
    ) -> None:
        """`found` on this node, if its ranks agree first. `decided` is called when the run's store decided for good."""
        self.mark: Watermark = mark
        self.verdict: Verdict | None = found if isinstance(found, Verdict) else None  # of another rank of this node
        self._where, self._decided = where, decided
        self._claim = found if isinstance(found, Claim) else None
        self._met = {where.rank}
        self._asks = self._claim is not None
        self.participant: Participant = Participant.of_one(where)
        if self._claim is not None:
            number, nodes = where.rank // where.local_world_size, -(-where.world_size // where.local_world_size)
            self.participant = Participant(self._ranks, where.hostname, number, nodes)

    def claims(self, access: Access) -> Claims:
        """This rank's claims in the run's store."""
        return Claims(access, self._where, self.mark, self.participant)

    def _ranks(self) -> set[int]:
        """The ranks of this node that met the same incident; those known last once the folder does not work."""
        if self._claim is not None and self._asks:
            claim = self._claim
            try:
                self._met |= all_ranks(claim.access.ask(lambda store: store.members(claim.message_id)))
            except OSError as error:
                self._asks = False
                log.warning("the other ranks of this node that met the error cannot be listed: %s", error)
        return self._met

    def end(self, outcome: Outcome | None, sender: int) -> None:
        """Record for the node what became of the alert, and which rank sent it; None: nothing is known."""
        if self._claim is None:
            return
        claim, state = self._claim._replace(rank=sender), _state_of(outcome)
        if state in ("sent", "refused"):
            self._decided()
        complaint = "the other ranks of this node do not learn what became of the message"
        tolerated(complaint, lambda: claim.close(state), None)
        self._asks = False
        self._claim.access.close()


def _state_of(outcome: Outcome | None) -> State:
    if outcome is None:
        return "failed"
    if outcome.status in ("sent", "duplicate"):
        return "sent"
    if outcome.status == "queued":  # the supervisor waits for a note of each of its ranks
        return "left"
    return "refused" if outcome.final or outcome.retry_after is not None else "failed"


def node_lease(
    where: Where, chosen: Store | None, mark: Watermark, key: str, seconds: float, *, brief: bool = False
) -> NodeLease:
    """This rank's right to claim the incident `key` in the run's store, or another rank's verdict for this node.

    Without `agrees_first` it is this rank's alone. Waits up to `seconds` for that verdict. A verdict counts for 30 s, a
    `brief` one for 5 s. Where the folder does not work, each rank claims for itself. Never raises OSError.
    """
    if not agrees_first(where, chosen):
        return NodeLease(where, mark)
    counted = with_count(where, mark)
    if (key, mark) in _decided:
        return NodeLease(where, counted)
    others_are_connected = where.world_size > ALL_CONNECT and not torch.is_connected()
    place = where.local_rank + (_UNCONNECTED if others_are_connected else 0)
    participant = Participant(lambda: {where.rank}, where.hostname, place, min(where.world_size, _SEVERAL))
    try:
        since = _since(mark, SECONDARY_NODE_WORD if brief else NODE_WORD)
        found = _claim(where, since, participant, key, seconds)
    except OSError as error:
        log.warning("the ranks of this node cannot agree on which of them uses the run's store: %s", error)
        return NodeLease(where, counted)
    return NodeLease(where, counted, found, lambda: _decided.add((key, mark)))


def _claim(where: Where, since: Watermark, participant: Participant, key: str, seconds: float) -> Claim | Verdict:
    access, claim = Access(lambda: _store(where), STORE_OPEN), None
    try:
        claim = Claims(access, where, since, participant).claim(key, seconds)
        return claim
    finally:
        if not isinstance(claim, Claim):  # a claim asks the folder again
            access.close()


def note(where: Where, count: int) -> None:
    """Let the other ranks of this node know what the run's store has counted to. Raises OSError."""
    data = dumped(Watermark(Instant.now(), count))

    def noted(store: Store) -> bool:
        return store.append(_COUNT, len(store.read(_COUNT, 0)), data)

    with closing(Access(lambda: _store(where), STORE_OPEN)) as access:
        access.ask(noted)


def with_count(where: Where, mark: Watermark) -> Watermark:
    """`mark` with the first count that this node noted after it, unless it has one. Never raises; takes up to 1 s."""
    if mark.sequence is not None:
        return mark
    noted = isolation.call(lambda: _store(where).read(_COUNT, 0), _READ).value or []  # `node_lease` logs an error
    later = [found for data in noted if (found := parsed(Watermark.load, data)) is not None and found.at.after(mark.at)]
    return mark._replace(sequence=later[0].sequence) if later else mark


def _store(where: Where) -> FileStore:
    # The agent's number and the host's name: nodes may share a folder, and a machine may have two agents. The master's
    # address: without a rendezvous id two runs may differ in that alone.
    own = "/".join(str(os.environ.get(name)) for name in ("MASTER_ADDR", "GROUP_RANK"))
    return FileStore.of_run(f"{run_key(where)}/node/{own}/{where.hostname}")


def _since(mark: Watermark, seconds: float) -> Watermark:
    # The run's store knows for how long a verdict counts; see `Claims.follow`. Here it only saves a question.
    return Watermark(max(mark.at, Instant.ago(seconds), key=lambda instant: instant.since_boot))
