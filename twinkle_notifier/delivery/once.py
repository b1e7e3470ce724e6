"""A message that one rank sends for all, and that is no exception's: what a rule says, or code by hand."""

from __future__ import annotations

from collections.abc import Callable

from twinkle_notifier import claims
from twinkle_notifier.budgets import CRASH_BUDGET, DISK, PATIENCE
from twinkle_notifier.claims.store import Access, Store, tolerated
from twinkle_notifier.delivery import sender
from twinkle_notifier.messages.message import Level, Message, Outcome
from twinkle_notifier.runtime.launcher import Where

_WAIT = PATIENCE - CRASH_BUDGET - DISK  # seconds for another rank to send it: longer than a claim holds


def send_once(
    notifier: Callable[[str], object],
    key: str,
    mark: claims.Watermark,
    text: Callable[[], str],
    level: Level,
    store: Store | None = None,
) -> Outcome:
    """Send the message that `text` makes, unless another rank has sent one for `key` since `mark`.

    If that one fails or dies, this rank takes over. Takes as long as `PATIENCE` at most. Never raises an OSError: where
    no store works, this rank sends.
    """
    where = Where.here()

    def agree(access: Access) -> Outcome:
        claim = claims.Claims(access, where, mark).claim(key, _WAIT)
        if isinstance(claim, claims.Verdict):
            status, said = ("duplicate", "has sent it") if claim.state == "sent" else ("failed", "could not send it")
            if claim.state == "claimed":
                status, said = "unknown", "has been sending it for too long"
            return Outcome(status, f"rank {claim.rank} {said}")  # type: ignore[arg-type]
        message = Message(text(), claim.message_id, level)
        # Not longer than a claim holds, or another rank would take over.
        outcome = sender.deliver(notifier, message, CRASH_BUDGET)
        _close(claim, outcome, where)
        return outcome

    return claims.with_store(where, store, agree)


def _close(claim: claims.Claim, outcome: Outcome, where: Where) -> None:
    done = outcome.status in ("sent", "skipped")
    # What is kept is sent later; only another machine may have a way out.
    final = outcome.final or outcome.retry_after is not None or where.local_world_size == where.world_size
    state: claims.State = "sent" if done else "refused" if final else "failed"
    tolerated(f"the other ranks do not learn that the message is {state}", lambda: claim.close(state), None)
