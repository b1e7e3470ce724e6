"""Finds messages that the processes below a killed supervisor have left to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from twinkle_notifier.delivery.letter import Event, Letter, problem
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Note
from twinkle_notifier.messages.catalog import fact, phrase
from twinkle_notifier.messages.markdown import title
from twinkle_notifier.runtime.language import language

_CHANNEL = "supervised"
_KEPT_FOR = 7 * 86400.0  # seconds

log: logging.Logger = logging.getLogger("twinkle_notifier")


def adopt(roots: Sequence[Path]) -> list[str]:
    """Move the messages in `roots` to where `twinkle-notifier flush` finds them; the problems. Raises no OSError."""
    notes, problems = _each(roots, _adopted)
    if notes:
        log.warning("%d messages of a supervisor that was killed wait for `twinkle-notifier flush`", len(notes))
    return problems


def listed(roots: Sequence[Path]) -> tuple[list[Letter], list[str]]:
    """The messages that `adopt` would move, and the problems. Changes nothing. Raises no OSError."""
    notes, problems = _each(roots, lambda mailbox, _: _unsent(mailbox))
    return [_letter(note) for note in notes], problems


def _each(roots: Sequence[Path], find: Callable[[Mailbox, list[str]], list[Note]]) -> tuple[list[Note], list[str]]:
    """The notes that `find` finds in the folders of supervisors that were killed, and the problems."""
    notes: list[Note] = []
    problems: list[str] = []
    for mailbox in Mailbox.all(roots):
        try:
            holder = mailbox.holder()
            if holder is None or holder.dead():
                notes += find(mailbox, problems)
        except PermissionError:  # it is root's, whose own flush takes it over
            continue
        except OSError as error:  # it stays for the next flush
            problems.append(problem(mailbox.folder, "cannot be used", error))
    return notes, problems


def _unsent(mailbox: Mailbox) -> list[Note]:
    from twinkle_notifier.supervisor.attribution import Attribution  # needs Linux, as the supervisor did

    attribution = Attribution(mailbox.notes(), mailbox.leaves())
    unsent = attribution.unsent(following=True) + attribution.lingering(time.time(), alone=True)
    return [note for note in unsent if note.state != "kept"]  # those lie in the spool


def _adopted(mailbox: Mailbox, problems: list[str]) -> list[Note]:
    """Take over the notes of a mailbox, and remove its folder once each note is kept. Raises OSError."""
    notes = _unsent(mailbox)
    why = fact(language(), "Note", phrase(language(), "its supervisor was killed, too"))
    for note in notes:
        Spool.put(_CHANNEL, note.message(why), "killed", note.notifier)
        mailbox.forget(note)  # or it would be taken over again, if another cannot be
    damaged = [path for path in mailbox.damaged() if time.time() - path.lstat().st_mtime < _KEPT_FOR]
    problems += [f"{path} cannot be read; its folder is kept for a week" for path in damaged]
    if not damaged:
        mailbox.close()
    return notes


def _letter(note: Note) -> Letter:
    event = Event(title(note.text, 200) or "a message", note.at)
    return Letter(note.id, note.text, note.at, "killed", note.notifier, (event,))
