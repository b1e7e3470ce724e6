"""The records of an incident, and which of them count for a process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from twinkle_notifier.claims.store import Store
from twinkle_notifier.runtime.process import Holder, Instant

_UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)

State = Literal["claimed", "sent", "failed", "refused", "left"]
_STATES: dict[str, State] = {state: state for state in get_args(State)}


@dataclass(frozen=True)
class Watermark:
    """Claims recorded before this point are ignored. `sequence` is what the store had counted to, if it counts."""

    at: Instant
    sequence: int | None = None

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(self, default=vars).encode()

    @classmethod
    def load(cls, data: bytes) -> Watermark | None:
        """As stored; None for what cannot be read."""
        try:
            return cls._of(json.loads(data))
        except _UNREADABLE:
            return None

    @classmethod
    def _of(cls, fields: Any) -> Watermark:
        at, sequence = fields["at"], fields["sequence"]
        instant = Instant(str(at["boot"]), float(at["since_boot"]), float(at["wall"]))
        return cls(instant, None if sequence is None else int(sequence))


@dataclass(frozen=True)
class Record:
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

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(self, default=vars).encode()

    @classmethod
    def load(cls, data: bytes) -> Record | None:
        """As stored; None for what cannot be read, which then does not count."""
        try:
            fields = json.loads(data)
            made = Watermark._of(fields)
            holder = Holder(**fields["holder"])
            return cls(_STATES[fields["state"]], int(fields["rank"]), holder, made.at, made.sequence)
        except _UNREADABLE:
            return None

    def after(self, mark: Watermark) -> bool:
        """Whether it was certainly made after `mark`. Between machines the store's count is surer than their clocks."""
        if self.at.boot != mark.at.boot and self.sequence is not None and mark.sequence is not None:
            return self.sequence > mark.sequence
        return self.at.after(mark.at)
