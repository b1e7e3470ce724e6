"""Claims in the memory of a process: one that is alone in its run, or a Ray actor."""

from __future__ import annotations


class MemoryStore:
    """Logs in this process's memory, shared by its threads."""

    def __init__(self) -> None:
        # Dicts and their atomic setdefault instead of a lock, which a fork could leave locked in the child.
        self._records: dict[tuple[str, int], bytes] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._sequence = 0

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        return self._records.setdefault((key, index), record) is record

    def read(self, key: str, start: int) -> list[bytes]:
        """See `Store`."""
        records: list[bytes] = []
        while (record := self._records.get((key, start + len(records)))) is not None:
            records.append(record)
        return records

    def join(self, key: str, member: str) -> None:
        """See `Store`."""
        self._members.setdefault(key, {})[member] = None

    def members(self, key: str) -> set[str]:
        """See `Store`."""
        return set(self._members.get(key, ()))

    def sequence(self, step: int) -> int | None:
        """See `Store`. Exact where calls come one at a time, as a Ray actor's do; alone, nobody asks."""
        self._sequence += step
        return self._sequence
