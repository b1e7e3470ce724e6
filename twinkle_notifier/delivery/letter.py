"""A message that waits on the disk: the letter, and the files of a spool folder that hold letters.

A file there may be from anybody: it is read with care, and none stops the others.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

from twinkle_notifier import system
from twinkle_notifier.messages.catalog import fact, phrase, retold
from twinkle_notifier.messages.message import LEVELS, Level, Message, random_id
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.language import language
from twinkle_notifier.runtime.stored import Stored, hashed, is_id

_COUNT = 10**9  # of one event; sums of many are read again
_WHY = 300  # characters of the reason that a delayed message gives
_REFUSED = re.compile(r"(\w+ -?\d+): .*\((.+)\)")
_WHYS = ("there was no time to send it", "no answer in time")
SUFFIX = ".json"
DAMAGED = ".damaged"
_SIZE = 4_000_000  # bytes of one letter's file


class Event(NamedTuple):
    """What a letter reports, in one line. A digest has many events."""

    headline: str
    at: float
    count: int = 1  # type: ignore[assignment]  # not the method of a tuple

    @classmethod
    def load(cls, fields: object) -> Event:
        """From what a file holds. Raises ValueError for what is no event."""
        stored = Stored(fields)
        return cls(stored.text("headline"), stored.time("at"), min(stored.count("count", 1), _COUNT))


class Letter(NamedTuple):
    """A message that waits. It holds no credentials: `notifier` is a description without literal secrets.

    The names of its fields are the format of its file.
    """

    id: str
    text: str
    at: float
    why: str
    notifier: dict[str, Any] | None
    events: tuple[Event, ...]
    covers: tuple[str, ...] = ()  # ids of the letters that were merged into this one
    tried: bool = False  # whether a flush has met it and could not send it
    level: Level = "info"
    calls: bool = True  # see `Message`

    @classmethod
    def load(cls, data: bytes) -> Letter | None:
        """From what a file holds; None for what is no letter. Fields of a newer version are left out."""
        try:
            stored = Stored.read(data)
            events = tuple(map(Event.load, stored.items("events")))
            name = stored.id("id")
            covers = tuple(other for other in stored.ids("covers") if other != name)
            return cls(
                name,
                stored.text("text"),
                stored.time("at"),
                stored.text("why"),
                stored.dict_or_none("notifier"),
                events,
                covers,
                stored.flag("tried") if stored.has("tried") else False,  # an older version writes none
                cast(Level, stored.known("level", LEVELS, "info")),
                stored.flag("calls") if stored.has("calls") else True,
            )
        except ValueError:
            return None

    def dump(self) -> bytes:
        """What its file holds."""
        fields = {**self._asdict(), "events": [event._asdict() for event in self.events]}
        return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")

    def goes_to(self) -> str:
        """A key that letters for the same notifier share."""
        return json.dumps(self.notifier, sort_keys=True)

    def event_count(self) -> int:
        """The number of its events."""
        return sum(event.count for event in self.events)

    def message(self, dropped: int = 0) -> Message:
        """The message as it goes out now, with the same id as at the first try, and with why it was delayed."""
        in_language = language()
        why = line(_short(self.why) if in_language == "zh" else self.why, _WHY)  # it may quote a service or a proxy
        since = phrase(in_language, "since {time} ({why})", time=clock(self.at), why=why)
        note = fact(in_language, "Delayed", since)
        if dropped:
            gone = phrase(in_language, "{number} messages (queue full or too old)", number=dropped)
            note += "\n" + fact(in_language, "Dropped earlier", gone)
        head, blank, rest = self.text.partition("\n\n")
        text = f"{head}\n\n{note}\n{rest}" if blank else f"{head}\n\n{note}"
        return Message(text, self.id, self.level, self.calls)


def _short(why: str) -> str:
    """A service, its code and its own words, without the English advice between them, which has been followed now."""
    found = _REFUSED.fullmatch(why)
    return f"{found[1]}: {found[2]}" if found else retold("zh", why, *_WHYS)


def id_of(message: str) -> str:
    """The id of a letter that holds `message`: that of the message, hashed if it cannot be a file's name."""
    given = getattr(message, "id", None)
    if not given:
        return random_id()
    return str(given) if is_id(given) else hashed(str(given), 32, "replace")


def clock(at: float) -> str:
    """The time `at`, in seconds since 1970, for people to read."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


class Waiting(NamedTuple):
    """A letter and the files that hold it: more than one where somebody has copied it."""

    letter: Letter
    paths: tuple[Path, ...]
    written: float  # when the latest file was written, in seconds since 1970 by the disk's clock

    def key(self) -> tuple[str, str]:
        """The id and the notifier, which its copies share."""
        return self.letter.id, self.letter.goes_to()


class Found(NamedTuple):
    """What a folder holds: letters, oldest first; files that are no letters; files that cannot be read, and why."""

    letters: list[Waiting]
    damaged: list[Path]
    unreadable: dict[Path, str]

    def parts(self) -> list[Waiting]:
        """The letters that a digest covers already: a process was killed before it removed them."""
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
    for path in (folder / name for name in sorted(os.listdir(folder)) if name.endswith(SUFFIX)):
        try:
            each = _read(path)
        except FileNotFoundError:  # another process has just sent it
            continue
        except OSError as error:
            found.unreadable[path] = problem(path, "cannot be read", error)
            continue
        if each is None:
            found.damaged.append(path)
        elif (copy := letters.get(each.key())) is None:
            letters[each.key()] = each
        else:
            paths, written = (*copy.paths, *each.paths), max(copy.written, each.written)
            letters[each.key()] = Waiting(copy.letter, paths, written)
    found.letters.extend(sorted(letters.values(), key=lambda each: each.letter.at))
    return found


def _read(path: Path) -> Waiting | None:
    """The letter in a file; None if it holds none. Raises OSError if that cannot be known."""
    try:
        data = state_dir.contents(path, _SIZE)
    except OSError:
        found = path.lstat()
        if found.st_uid == system.user() and (not stat.S_ISREG(found.st_mode) or found.st_size > _SIZE):
            return None  # this user's folder, pipe or link, or larger than a letter may be
        raise
    letter = Letter.load(data)
    return Waiting(letter, (path,), path.lstat().st_mtime) if letter is not None else None


def problem(path: Path, what: str, error: OSError) -> str:
    """A line that says what is wrong with `path`."""
    return f"{path} {what}: {error.strerror or type(error).__name__}"


def put_aside(path: Path) -> Path:
    """Rename a file that is no letter, so that nobody reads it again; its new name. Raises OSError."""
    aside = path.with_name(path.name + DAMAGED)
    if os.path.lexists(aside):
        aside = path.with_name(f"{path.name}.{os.urandom(4).hex()}{DAMAGED}")
    os.rename(path, aside)
    return aside


def tidy(folder: Path, before: float) -> None:
    """Remove files that a killed process left half written, and files put aside, from before that time."""
    for pattern in ("draft-*", f"*{DAMAGED}"):
        for path in folder.glob(pattern):
            with suppress(OSError):  # it is gone, or another user's, or a folder
                if path.lstat().st_mtime < before:
                    path.unlink()
