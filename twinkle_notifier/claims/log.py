"""The records of an incident, and which of them count for a process."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from twinkle_notifier.claims.store import Store
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.stored import Stored

State = Literal["claimed", "sent", "failed", "refused", "left"]
_STATES: dict[str, State] = {state: state for state in get_args(State)}


class Watermark(NamedTuple):
    """Claims recorded before this point are ignored. `sequence` is what the store had counted to, if it counts."""

    at: Instant
    sequence: int | None = None

    @classmethod
    def load(cls, fields: Stored) -> Watermark:
        """As stored. Raises ValueError."""
        return cls(Instant.load(fields.object("at")), fields.integer_or_none("sequence"))

    def is_before(self, at: Instant, sequence: int | None) -> bool:
        """Whether `at` certainly came later. Between machines the store's count is surer than their clocks."""
        if at.boot != self.at.boot and sequence is not None and self.sequence is not None:
            return sequence > self.sequence
        return at.after(self.at)


class Record(NamedTuple):
    """One line of an incident's log."""

    state: State
    rank: int
    holder: Holder
    at: Instant
    sequence: int | None = None

    @classmethod
    def now(cls, state: State, rank: int, store: Store) -> Record:
        """A record of this process and moment."""
        return cls(state, rank, Holder.me(), Instant.now(), store.sequence(1))

    @classmethod
    def load(cls, fields: Stored) -> Record:
        """As stored. Raises ValueError."""
        return cls(
            _STATES[fields.one_of("state", list(_STATES))],
            fields.count("rank"),
            Holder.load(fields.object("holder")),
            Instant.load(fields.object("at")),
            fields.integer_or_none("sequence"),
        )

    def after(self, mark: Watermark) -> bool:
        """Whether it was certainly made after `mark`."""
        return mark.is_before(self.at, self.sequence)
