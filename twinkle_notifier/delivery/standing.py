"""A message that says how things stand: each chat shows the newest one."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.several import side_by_side, whole
from twinkle_notifier.delivery.targets import Target
from twinkle_notifier.isolation import tried
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.notifier import can_edit


class Standing:
    """Sends such a message again and again. A chat that can change a message has one, which is kept up to date.

    It keeps nothing on the disk, where it would be out of date: the next message takes the place of one that was lost.
    """

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}  # of the message in each channel that can change it

    def send(self, notifier: Target, message: Message, seconds: float) -> Outcome:
        """Show `message` in each chat that wants its level, within so many `seconds`. Never raises."""
        chosen = sender.wanting(notifier, message)
        return whole(chosen, side_by_side(chosen, lambda one, left: self._send(one, message, left), seconds, 0.0))

    def _send(self, notifier: Any, message: Message, seconds: float) -> Outcome:
        if not can_edit(notifier):
            return sender.send(notifier, message, seconds)
        name = tried(lambda: channel(notifier)).value or ""
        if (known := self._ids.get(name)) is not None:
            outcome, _ = sender.asked(notifier, "edit", lambda: notifier.edit(known, message), message, seconds / 2)
            if not outcome.final:
                return outcome
            del self._ids[name]  # it is gone, or too old
        outcome, found = sender.asked(notifier, "__call__", lambda: notifier(message), message, seconds / 2)
        if outcome.status == "sent" and type(found) is str and found:
            self._ids[name] = found
        return outcome
