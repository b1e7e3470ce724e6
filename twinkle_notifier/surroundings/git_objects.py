"""A commit from git's store of objects: a file of its own, or part of a pack, there or in a store that it borrows from.

The format is git's own: https://git-scm.com/docs/pack-format. What is found counts only if its hash is the commit's,
else the commit is not known. Only for repositories of SHA-1.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from twinkle_notifier.surroundings import files

_LONGEST = 1 << 16  # bytes of a commit, and of what it is made from
_STORES = 5
_PACKS = 100  # of a store
_DELTAS = 50  # git's own limit
_SHORT = 4096  # bytes of a list of other stores
_COMMIT, _BY_OFFSET, _BY_NAME = 1, 6, 7
_MAGIC = b"\xfftOc\0\0\0\x02"
_FAN = struct.Struct(">256I")
_NAMES = len(_MAGIC) + _FAN.size  # where the sorted names begin
_NAME = 20  # bytes
_ERRORS = (OSError, ValueError, IndexError, struct.error, zlib.error, AttributeError)  # Windows has no `pread`


def commit(store: str, name: bytes, until: float) -> bytes:
    """The commit of that name. Raises ValueError if it is not found by the time `until`, or is too long."""
    for folder in _stores(store):
        for read in (_loose, _packed):
            with suppress(*_ERRORS):
                found = read(folder, name, until)
                head = b"commit %d\0" % len(found)
                if hashlib.sha1(head + found, usedforsecurity=False).digest() == name:
                    return found
    raise ValueError("it is not there")


def _stores(first: str) -> Iterator[str]:
    waiting = [first]
    for _ in range(_STORES):
        if not waiting:
            break
        store = waiting.pop(0)
        yield store
        with suppress(OSError, ValueError):
            others = files.text(os.path.join(store, "info", "alternates"), _SHORT).splitlines()
            waiting += [os.path.join(store, other) for other in others if not other.startswith(("#", '"'))]


def _loose(store: str, name: bytes, _until: float) -> bytes:
    digits = name.hex()
    data = files.read(os.path.join(store, digits[:2], digits[2:]), _LONGEST)
    return zlib.decompressobj().decompress(data, _LONGEST).partition(b"\0")[2]


def _packed(store: str, name: bytes, until: float) -> bytes:
    folder = os.path.join(store, "pack")
    for index in sorted(file for file in os.listdir(folder) if file.endswith(".idx"))[:_PACKS]:
        if time.monotonic() > until:
            break
        with suppress(*_ERRORS), files.opened(os.path.join(folder, index)) as names:
            at = _offset(names, name)
            with files.opened(os.path.join(folder, f"{index.removesuffix('.idx')}.pack")) as pack:
                return _unpacked(names, pack, at)
    raise ValueError("it is in no pack")


def _offset(index: int, name: bytes) -> int:
    """Where the object of that name begins in the pack of this index. Raises ValueError if it is not there."""
    head = os.pread(index, _NAMES, 0)
    if not head.startswith(_MAGIC):
        raise ValueError("another format")
    fan = _FAN.unpack_from(head, len(_MAGIC))
    low, high, count = fan[name[0] - 1] if name[0] else 0, fan[name[0]], fan[-1]
    while low < high:
        middle = (low + high) // 2
        there = os.pread(index, _NAME, _NAMES + middle * _NAME)
        if there == name:
            return _offset_of(index, middle, count)
        low, high = (middle + 1, high) if there < name else (low, middle)
    raise ValueError("it is not there")


def _offset_of(index: int, number: int, count: int) -> int:
    offsets = _NAMES + count * (_NAME + 4)  # behind the names and their checksums
    (at,) = struct.unpack(">I", os.pread(index, 4, offsets + number * 4))
    if at >> 31:  # a pack of more than 2 GB
        (at,) = struct.unpack(">Q", os.pread(index, 8, offsets + count * 4 + (at & 0x7FFFFFFF) * 8))
    return int(at)


class _Part(NamedTuple):
    kind: int
    base: int  # where the object begins that this one changes; 0 if it is whole
    content: bytes


def _unpacked(index: int, pack: int, at: int) -> bytes:
    changes: list[bytes] = []
    for _ in range(_DELTAS):
        part = _part(index, pack, at)
        if part.kind == _COMMIT:
            content = part.content
            for change in reversed(changes):
                content = _changed(content, change)
            return content
        changes.append(part.content)
        at = part.base
    raise ValueError("too many changes")


def _part(index: int, pack: int, at: int) -> _Part:
    head = os.pread(pack, 64, at)
    kind, size, used = head[0] >> 4 & 7, head[0] & 0xF, 1
    if head[0] & 0x80:
        more, used = _number(head, 1)
        size |= more << 4
    base = 0
    if kind == _BY_OFFSET:
        back, used = _distance(head, used)
        base = at - back
    elif kind == _BY_NAME:
        base, used = _offset(index, head[used : used + _NAME]), used + _NAME
    if size > _LONGEST or kind not in (_COMMIT, _BY_OFFSET, _BY_NAME) or base < 0:
        raise ValueError("it is no commit, or too long")
    return _Part(kind, base, zlib.decompressobj().decompress(os.pread(pack, _LONGEST, at + used), size or 1))


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, the lowest digits first, and where it ends."""
    value = 0
    for place in range(9):
        value |= (data[at + place] & 0x7F) << 7 * place
        if not data[at + place] & 0x80:
            return value, at + place + 1
    raise ValueError("a number that git would not write")


def _distance(data: bytes, at: int) -> tuple[int, int]:
    """The same with the highest digits first, in the form of a distance."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1


def _changed(base: bytes, change: bytes) -> bytes:
    """What `change` makes of `base`: it copies parts of that, and has new ones."""
    before, at = _number(change, 0)
    size, at = _number(change, at)
    if before != len(base) or size > _LONGEST:
        raise ValueError("of another object, or too long")
    made = bytearray()
    while at < len(change) and len(made) <= size:
        order, at = change[at], at + 1
        if order & 0x80:
            fields = [bit for bit in range(7) if order >> bit & 1]  # four of the place, three of the length
            numbers = dict(zip(fields, change[at : at + len(fields)], strict=True))
            at += len(fields)
            begin = sum(numbers.get(bit, 0) << 8 * bit for bit in range(4))
            length = sum(numbers.get(bit, 0) << 8 * (bit - 4) for bit in range(4, 7)) or 0x10000
            made += base[begin : begin + length]
        else:
            made += change[at : at + order]
            at += order or len(change)
    return bytes(made)
