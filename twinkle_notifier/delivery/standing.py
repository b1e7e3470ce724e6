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
        # Of the message in each channel that can change it. Two of several may have the same description.
        self._ids: dict[tuple[int, str], str] = {}

    def send(self, notifier: Target, message: Message, seconds: float) -> Outcome:
        """Show `message` in each chat that wants its level, within so many `seconds`. Never raises."""
        chosen = sender.wanting(notifier, message)
        places = {id(one): at for at, one in enumerate(chosen)}

        def work(one: Target, left: float) -> Outcome:
            return self._send(one, places[id(one)], message, left)

        return whole(chosen, side_by_side(chosen, work, seconds, 0.0))

    def _send(self, notifier: Any, place: int, message: Message, seconds: float) -> Outcome:
        if not can_edit(notifier):
            return sender.send(notifier, message, seconds)
        name = place, tried(lambda: channel(notifier)).value or ""
        if (known := self._ids.get(name)) is not None:
            outcome, _ = sender.asked(notifier, "edit", lambda: notifier.edit(known, message), message, seconds / 2)
            if not outcome.final:
                return outcome
            self._ids.pop(name, None)  # it is gone, or too old
        outcome, found = sender.asked(notifier, "__call__", lambda: notifier(message), message, seconds / 2)
        if outcome.status == "sent" and type(found) is str and found:
            self._ids[name] = found
        return outcome
