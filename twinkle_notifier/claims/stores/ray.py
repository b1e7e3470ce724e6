"""Claims in a Ray actor, one for each job."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.claims.stores.memory import MemoryStore


class RayStore:
    """Logs in the memory of a named actor.

    It is detached: one that is not died while in use. So it outlives its job, idle, and is keyed by the job.
    """

    seconds = 10.0  # for one call: the first one starts the actor's process

    def __init__(self) -> None:
        import ray

        self._get: Any = ray.get
        job = ray.get_runtime_context().get_job_id()
        options = {"name": f"claims-{job}", "namespace": "twinkle_notifier", "lifetime": "detached", "num_cpus": 0}
        self._actor: Any = ray.remote(MemoryStore).options(**options, get_if_exists=True).remote()

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        return bool(self._call("append", key, index, record))

    def read(self, key: str, start: int) -> list[bytes]:
        """See `Store`."""
        records: list[bytes] = self._call("read", key, start)
        return records

    def join(self, key: str, member: str) -> None:
        """See `Store`."""
        self._call("join", key, member)

    def members(self, key: str) -> set[str]:
        """See `Store`."""
        members: set[str] = self._call("members", key)
        return members

    def sequence(self, step: int) -> int | None:
        """See `Store`."""
        return int(self._call("sequence", step))

    def _call(self, method: str, *args: Any) -> Any:
        return self._get(getattr(self._actor, method).remote(*args), timeout=self.seconds)
