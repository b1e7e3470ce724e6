"""Decides which of a run's supervisors sends the alert, where each node has one: by the ranks' claims, in files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing

from twinkle_notifier import claims
from twinkle_notifier.budgets import FIRST_NODE, PATIENCE, STORE_OPEN
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Instant, process_start

_TOPIC = "ends"
_ONE_END = 900.0  # seconds between the ends of a run's nodes, at most: collectives time out after ten minutes

log: logging.Logger = logging.getLogger("twinkle_notifier")


def once(run: str | None, key: str, send: Callable[[], bool], *, follows: bool) -> bool:
    """Call `send`, unless another supervisor of `run` has; returns whether the alert was sent.

    `follows`: the end may follow from another node's end. Then that node gets time to send first. Without a common
    folder each node sends.
    """
    if run is None:
        return send()
    sent = False
    try:
        with closing(claims.Access(lambda: FileStore.of_run(f"supervisors/{run}"), STORE_OPEN)) as access:
            ends = claims.Claims(access, Where.here(), claims.Watermark(_since()))
            if follows and ends.follow(_TOPIC, grace=FIRST_NODE, seconds=PATIENCE, hurry=lambda: False) is not None:
                return True
            claim = ends.claim(key, PATIENCE)
            if isinstance(claim, claims.Verdict):
                return claim.state == "sent"
            ends.announce(_TOPIC, key)
            sent = send()
            claim.close("sent" if sent else "failed")
            return sent
    except OSError as error:
        log.warning("the supervisors of this run cannot agree on who sends the alert: %s", error)
        return sent or send()


def _since() -> Instant:
    """The time before which a claim does not count."""
    return max(process_start(), Instant.ago(_ONE_END), key=lambda instant: instant.since_boot)
