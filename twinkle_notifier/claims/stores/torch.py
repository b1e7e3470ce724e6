"""Claims in the TCPStore that torchrun's agent serves: common to all nodes, and alive after every rank is dead."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any

_TIMEOUT = timedelta(seconds=3)  # of one operation; it does not bound connecting, so the caller does
_PREFIX = "twinkle_notifier"


def is_served() -> bool:
    """Whether torchrun's agent serves a store to this process, which has torch loaded already."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and "torch.distributed" in sys.modules


_kept: dict[int, TorchStore] = {}  # by process: a forked child would share its parent's socket


def is_connected() -> bool:
    """Whether this process is connected to the store."""
    return os.getpid() in _kept


class TorchStore:
    """Logs as keys of a TCPStore. A client of its own, since the process group's may be broken by the very failure."""

    def __init__(self) -> None:
        import torch.distributed

        distributed: Any = torch.distributed  # its stubs hide the stores

        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        client = distributed.TCPStore(host, port, is_master=False, wait_for_workers=False, timeout=_TIMEOUT)
        self._store: Any = distributed.PrefixStore(_PREFIX, client)

    @classmethod
    def kept(cls) -> TorchStore:
        """The store that this process has open; opened now if it has none.

        The server looks up the name of each new client, one after the other, and a dead resolver takes 5 s for each:
        a client that is connected before the crash needs none of that.
        """
        if os.getpid() not in _kept:
            _kept[os.getpid()] = cls()
        return _kept[os.getpid()]

    def append(self, key: str, index: int, record: bytes) -> bool:
        text = record.decode()
        return bool(self._store.compare_set(f"{key}/{index}", "", text) == record)

    def read(self, key: str, start: int) -> list[bytes]:
        records: list[bytes] = []
        while self._store.check([f"{key}/{start + len(records)}"]):
            records.append(self._store.get(f"{key}/{start + len(records)}"))
        return records

    def join(self, key: str, member: str) -> None:
        self._store.append(f"{key}/members", f"{member}\n")

    def members(self, key: str) -> set[str]:
        name = f"{key}/members"
        return set(self._store.get(name).decode().split("\n")[:-1]) if self._store.check([name]) else set()

    def sequence(self, step: int) -> int | None:
        return int(self._store.add("sequence", step))
