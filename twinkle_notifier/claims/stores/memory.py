"""Claims in the memory of a process: one that is alone in its run, or a Ray actor."""

from __future__ import annotations

from typing import Any


class MemoryStore:
    """Logs in this process's memory, shared by its threads."""

    def __init__(self) -> None:
        # Dicts and their atomic setdefault instead of a lock, which a fork could leave locked in the child.
        self._records: dict[tuple[str, int], bytes] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._sequence = 0

    def append(self, key: str, index: int, record: bytes) -> bool:
        return self._records.setdefault((key, index), record) is record

    def read(self, key: str, start: int) -> list[bytes]:
        records: list[bytes] = []
        while (record := self._records.get((key, start + len(records)))) is not None:
            records.append(record)
        return records

    def join(self, key: str, member: str) -> None:
        self._members.setdefault(key, {})[member] = None

    def members(self, key: str) -> set[str]:
        return set(self._members.get(key, ()))

    def sequence(self, step: int) -> int | None:
        """See `Store`. Exact where calls come one at a time, as a Ray actor's do; alone, nobody asks."""
        self._sequence += step
        return self._sequence


class RayStore:
    """Logs in the memory of a named actor.

    It is detached: one that is not died while in use. So it outlives its job, idle, and is keyed by the job.
    """

    seconds: float = 10.0  # for one call: the first one starts the actor's process

    def __init__(self) -> None:
        import ray

        self._get: Any = ray.get
        job = ray.get_runtime_context().get_job_id()
        options = {"name": f"claims-{job}", "namespace": "twinkle_notifier", "lifetime": "detached", "num_cpus": 0}
        self._actor: Any = ray.remote(MemoryStore).options(**options, get_if_exists=True).remote()

    def append(self, key: str, index: int, record: bytes) -> bool:
        return bool(self._call("append", key, index, record))

    def read(self, key: str, start: int) -> list[bytes]:
        return list(self._call("read", key, start))

    def join(self, key: str, member: str) -> None:
        self._call("join", key, member)

    def members(self, key: str) -> set[str]:
        return set(self._call("members", key))

    def sequence(self, step: int) -> int | None:
        return int(self._call("sequence", step))

    def _call(self, method: str, *args: Any) -> Any:
        return self._get(getattr(self._actor, method).remote(*args), timeout=self.seconds)
