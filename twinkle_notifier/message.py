"""A message, and what became of it."""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, which importing this package does not load
if TYPE_CHECKING:
    from typing import Any, Literal

    Status = Literal["sent", "duplicate", "throttled", "failed", "unknown", "spooled", "queued", "skipped"]


class Outcome:
    """What became of a message, with a reason that a person can act on.

    ``sent``: the service has accepted it. ``duplicate``: another rank, or an earlier call, has told of it.
    ``throttled``, ``failed``: it is not there. ``unknown``: no answer came in time. ``spooled``: one of these three,
    and it is kept on the disk, from where it goes out later. ``queued``: it is on its way in the background.
    ``skipped``: there was nobody to tell. `final`: no other try can fare better. `incident`: what the same error has in
    common on every rank and in every run. `retry_after`: seconds until the service may take it, where that is known.
    """

    # A frozen dataclass in all but the name: to import `dataclasses` takes longer than this package may, and an outcome
    # is needed when nothing can be imported any more.
    __slots__ = ("final", "incident", "reason", "retry_after", "status")

    status: Status
    reason: str
    final: bool
    incident: str
    retry_after: float | None

    def __init__(
        self,
        status: Status,
        reason: str = "",
        final: bool = False,
        incident: str = "",
        retry_after: float | None = None,
    ) -> None:
        for name, value in zip(_FIELDS, (status, reason, final, incident, retry_after), strict=True):
            object.__setattr__(self, name, value)

    def replaced(self, **changes: Any) -> Outcome:
        """The same but for `changes`."""
        return Outcome(**{**dict(zip(_FIELDS, self._values(), strict=True)), **changes})

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Outcome does not change: its {name} stays")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"Outcome({', '.join(f'{name}={value!r}' for name, value in zip(_FIELDS, self._values(), strict=True))})"

    def __reduce__(self) -> tuple[type[Outcome], tuple[Any, ...]]:
        return Outcome, self._values()


_FIELDS = ("status", "reason", "final", "incident", "retry_after")


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
