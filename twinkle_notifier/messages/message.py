"""A message, and what became of it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Any, Literal

from twinkle_notifier.isolation import safe

Status = Literal["sent", "duplicate", "throttled", "failed", "unknown", "spooled", "queued", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What became of a message, with a reason that a person can act on.

    ``sent``: the service has accepted it. ``duplicate``: another rank, or an earlier call, has reported it.
    ``throttled``, ``failed``: not delivered. ``unknown``: no answer came in time. ``spooled``: one of these three,
    and it is kept on the disk, from where it goes out later. ``queued``: it is on its way in the background.
    ``skipped``: no alert was due, or there is no notifier. `final`: no other try can fare better. `incident`: what the
    same error has in common on every rank and in every run. `retry_after`: seconds until the service may take it,
    where that is known.
    """

    status: Status
    reason: str = ""
    final: bool = False
    incident: str = ""
    retry_after: float | None = None

    def replaced(self, **changes: Any) -> Outcome:
        """The same but for `changes`."""
        return replace(self, **changes)


def derived_id(text: str) -> str:
    """The id of a message that stands for `text`: alike in every process."""
    # What uuid.uuid5 does, but that imports hashlib at each call: at the interpreter's end nothing can be imported.
    digest = hashlib.sha1(uuid.NAMESPACE_OID.bytes + text.encode(), usedforsecurity=False).digest()
    return uuid.UUID(bytes=digest[:16], version=5).hex


def as_text(message: object) -> str:
    """`message` as it is sent: of what is no text, ``str(message)``, or why there is none. Never raises."""
    if issubclass(type(message), str):
        return message  # type: ignore[return-value]
    return safe.text(message, f"<a {safe.type_name(type(message))} whose __str__ {{}}>")


class Message(str):
    """A message with an id that stays the same however often, and by whichever rank, it is sent.

    A notifier whose service can drop repeats hands it on; to every other it is a plain text.
    """

    id: str

    def __new__(cls, text: str, message_id: str) -> Message:
        """`text`, known to services as `message_id`."""
        message = super().__new__(cls, text)
        message.id = message_id
        return message

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str(self), self.id
