"""Errors as they read, for the tests of the rules."""

from __future__ import annotations

from typing import NamedTuple

from twinkle_notifier.diagnosis.table import Evidence, error_of


class Case(NamedTuple):
    """Two errors or more to which a rule speaks, and two or more that look like them, to which it does not."""

    hits: tuple[Evidence, ...]
    misses: tuple[Evidence, ...]


def raised(kind: str, text: str, *, modules: tuple[str, ...] = (), **facts: str) -> Evidence:
    """An exception whose class is named `kind`, with frames in `modules`."""
    return Evidence((error_of(kind, text),), frozenset(modules), facts=facts)


def killed(signal: str, output: str = "", **facts: str) -> Evidence:
    """A process that a signal killed, and its last lines."""
    return Evidence(signal=signal, output=output, facts={"errors": "0", **facts})


def printed(output: str) -> Evidence:
    """The last lines of a process that ended without an exception."""
    return Evidence(output=output)
