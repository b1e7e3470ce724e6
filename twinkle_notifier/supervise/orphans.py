"""What is left of a supervisor that was killed: messages that the processes below it could not send themselves."""

from __future__ import annotations

import logging
import time

from twinkle_notifier.spool import Spool
from twinkle_notifier.spool_files import problem
from twinkle_notifier.supervise.story import Story
from twinkle_notifier.supervision import Supervision

_CHANNEL = "supervised"
_KEPT_FOR = 7 * 86400.0  # seconds

log = logging.getLogger("twinkle_notifier")


def adopt() -> list[str]:
    """Put them where `twinkle-notifier flush` finds them; the problems, by name. Raises no OSError."""
    problems: list[str] = []
    count = 0
    for supervision in Supervision.all():
        try:
            count += _adopted(supervision, problems)
        except PermissionError:  # root's, who takes it over
            continue
        except OSError as error:  # it stays for the next time
            problems.append(problem(supervision.folder, "cannot be used", error))
    if count:
        log.warning("%d messages of a supervisor that was killed wait for `twinkle-notifier flush`", count)
    return problems


def _adopted(supervision: Supervision, problems: list[str]) -> int:
    """How many messages were taken over; the folder goes once each is kept. Raises OSError."""
    holder = supervision.holder()
    if holder is not None and not holder.dead():
        return 0
    unsent = [word for word in Story.of(supervision).unsent(following=True) if word.state != "kept"]  # that lies there
    for word in unsent:
        Spool.keep(_CHANNEL, word.message("Note: its supervisor was killed, too"), "killed", word.notifier)
        supervision.forget(word)  # or it would be taken over again, if another cannot be
    damaged = [path for path in supervision.damaged() if time.time() - path.lstat().st_mtime < _KEPT_FOR]
    problems += [f"{path} cannot be read; its folder is kept for a week" for path in damaged]
    if not damaged:
        supervision.close()
    return len(unsent)
