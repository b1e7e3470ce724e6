"""The user's file of settings, ``~/.config/twinkle-notifier/config.toml``. A process reads it once."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from twinkle_notifier import isolation, system
from twinkle_notifier.isolation.safe import is_list

_BUDGET = 2.0  # seconds; the disk of a home folder may hang
_MOST = 64 * 1024  # bytes
LEVELS = ("info", "success", "warning", "error")
# Which alerts are wanted. ``end_only``: the end of a run, well or not. ``failure_only``: what goes wrong, stalls among
# it. See docs/settings.md.
Notifications = Literal["all", "end_only", "failure_only"]
NOTIFICATIONS: tuple[Notifications, ...] = get_args(Notifications)
LANGUAGES = ("en", "zh")

log: logging.Logger = logging.getLogger("twinkle_notifier")
_read: UserFile | None = None


class UserFile(NamedTuple):
    """What the file says; what it leaves out is empty. `problem` is why it is not used, and how to mend that."""

    path: Path | None = None  # None: there is no file
    url: str = ""
    mentions: tuple[str, ...] = ()
    language: str = ""
    min_level: str = ""
    notifications: str = ""
    progress_every: str = ""
    diagnose: bool | None = None
    diagnosis: str = ""  # a file with rules of the user's own
    rules: tuple[str, ...] | None = None  # on metrics; none at all: nothing is looked at
    problem: str = ""


def path() -> Path | None:
    """Where the file is, or would be; None if this user has no home folder."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):  # as its specification says
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        folder = os.path.join(home, ".config")
    return Path(folder, "twinkle-notifier", "config.toml")


def user_file(*, bounded: bool = True) -> UserFile:
    """What the file says, as this process first read it. Never raises, and takes at most 2 s if it is `bounded`.

    One warning names each of its keys or values that cannot be used, or why the whole of it is not.
    """
    global _read
    if _read is None:
        answer = isolation.call(_from_disk, _BUDGET) if bounded else isolation.tried(_from_disk)
        found = answer.value or UserFile(path(), problem="it cannot be read in time: is its disk there?")
        if found.problem:
            log.warning("the settings in %s are not used: %s", found.path, found.problem)
        _read = found
    return _read


def _from_disk() -> UserFile:
    place = path()
    if place is None:
        return UserFile()
    try:
        data = _bytes(place)
    except (FileNotFoundError, NotADirectoryError):
        return UserFile()
    except OSError as error:
        return UserFile(place, problem=f"it cannot be read ({error.strerror})")
    return UserFile(place, problem=data) if isinstance(data, str) else _parsed(place, data)


def _bytes(place: Path) -> bytes | str:
    """The content, or a sentence that says why it is not taken: it decides where alerts go, and holds a secret."""
    file = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # may be a pipe, or a link to another file
    try:
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode):
            return "it is no file"
        if system.HAS_OWNERS and facts.st_uid != system.user():
            return "it belongs to another user: move it away, and run `twinkle-notifier init`"
        if system.HAS_OWNERS and facts.st_mode & 0o077:
            return f"others can read or write it, and it holds a secret: run `chmod 600 {place}`"
        if facts.st_size > _MOST:
            return f"it is larger than {_MOST // 1024} KB"
        return os.read(file, _MOST)
    finally:
        os.close(file)


def is_whole(text: str) -> bool:
    """Whether `text` can be read as such a file."""
    try:
        loads(text)
    except ValueError:
        return False
    return True


def loads(text: str) -> dict[str, Any]:
    """The content of a TOML file, which may have a byte order mark. Raises ValueError."""
    if sys.version_info >= (3, 11):
        import tomllib  # only where there is such a file
    else:
        import tomli as tomllib
    try:
        found: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def _parsed(place: Path, data: bytes) -> UserFile:
    try:
        text = data.decode()
        found = loads(text)
    except ValueError as error:  # its text may show what the file holds
        at = re.search(r"at line (\d+)", str(error))
        return UserFile(place, problem=f"{f'line {at[1]}' if at else 'it'} is no TOML, or not UTF-8")
    settings = UserFile(place)
    for key, value in found.items():
        wanted, check = KEYS.get(key, ("", None))
        if check is not None and check(value):
            taken: Any = tuple(value) if is_list(value) else value.strip() if isinstance(value, str) else value
            settings = settings._replace(**{key: taken})
            continue
        where = f"{place}{_line_of(key, text)}"
        if check is None:
            log.warning("%s: there is no setting %.60r; there are %s", where, key, ", ".join(KEYS))
        else:
            log.warning("%s: %s is not used: write %s", where, key, wanted)
    return settings


def _line_of(key: str, text: str) -> str:
    pattern = rf"\s*(?:\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]"
    return next((f", line {at}" for at, line in enumerate(text.splitlines(), 1) if re.match(pattern, line)), "")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: object) -> bool:
    return is_list(value) and all(map(_is_text, value))


def _one_of(*names: str) -> tuple[str, Callable[[Any], bool]]:
    return "one of " + ", ".join(f'"{name}"' for name in names), lambda value: isinstance(value, str) and value in names


# Each key, what to write, and whether a value is that.
KEYS: dict[str, tuple[str, Callable[[Any], bool] | None]] = {
    "url": ('the webhook URL, or a reference to it: "env:NAME", "file:PATH"', _is_text),
    "mentions": ('a list of texts: ["13800000000", "@all"]', _is_texts),
    "language": _one_of(*LANGUAGES),
    "min_level": _one_of(*LEVELS),
    "notifications": _one_of(*NOTIFICATIONS),
    "progress_every": ('a time or a part of the steps: "2h", "90m", "10%"', _is_text),
    "diagnose": ("true or false", lambda value: isinstance(value, bool)),
    "rules": ('a list of rules on metrics: ["loss > 10 => error: diverged"]', _is_texts),
    "diagnosis": ('the path of a file with rules of your own: "~/rules.toml"', _is_text),
}
