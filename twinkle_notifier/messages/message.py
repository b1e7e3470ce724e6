"""A message, and what became of it."""

from __future__ import annotations

import hashlib
import os
from enum import Enum
from typing import Any, Literal, NamedTuple, get_args

from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.catalog import readable
from twinkle_notifier.runtime.language import language

Level = Literal["info", "success", "warning", "error"]  # a service shows it by a colour
LEVELS: tuple[Level, ...] = get_args(Level)  # from the least to the most urgent
_OF_KINDS: dict[str, Level] = {"failed": "error", "exited": "error", "ended": "success"}
# What they are called elsewhere.
_ALSO = {"warn": "warning", "err": "error", "critical": "error", "fatal": "error", "debug": "info"}
_NAMESPACE = bytes.fromhex("6ba7b8129dad11d180b400c04fd430c8")  # uuid.NAMESPACE_OID
Status = Literal["sent", "duplicate", "throttled", "failed", "unknown", "spooled", "queued", "skipped"]


class Outcome(NamedTuple):
    """What became of a message, with a reason that a person can act on.

    ``sent``: the service has accepted it. ``duplicate``: another rank, or an earlier call, has reported it.
    ``throttled``, ``failed``: not delivered. ``unknown``: no answer came in time. ``spooled``: one of these three, but
    it is kept on the disk and will be sent later. ``queued``: it is being sent in the background. ``skipped``: no alert
    was due, or there is no notifier. `final`: another try cannot succeed. `incident`: the same for one error on every
    rank and in every run. `retry_after`: seconds until the service may accept it, if that is known.
    """

    status: Status
    reason: str = ""
    final: bool = False
    incident: str = ""
    retry_after: float | None = None

    def replaced(self, **changes: Any) -> Outcome:
        """The same but for `changes`."""
        return self._replace(**changes)


def derived_id(text: str) -> str:
    """A message id that is made of `text`: the same in every process."""
    # As uuid.uuid5, which imports hashlib at each call: that fails at the interpreter's end.
    digest = bytearray(hashlib.sha1(_NAMESPACE + text.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # the variant of RFC 4122
    return digest.hex()


def random_id() -> str:
    """A message id that no other message has."""
    return os.urandom(16).hex()


def as_text(message: object) -> str:
    """`message` as it is sent. If it is no text: ``str(message)``, or why that fails. Never raises."""
    if issubclass(type(message), str):
        return message  # type: ignore[return-value]
    kind = safe.type_name(type(message)).replace("{", "").replace("}", "")  # a class may have any name
    return readable(language(), safe.text(message, f"<a {kind} whose __str__ {{}}>"))


def level_of_end(kind: str) -> Level:
    """The level of a message about an end: what was interrupted, preempted or restarted is a ``warning``."""
    return _OF_KINDS.get(kind, "warning")


def calls_people(kind: str) -> bool:
    """Whether a message about such an end may call people: Ctrl-C and a preemption are no failures."""
    return kind not in ("interrupted", "preempted")


def level_of(message: object) -> Level:
    """The level of `message`; ``info`` for a plain text."""
    return known_level(getattr(message, "level", None)) or "info"


def may_call(message: object) -> bool:
    """Whether `message` may call people, if it is urgent, see `Message`."""
    return getattr(message, "calls", True) is not False


def is_quiet(message: object) -> bool:
    """Whether `message` may wait for others, see `Message`."""
    return getattr(message, "quiet", False) is True


def known_level(level: object) -> Level | None:
    """`level`, if it is one; a newer version may have more."""
    for known in LEVELS:
        if known == level:
            return known
    return None


def level_named(name: object) -> Level | None:
    """The level that people call `name`: ``warn``, ``WARNING``, W&B's or trackio's ``AlertLevel.WARN``; else None."""
    said = name.value if isinstance(name, Enum) else name
    word = said.strip().lower() if isinstance(said, str) else ""
    return known_level(_ALSO.get(word, word))


class Message(str):
    """A message with an id that is the same for each try, on every rank, and a level, by which a service colours it.

    A notifier passes the id on if its service can drop repeats. For others the message is a plain text. A level that is
    not known counts as ``info``. `calls`: an error or a warning may call the people whom a notifier mentions. `quiet`:
    no phone need ring, and half of a robot's rate stays for others.
    """

    id: str
    level: Level
    calls: bool
    quiet: bool

    def __new__(
        cls, text: str, message_id: str, level: Level = "info", calls: bool = True, quiet: bool = False
    ) -> Message:
        """`text`, known to services as `message_id`."""
        message = super().__new__(cls, text)
        message.id, message.level = message_id, known_level(level) or "info"
        message.calls, message.quiet = calls, quiet
        return message

    def __getnewargs__(self) -> tuple[str, str, Level, bool, bool]:  # type: ignore[override]
        return str(self), self.id, self.level, self.calls, self.quiet
