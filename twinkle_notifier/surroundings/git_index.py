"""git's index, the list of tracked files, and whether these files differ from it.

The format is git's own, of versions 2, 3 and 4: https://git-scm.com/docs/index-format. What is not understood, or takes
too long, raises ValueError or OSError: then it is not known whether files differ.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from twinkle_notifier.surroundings import files

_ENTRIES = 20_000
_BYTES = 8 << 20  # of an index
_PATH = 4096  # bytes of a path
_CONTENT = 16 << 20  # bytes of a file that is hashed
_ATTRIBUTES = 1 << 16  # bytes of a file of attributes
_EVERY = 256  # entries between two looks at the clock
_HASH = 20  # bytes: SHA-1; the checksum at the end of an index is of the repository's kind, too
_HEADER = struct.Struct(">4sII")
_FIELDS = struct.Struct(">8xII8xI8xI20sH")  # times, mode, size, hash, flags; left out: what git alone needs
_ASSUMED, _EXTENDED, _NAME = 0x8000, 0x4000, 0x0FFF  # flags
_SKIPPED = 0x4000  # a flag of an extended entry
_FILE, _LINK, _FOLDER = 0o100000, 0o120000, 0o040000
_BILLION = 10**9


class Entry(NamedTuple):
    """A tracked file. Times are of its last change, when git last looked at it."""

    path: bytes
    seconds: int
    nanoseconds: int
    mode: int
    size: int  # modulo 2**32; 0 also where git was not sure of it
    hash: bytes
    is_ignored: bool  # it need not be there: another part of the repository is checked out

    @property
    def kind(self) -> int:
        """Of the mode, without permissions."""
        return self.mode & 0o170000


class Index(NamedTuple):
    """The tracked files. One in conflict has several entries, and one about to be added that of an empty file."""

    entries: list[Entry]
    root: bytes | None  # the hash of the tree that a commit would have, if git has noted it
    changed: int  # nanoseconds: when the index was written

    def tree(self, until: float) -> bytes:
        """The hash of the tree that a commit would have now. Raises ValueError if it cannot be known."""
        return self.root if self.root is not None else _tree_of(self.entries, until)


def _check(until: float) -> None:
    if time.monotonic() > until:
        raise ValueError("it takes too long")


def read(path: str, until: float) -> Index:
    """The index in the file `path`. Raises OSError, ValueError, IndexError or struct.error."""
    changed = os.stat(path).st_mtime_ns
    data = files.read(path, _BYTES)
    magic, version, count = _HEADER.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3, 4) or count > _ENTRIES:
        raise ValueError("another format, or too long")
    # Where git is told to skip the checksum it is zero.
    if data[-_HASH:] not in (_sha1(data[:-_HASH]), bytes(_HASH)):
        raise ValueError("it is damaged")
    return _parsed(data[:-_HASH], version, count, changed, until)


def _parsed(data: bytes, version: int, count: int, changed: int, until: float) -> Index:
    entries: list[Entry] = []
    at, path = _HEADER.size, b""
    for number in range(count):
        if number % _EVERY == 0:
            _check(until)
        at, entry = _entry(data, at, version, path)
        path = entry.path
        if not 0 < len(path) <= _PATH or b".." in path.split(b"/") or path.startswith(b"/"):
            raise ValueError("a path that git would not make")
        entries.append(entry)
    return Index(entries, _noted_root(data, at, until), changed)


def _entry(data: bytes, start: int, version: int, before: bytes) -> tuple[int, Entry]:
    """Where the next entry begins, and this one."""
    seconds, nanoseconds, mode, size, digest, flags = _FIELDS.unpack_from(data, start)
    at, more = start + _FIELDS.size, 0
    if flags & _EXTENDED and version > 2:
        more = int.from_bytes(data[at : at + 2], "big")
        at += 2
    if version == 4:  # the path begins as the one before it
        dropped, at = _number(data, at)
        end = data.index(b"\0", at)
        path, next_start = before[: max(len(before) - dropped, 0)] + data[at:end], end + 1
    else:
        length = flags & _NAME
        end = at + length if length < _NAME else data.index(b"\0", at)
        path, next_start = data[at:end], end + 8 - (end - start) % 8
    ignored = bool(flags & _ASSUMED or more & _SKIPPED)
    return next_start, Entry(path, seconds, nanoseconds, mode, size, digest, ignored)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, as in packs, and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
        if value > _BYTES:  # a longer one would take long to compute
            raise ValueError("a number that git would not write")
    return value, at + 1


def _noted_root(data: bytes, at: int, until: float) -> bytes | None:
    """The hash of the root from the extension TREE. Raises ValueError if there is an extension that changes entries."""
    root = None
    while at < len(data):
        _check(until)
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if name == b"TREE":
            count, _, rest = data[at + 8 : at + 8 + size].removeprefix(b"\0").partition(b"\n")
            root = rest[:_HASH] if not count.startswith(b"-") and len(rest) >= _HASH else None
        elif not name[:1].isupper() and name != b"sdir":
            raise ValueError("an extension that is not known")
        at += 8 + size
    return root


def _tree_of(entries: list[Entry], until: float) -> bytes:
    """The hash of the tree of these entries. They are sorted as git sorts a tree."""
    open_folders: list[tuple[bytes, list[bytes]]] = [(b"", [])]  # from the root inwards, with their lines

    def close(depth: int) -> None:
        while len(open_folders) > depth:
            name, lines = open_folders.pop()
            open_folders[-1][1].append(_line(_FOLDER, name, _object(b"tree", b"".join(lines))))

    for entry in entries:
        _check(until)
        *folders, name = entry.path.split(b"/")
        shared = _shared(folders, [folder for folder, _ in open_folders[1:]])
        close(shared + 1)
        open_folders.extend((folder, []) for folder in folders[shared:])
        if name:
            open_folders[-1][1].append(_line(entry.mode, name, entry.hash))
        else:
            raise ValueError("a folder of which only a part is checked out")
    close(1)
    return _object(b"tree", b"".join(open_folders[0][1]))


def _shared(one: list[bytes], other: list[bytes]) -> int:
    """How many items both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _line(mode: int, name: bytes, digest: bytes) -> bytes:
    return b"%o %s\0%s" % (mode, name, digest)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _object(kind: bytes, content: bytes) -> bytes:
    return _sha1(b"%s %d\0%s" % (kind, len(content), content))


