"""What is left of a supervisor that was killed: messages that the processes below it could not send themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from twinkle_notifier.channels.markdown import title
from twinkle_notifier.spool import Spool
from twinkle_notifier.spool_files import problem
from twinkle_notifier.spool_letter import Event, Letter
from twinkle_notifier.supervise.story import Story
from twinkle_notifier.supervision import Supervision, Word

_CHANNEL = "supervised"
_NOTE = "Note: its supervisor was killed, too"
_KEPT_FOR = 7 * 86400.0  # seconds

log = logging.getLogger("twinkle_notifier")


def adopt(roots: Sequence[Path]) -> list[str]:
    """Put those in `roots` where `twinkle-notifier flush` finds them; the problems, by name. Raises no OSError."""
    problems: list[str] = []
    count = 0
    for supervision in Supervision.all(roots):
        try:
            count += _adopted(supervision, problems)
        except PermissionError:  # root's, who takes it over
            continue
        except OSError as error:  # it stays for the next time
            problems.append(problem(supervision.folder, "cannot be used", error))
    if count:
        log.warning("%d messages of a supervisor that was killed wait for `twinkle-notifier flush`", count)
    return problems


def listed(roots: Sequence[Path]) -> tuple[list[Letter], list[str]]:
    """What `adopt` would put there, and the problems. Nothing is changed; raises no OSError."""
    letters: list[Letter] = []
    problems: list[str] = []
    for supervision in Supervision.all(roots):
        try:
            letters += map(_letter, _unsent(supervision)) if _is_orphan(supervision) else []
        except PermissionError:  # root's, who takes it over
            continue
        except OSError as error:
            problems.append(problem(supervision.folder, "cannot be used", error))
    return letters, problems


def _letter(word: Word) -> Letter:
    event = Event(title(word.text, 200) or "a message", word.at)
    return Letter(word.id, word.text, word.at, "killed", word.notifier, (event,))


def _is_orphan(supervision: Supervision) -> bool:
    holder = supervision.holder()
    return holder is None or holder.dead()


def _unsent(supervision: Supervision) -> list[Word]:
    story = Story.of(supervision)
    unsent = story.unsent(following=True) + story.lingering(time.time(), alone=True)
    return [word for word in unsent if word.state != "kept"]  # that lies there


def _adopted(supervision: Supervision, problems: list[str]) -> int:
    """How many messages were taken over; the folder goes once each is kept. Raises OSError."""
    if not _is_orphan(supervision):
        return 0
    unsent = _unsent(supervision)
    for word in unsent:
        Spool.keep(_CHANNEL, word.message(_NOTE), "killed", word.notifier)
        supervision.forget(word)  # or it would be taken over again, if another cannot be
    damaged = [path for path in supervision.damaged() if time.time() - path.lstat().st_mtime < _KEPT_FOR]
    problems += [f"{path} cannot be read; its folder is kept for a week" for path in damaged]
    if not damaged:
        supervision.close()
    return len(unsent)
