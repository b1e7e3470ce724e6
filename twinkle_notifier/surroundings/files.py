"""Reads small files that others may have made: a file that is no file, or too long, is refused."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager

_WITHOUT_SIZE = 1 << 14  # bytes of a file that has no size, as in /proc


def read(path: str | bytes, most: int) -> bytes:
    """The content of a regular file of `most` bytes at most.

    Raises OSError if there is none: a FIFO or a device is not even opened. Raises ValueError if it is longer.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if found.st_size > most:
        raise ValueError("it is too long")
    most = min(most, max(found.st_size, _WITHOUT_SIZE))  # memory for so many bytes is taken at once
    with open(path, "rb", opener=_at_once) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError("it is too long")
    return data


@contextmanager
def opened(path: str) -> Generator[int]:
    """A descriptor of a regular file, to read parts of it. Raises OSError if there is none."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    file = _at_once(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        yield file
    finally:
        os.close(file)


def text(path: str, most: int) -> str:
    """The same as a text, without white space around it."""
    return read(path, most).decode("utf-8", "replace").strip()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # it may have become a FIFO meanwhile