def differs(index: Index, root: bytes, attributes: bytes, until: float) -> bool:
    """Whether a tracked file below `root` differs from `index`. Raises ValueError or OSError if that is not known."""
    others: list[tuple[bytes, Entry]] = []  # whose content decides
    for number, entry in enumerate(index.entries):
        if number % _EVERY == 0:
            _check(until)
        if entry.is_ignored or entry.kind not in (_FILE, _LINK):
            continue
        path = root + b"/" + entry.path
        found = _is_changed(path, entry, index.changed)
        if found:
            return True
        if found is None:
            others.append((path, entry))
    return bool(others) and not _is_filtered(index, root, attributes, until) and _has_other_content(others, until)


def _is_changed(path: bytes, entry: Entry, written: int) -> bool | None:
    """Whether the file `path` differs from its entry; None if only its content can tell."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    kind = stat.S_IFMT(found.st_mode)
    # Where there are no symbolic links git makes a file of each.
    if kind != entry.kind and (entry.kind, kind) != (_LINK, _FILE):
        return True
    if entry.size and entry.size != found.st_size & 0xFFFFFFFF:
        return True
    is_older = entry.seconds * _BILLION + entry.nanoseconds < written  # else it may have changed right after
    return False if _is_as_old(found, entry) and is_older else None


def _has_other_content(found: list[tuple[bytes, Entry]], until: float) -> bool:
    for path, entry in found:
        _check(until)
        if entry.hash not in _hashes(path):
            return True
    return False


def _is_as_old(found: os.stat_result, entry: Entry) -> bool:
    seconds, nanoseconds = divmod(found.st_mtime_ns, _BILLION)
    is_exact = nanoseconds and entry.nanoseconds  # some tools write no fractions
    return seconds & 0xFFFFFFFF == entry.seconds and (not is_exact or nanoseconds == entry.nanoseconds)


def _hashes(path: bytes) -> Iterator[bytes]:
    """What git may call the content of a file: as it is, or with other line ends."""
    if os.path.islink(path):
        yield _object(b"blob", os.readlink(path))
        return
    content = files.read(path, _CONTENT)
    yield _object(b"blob", content)
    if b"\r\n" in content:
        yield _object(b"blob", content.replace(b"\r\n", b"\n"))


def _is_filtered(index: Index, root: bytes, attributes: bytes, until: float) -> bool:
    """Whether git may store files in another form than they have here, as git-lfs does."""
    paths = [root + b"/" + entry.path for entry in index.entries if entry.path.endswith(b".gitattributes")]
    for path in [attributes, *paths]:
        _check(until)
        with suppress(FileNotFoundError):
            content = files.read(path, _ATTRIBUTES)
            if any(word in content for word in (b"filter", b"ident", b"encoding")):
                return True
    return False
