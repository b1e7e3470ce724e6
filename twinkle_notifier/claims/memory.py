"""Claims of a process that is alone in its run, kept in its memory."""

from __future__ import annotations


class MemoryStore:
    """Logs in this process's memory, shared by its threads, and after a fork by neither side."""

    def __init__(self) -> None:
        # One dict and its atomic setdefault instead of a lock, which a fork could leave locked in the child.
        self._records: dict[tuple[str, int], bytes] = {}

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        return self._records.setdefault((key, index), record) is record

    def read(self, key: str, start: int) -> list[bytes]:
        """See `Store`."""
        records: list[bytes] = []
        while (record := self._records.get((key, start + len(records)))) is not None:
            records.append(record)
        return records
