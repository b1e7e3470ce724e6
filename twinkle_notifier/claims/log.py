"""The records of an incident, and which of them count for a process."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from twinkle_notifier.claims.store import Store
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.stored import Stored

State = Literal["claimed", "sent", "failed", "refused", "left"]
_STATES: dict[str, State] = {state: state for state in get_args(State)}


E = TypeVar("E", bound="Entry")


class Entry:
    """What a log in a store keeps, as JSON: a dataclass, whose `of` reads its fields."""

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(self, default=vars).encode()

    @classmethod
    def load(cls: type[E], data: bytes) -> E | None:
        """As stored; None for what cannot be read, which then does not count."""
        with suppress(ValueError):
            return cls.of(Stored.read(data))
        return None

    @classmethod
    def of(cls: type[E], fields: Stored) -> E:
        """From its fields as stored. Raises ValueError."""
        raise NotImplementedError


@dataclass(frozen=True)
class Watermark(Entry):
    """Claims recorded before this point are ignored. `sequence` is what the store had counted to, if it counts."""

    at: Instant
    sequence: int | None = None

    @classmethod
    def of(cls, fields: Stored) -> Watermark:
        """From its fields as stored. Raises ValueError."""
        return cls(Instant.load(fields.object("at")), fields.integer_or_none("sequence"))


@dataclass(frozen=True)
class Record(Entry):
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
    def of(cls, fields: Stored) -> Record:
        """From its fields as stored. Raises ValueError."""
        return cls(
            _STATES[fields.one_of("state", list(_STATES))],
            fields.count("rank"),
            Holder.load(fields.object("holder")),
            Instant.load(fields.object("at")),
            fields.integer_or_none("sequence"),
        )

    def after(self, mark: Watermark) -> bool:
        """Whether it was certainly made after `mark`. Between machines the store's count is surer than their clocks."""
        if self.at.boot != mark.at.boot and self.sequence is not None and mark.sequence is not None:
            return self.sequence > mark.sequence
        return self.at.after(mark.at)
