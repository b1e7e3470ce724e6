"""The files of a spool folder, whoever put them there: each is read with care, and none stops the others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from twinkle_notifier.delivery.letter import Letter
from twinkle_notifier.runtime import state_dir

SUFFIX = ".json"
DAMAGED = ".damaged"
_SIZE = 4_000_000  # bytes of one letter's file


@dataclass(frozen=True)
class Waiting:
    """A letter and the files that hold it: more than one where somebody has copied it."""

    letter: Letter
    paths: tuple[Path, ...]
    written: float  # when the latest of them was, in seconds since 1970 by the disk's clock

    def key(self) -> tuple[str, str]:
        """What it has in common with its copies: an id for each notifier."""
        return self.letter.id, self.letter.goes_to()


@dataclass(frozen=True)
class Found:
    """What a folder holds: letters, oldest first; files that are none; those that cannot be read, and why."""

    letters: list[Waiting]
    damaged: list[Path]
    unreadable: dict[Path, str]

    def parts(self) -> list[Waiting]:
        """The letters that a digest covers already: a process was killed before it took them away."""
        covered = {(name, each.key()[1]) for each in self.letters for name in each.letter.covers}
        return [each for each in self.letters if each.key() in covered]

    def waiting(self) -> list[Waiting]:
        """The letters that wait to go out."""
        parts = {each.key() for each in self.parts()}
        return [each for each in self.letters if each.key() not in parts]


def look(folder: Path) -> Found:
    """What `folder` holds now. Raises OSError when it cannot be listed."""
    letters: dict[tuple[str, str], Waiting] = {}
    found = Found([], [], {})
    for path in _files(folder):
        try:
            each = _read(path)
        except FileNotFoundError:  # another process has just sent it
            continue
        except OSError as error:
            found.unreadable[path] = problem(path, "cannot be read", error)
            continue
        if each is None:
            found.damaged.append(path)
        else:
            letters[each.key()] = _joined(letters.get(each.key()), each)
    found.letters.extend(sorted(letters.values(), key=lambda each: each.letter.at))
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (folder / name for name in sorted(os.listdir(folder)) if name.endswith(SUFFIX))


def _read(path: Path) -> Waiting | None:
    """The letter of a file; None if it holds none. Raises OSError if that cannot be known."""
    try:
        data = state_dir.contents(path, _SIZE)
    except OSError:
        if _can_be_none(path):
            return None
        raise
    letter = Letter.load(data)
    return Waiting(letter, (path,), path.lstat().st_mtime) if letter is not None else None


def _can_be_none(path: Path) -> bool:
    """Whether it is this user's, and a folder, a pipe, a link or larger than a letter may be."""
    found = path.lstat()
    return found.st_uid == os.geteuid() and (not stat.S_ISREG(found.st_mode) or found.st_size > _SIZE)


def _joined(known: Waiting | None, copy: Waiting) -> Waiting:
    if known is None:
        return copy
    return Waiting(known.letter, (*known.paths, *copy.paths), max(known.written, copy.written))


def problem(path: Path, what: str, error: OSError) -> str:
    """A line about `path`, and what is the matter with it."""
    return f"{path} {what}: {error.strerror or type(error).__name__}"


def put_aside(path: Path) -> Path:
    """Rename what is no letter, so that nobody reads it again; its new name. Raises OSError."""
    aside = path.with_name(path.name + DAMAGED)
    if os.path.lexists(aside):
        aside = path.with_name(f"{path.name}.{os.urandom(4).hex()}{DAMAGED}")
    os.rename(path, aside)
    return aside


def tidy(folder: Path, before: float) -> None:
    """Take away what processes that were killed left half written, and what was put aside, since that time."""
    for pattern in ("draft-*", f"*{DAMAGED}"):
        for path in folder.glob(pattern):
            with suppress(OSError):  # it is gone, or another user's, or a folder
                if path.lstat().st_mtime < before:
                    path.unlink()
