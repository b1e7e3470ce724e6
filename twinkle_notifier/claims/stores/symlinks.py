"""Claims as symbolic links: where no file may grow, by a limit of the process, a folder can still hold some."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.runtime import state_dir


class SymlinkStore(FileStore):
    """Logs as folders, records as the targets of links, which lead nowhere, appear whole, and are never taken away."""

    @classmethod
    def of_run(cls, run_key: str, tried: list[str] | None = None) -> SymlinkStore:
        """The store that the ranks which have `run_key` in common share. Raises OSError if there can be none."""
        run = hashlib.sha256(run_key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return cls(state_dir.within(("claims", f"{run}-symlinks"), _probed, tried))

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        try:
            os.symlink(record, os.fsencode(self._made(key) / str(index)))
        except FileExistsError:
            return False
        return True

    def read(self, key: str, start: int) -> list[bytes]:
        """See `Store`."""
        records: list[bytes] = []
        with suppress(FileNotFoundError):
            while True:
                records.append(os.readlink(os.fsencode(self._folder / key / str(start + len(records)))))
        return records


def _probed(path: Path) -> Path:
    probe = state_dir.draft(path)
    os.symlink("probe", probe)
    probe.unlink()
    return path
