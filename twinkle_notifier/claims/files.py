"""Claims as files in a folder that the ranks of a run share."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


class FileStore:
    """Logs as folders, records as files ``0``, ``1``, ... that appear whole, by `link`, and are never taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f"draft-{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}"
        try:
            _write(draft, record)
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


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


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


def shared_folder(run_key: str) -> Path:
    """The folder for this run's claims, made if need be: in ``TWINKLE_NOTIFIER_DIR``, else in a temporary folder.

    Raises:
        OSError: there is no folder that can be written to.
    """
    run = hashlib.sha256(run_key.encode("utf-8", "replace")).hexdigest()[:16]
    problem: OSError = OSError("no folder to keep claims in: set TWINKLE_NOTIFIER_DIR to one that can be written to")
    for root in _roots():
        try:
            return _usable(root, run)
        except OSError as error:
            problem = error
    raise problem


def _roots() -> Iterator[Path]:
    if chosen := os.environ.get("TWINKLE_NOTIFIER_DIR"):
        yield Path(chosen).expanduser()
    user = f"twinkle-notifier-{os.getuid()}" if hasattr(os, "getuid") else "twinkle-notifier"
    with suppress(FileNotFoundError):  # tempfile found no folder at all
        yield Path(tempfile.gettempdir()) / user
    yield Path("/dev/shm") / user


def _usable(root: Path, run: str) -> Path:
    folder = root / "claims" / run
    for part in (root, folder.parent, folder):  # one by one: mkdir gives the mode to the last part alone
        part.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    probe = folder / f"draft-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        _write(probe, b"probe")
    finally:
        with suppress(OSError):
            probe.unlink()
    return folder
