"""Where this package keeps files: claims, and what it knows of earlier crashes."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

VARIABLE = "TWINKLE_NOTIFIER_DIR"

log = logging.getLogger("twinkle_notifier")


def folder(*parts: str) -> Path:
    """The folder `parts` under ``TWINKLE_NOTIFIER_DIR``, else in a temporary folder, made if need be, of mode 0700.

    Raises:
        OSError: there is none that can be written to.
    """
    problem = OSError(f"no folder can be written to: set {VARIABLE} to one that can")
    for root in _roots():
        try:
            return _usable(root, parts)
        except OSError as error:
            problem = error
            if root == _chosen():
                log.warning("%s=%s cannot be used: %s", VARIABLE, root, error)
    raise problem


def write(path: Path, data: bytes) -> None:
    """Make a file of mode 0600, on the disk when this returns. Raises OSError, FileExistsError if it is there."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def draft(where: Path) -> Path:
    """A name in the folder `where` that no other process or thread uses."""
    return where / f"draft-{os.getpid()}-{os.urandom(6).hex()}"


def _chosen() -> Path | None:
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def _roots() -> Iterator[Path]:
    if (chosen := _chosen()) is not None:
        yield chosen
    user = f"twinkle-notifier-{os.getuid()}" if hasattr(os, "getuid") else "twinkle-notifier"
    with suppress(FileNotFoundError):  # tempfile found no folder at all
        yield Path(tempfile.gettempdir()) / user
    yield Path("/dev/shm") / user  # memory: there when the disk is full or read-only


def _usable(root: Path, parts: tuple[str, ...]) -> Path:
    path = root
    for part in ("", *parts):  # one by one: mkdir gives the mode to the last part alone
        path = path / part
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        # In the common temporary folder another user may have been first. A chosen one is the user's own matter: over
        # NFS its files may belong to somebody else altogether.
        if root != _chosen() and hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            raise PermissionError(f"{path} belongs to another user")
    probe = draft(path)
    try:
        write(probe, b"probe")
    finally:
        with suppress(OSError):
            probe.unlink()
    return path
