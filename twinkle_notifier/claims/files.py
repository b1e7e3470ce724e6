"""Claims as files in a folder that the ranks of a run share."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from twinkle_notifier import folders


class FileStore:
    """Logs as folders, records as files ``0``, ``1``, ... that appear whole, by `link`, and are never taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_run(cls, run_key: str) -> FileStore:
        """The store that the ranks which have `run_key` in common share. Raises OSError if there can be none."""
        run = hashlib.sha256(run_key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return cls(folders.folder("claims", run, fresh=True))

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        folder = self._made(key)
        draft = folders.draft(folder)
        try:
            folders.write(draft, record)
            return _link(draft, folder / str(index))
        finally:
            with suppress(OSError):
                draft.unlink()

    def read(self, key: str, start: int) -> list[bytes]:
        """See `Store`."""
        records: list[bytes] = []
        with suppress(FileNotFoundError):
            while True:
                records.append((self._folder / key / str(start + len(records))).read_bytes())
        return records

    def join(self, key: str, member: str) -> None:
        """See `Store`."""
        (self._made(key) / f"member {member}").touch(mode=0o600)

    def members(self, key: str) -> set[str]:
        """See `Store`."""
        with suppress(FileNotFoundError):
            names = os.listdir(self._folder / key)
            return {name.removeprefix("member ") for name in names if name.startswith("member ")}
        return set()

    def sequence(self, step: int) -> int | None:
        """See `Store`. Files cannot count; the time of a record tells."""
        return None

    def _made(self, key: str) -> Path:
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def _link(draft: Path, target: Path) -> bool:
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError:
        # link(2): over NFS the reply may be lost after the link was made; the count of links tells.
        if draft.stat().st_nlink != 2:
            raise
    return True
