"""References to secrets, and what holds a secret or a reference."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twinkle_notifier.errors import CredentialError

REDACTED: str = "***"
_FILE_LIMIT = 64 * 1024  # bytes; PATH may be a device that never ends


def is_reference(value: object) -> bool:
    """Whether `value` names a secret (``env:NAME``, ``file:PATH``) instead of holding it."""
    return isinstance(value, str) and value.startswith(("env:", "file:"))


def resolve(value: str) -> str:
    """The secret: a reference is looked up now, any other `value` is returned as it is.

    ``env:NAME`` reads an environment variable, ``file:PATH`` a file (``~`` allowed, surrounding white space dropped).

    Raises:
        CredentialError: the variable or file is missing, unreadable or empty. The text names it, never its content.
    """
    if not is_reference(value):
        return value
    kind, _, target = value.partition(":")
    text = _from_environment(target) if kind == "env" else _from_file(target)
    if not text:
        raise CredentialError(f"{value} is empty: put the secret there")
    return text


def _from_environment(name: str) -> str:
    if (value := os.environ.get(name)) is None:
        raise CredentialError(f"env:{name}: the variable {name} is not set: export it on every node")
    return value.strip()


def _from_file(path: str) -> str:
    try:
        with Path(os.path.expanduser(path)).open(encoding="utf-8") as file:
            return file.read(_FILE_LIMIT).strip()
    except OSError as error:
        reason = error.strerror
    except ValueError:  # as __context__ it would show what the file holds
        reason = "it is no path, or not UTF-8 text"
    raise CredentialError(f"file:{path} cannot be read ({reason}): put the secret there, in UTF-8")


def _spawns() -> bool:
    """Whether this pickle is for a child that `multiprocessing` starts."""
    context = sys.modules.get("multiprocessing.context")
    return context is not None and context.get_spawning_popen() is not None


class Secret:
    """A literal secret, or a reference to one. Neither `repr`, `vars` nor a pickle shows a literal secret.

    A pickle has ``***`` in its place, as others may read files. Only a child that `multiprocessing` starts gets the
    secret itself: that pickle goes through a pipe, and the child needs it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @property
    def value(self) -> str:
        """As it was given."""
        return self._value

    def __repr__(self) -> str:
        return repr(self._value) if is_reference(self._value) else REDACTED

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        shown = is_reference(self._value) or _spawns()
        return Secret, (self._value if shown else REDACTED,)
