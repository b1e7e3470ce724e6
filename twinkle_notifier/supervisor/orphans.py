"""Finds messages that a killed supervisor has left: the processes below it could not send them themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from twinkle_notifier.delivery.letter import Event, Letter, problem
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Note
from twinkle_notifier.messages.markdown import title
from twinkle_notifier.supervisor.attribution import Attribution

_CHANNEL = "supervised"
_NOTE = "Note: its supervisor was killed, too"
_KEPT_FOR = 7 * 86400.0  # seconds

log: logging.Logger = logging.getLogger("twinkle_notifier")


def adopt(roots: Sequence[Path]) -> list[str]:
    """Move the messages in `roots` to where `twinkle-notifier flush` finds them; the problems. Raises no OSError."""
    words, problems = _each(roots, _adopted)
    if words:
        log.warning("%d messages of a supervisor that was killed wait for `twinkle-notifier flush`", len(words))
    return problems


def listed(roots: Sequence[Path]) -> tuple[list[Letter], list[str]]:
    """What `adopt` would put there, and the problems. Nothing is changed; raises no OSError."""
    words, problems = _each(roots, lambda mailbox, _: _unsent(mailbox))
    return [_letter(word) for word in words], problems


def _each(roots: Sequence[Path], find: Callable[[Mailbox, list[str]], list[Note]]) -> tuple[list[Note], list[str]]:
    """The words that `find` finds in the folders of supervisors that were killed, and the problems."""
    words: list[Note] = []
    problems: list[str] = []
    for mailbox in Mailbox.all(roots):
        try:
            holder = mailbox.holder()
            if holder is None or holder.dead():
                words += find(mailbox, problems)
        except PermissionError:  # root's, who takes it over
            continue
        except OSError as error:  # it stays for the next time
            problems.append(problem(mailbox.folder, "cannot be used", error))
    return words, problems


def _unsent(mailbox: Mailbox) -> list[Note]:
    attribution = Attribution.of(mailbox)
    unsent = attribution.unsent(following=True) + attribution.lingering(time.time(), alone=True)
    return [word for word in unsent if word.state != "kept"]  # that lies there


def _adopted(mailbox: Mailbox, problems: list[str]) -> list[Note]:
    """Take over the words of a mailbox, and remove its folder once each word is kept. Raises OSError."""
    words = _unsent(mailbox)
    for word in words:
        Spool.put(_CHANNEL, word.message(_NOTE), "killed", word.notifier)
        mailbox.forget(word)  # or it would be taken over again, if another cannot be
    damaged = [path for path in mailbox.damaged() if time.time() - path.lstat().st_mtime < _KEPT_FOR]
    problems += [f"{path} cannot be read; its folder is kept for a week" for path in damaged]
    if not damaged:
        mailbox.close()
    return words


def _letter(word: Note) -> Letter:
    event = Event(title(word.text, 200) or "a message", word.at)
    return Letter(word.id, word.text, word.at, "killed", word.notifier, (event,))
