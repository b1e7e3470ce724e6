"""Claims as files in a folder that the ranks of a run share."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.stored import hashed

_MOST = 1 << 20  # bytes of a record; one takes a few hundred
_NO_LINKS = (errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EMLINK, errno.EXDEV)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_BEGIN, _END = b"\x02", b"\x03"  # around a record written in place: without both it is not whole
_WRITING = 1.0  # seconds that such a record may take to become whole; then its writer is taken for dead
_POLL = 0.01  # seconds between two reads of it


class FileStore:
    """Logs as folders, records as files ``0``, ``1``, ... that are never removed.

    A record appears whole, by `link`. Where the file system has no links, the process that could create the file writes
    it in place. Both ways fail when the file exists, so processes that use different ways still exclude each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: dict[Path, float] = {}  # when this process first saw a record that was not whole

    @classmethod
    def of_run(cls, run_key: str, tried: list[str] | None = None) -> FileStore:
        """The store of the ranks that share `run_key`, in the first place that works.

        See `state_dir.within` for `tried`. Raises OSError when no place works.
        """
        run = hashed(run_key)
        return cls(state_dir.folder("claims", run, fresh=True, tried=tried))

    def append(self, key: str, index: int, record: bytes) -> bool:
        folder = self._made(key)
        target, draft = folder / str(index), state_dir.draft(folder)
        try:
            state_dir.write(draft, record)  # also before it is written in place: a full disk shows here
            won = _link(draft, target)
        finally:
            with suppress(OSError):
                draft.unlink()
        if won is None:
            won = _write_in_place(target, record)
        while not won and self._whole(target) is None:  # its record is about to be read
            time.sleep(_POLL)
        return won

    def read(self, key: str, start: int) -> list[bytes]:
        records: list[bytes] = []
        with suppress(FileNotFoundError):
            while (record := self._whole(self._folder / key / str(start + len(records)))) is not None:
                records.append(record)
        return records

    def _whole(self, path: Path) -> bytes | None:
        """The record in the file `path`; None as long as it may still become whole. Raises OSError."""
        data = state_dir.contents(path, _MOST)
        if data and data[:1] != _BEGIN:
            return data
        if len(data) > 1 and data[-1:] == _END:
            return data[1:-1]
        # By this process's own clock, so that no two are compared.
        late = time.monotonic() - self._begun.setdefault(path, time.monotonic()) > _WRITING
        return b"" if late else None

    def join(self, key: str, member: str) -> None:
        try:
            (self._made(key) / f"member {member}").touch(mode=0o600)
        except OSError as error:
            if error.errno not in _FULL:  # else fewer ranks are named, but the claims here can still be read
                raise

    def members(self, key: str) -> set[str]:
        with suppress(FileNotFoundError):
            names = os.listdir(self._folder / key)
            return {name.removeprefix("member ") for name in names if name.startswith("member ")}
        return set()

    def sequence(self, step: int) -> int | None:
        """See `Store`. Files cannot count: the time of a record decides."""
        return None

    def _made(self, key: str) -> Path:
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def _link(draft: Path, target: Path) -> bool | None:
    """Whether `target` could be made of `draft`; None where the file system has no links. Raises OSError."""
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError as error:
        # link(2): over NFS the reply may be lost after the link was made; the count of links shows it.
        if draft.stat().st_nlink == 2:
            return True
        if error.errno not in _NO_LINKS:
            raise
        return None
    return True


def _write_in_place(target: Path, record: bytes) -> bool:
    """Whether this process was first. A half-written record stays: others may have seen it, and count from there."""
    try:
        state_dir.write(target, _BEGIN + record + _END)
    except FileExistsError:
        return False
    return True


class SymlinkStore(FileStore):
    """Logs as folders, records as the targets of symbolic links, which appear whole, and are never removed."""

    @classmethod
    def of_run(cls, run_key: str, tried: list[str] | None = None) -> SymlinkStore:
        """The store of the ranks that share `run_key`. Raises OSError when no place works."""
        run = hashed(run_key)
        return cls(state_dir.within(("claims", f"{run}-symlinks"), _probed, tried))

    def append(self, key: str, index: int, record: bytes) -> bool:
        try:
            os.symlink(record, os.fsencode(self._made(key) / str(index)))
        except FileExistsError:
            return False
        return True

    def read(self, key: str, start: int) -> list[bytes]:
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
