"""Decides which of a run's supervisors tells, where each node has one: by the ranks' claims, in files."""

from __future__ import annotations

import logging
from collections.abc import Callable

from twinkle_notifier import claims
from twinkle_notifier.budgets import FIRST_NODE, PATIENCE, STORE_OPEN
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Instant, process_start

_TOPIC = "ends"
_ONE_END = 900.0  # seconds between the ends of a run's nodes, at most: collectives time out after ten minutes

log = logging.getLogger("twinkle_notifier")


def once(run: str | None, key: str, tell: Callable[[], bool], *, follows: bool) -> bool:
    """Do `tell`, unless another supervisor of `run` has; whether people were told.

    `follows`: the end may follow from another node's end. Then that node gets time to tell first. Without a common
    folder each node tells.
    """
    if run is None:
        return tell()
    told = False
    try:
        access = claims.Access(lambda: FileStore.of_run(f"supervisors/{run}"), STORE_OPEN)
        desk = claims.Claims(access, Where.here(), claims.Watermark(_since()))
        if follows and desk.follow(_TOPIC, grace=FIRST_NODE, seconds=PATIENCE, hurry=lambda: False) is not None:
            return True
        claim = desk.claim(key, PATIENCE)
        if isinstance(claim, claims.Verdict):
            return claim.state == "sent"
        desk.announce(_TOPIC, key)
        told = tell()
        claim.close("sent" if told else "failed")
        return told
    except OSError as error:
        log.warning("the supervisors of this run cannot agree on who sends the alert: %s", error)
        return told or tell()


def _since() -> Instant:
    """The time before which a claim does not count."""
    now, began = Instant.now(), process_start()
    earliest = Instant(now.boot, now.since_boot - _ONE_END, now.wall - _ONE_END)
    return max(began, earliest, key=lambda instant: instant.since_boot)
