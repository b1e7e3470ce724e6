"""What is left of a supervisor that was killed: messages that the processes below it could not send themselves."""

from __future__ import annotations

import logging
from contextlib import suppress

from twinkle_notifier.spool import Spool
from twinkle_notifier.supervise.story import Story
from twinkle_notifier.supervision import Supervision

_CHANNEL = "supervised"

log = logging.getLogger("twinkle_notifier")


def adopt() -> int:
    """Put them where `twinkle-notifier flush` finds them; how many. Raises OSError when a folder does not work."""
    count = 0
    for supervision in Supervision.orphans():
        for word in Story.of(supervision).unsent(following=True):
            if word.state != "kept":  # that one lies there already
                Spool.of(_CHANNEL).add(word.message("Note: its supervisor was killed, too"), "killed", word.notifier)
                count += 1
        with suppress(OSError):
            supervision.close()
    if count:
        log.warning("%d messages of a supervisor that was killed wait for `twinkle-notifier flush`", count)
    return count
