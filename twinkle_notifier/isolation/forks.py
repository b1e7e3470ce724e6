"""What a process does when it forks: the only functions of this package that Python calls then."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

_before: list[Callable[[], object]] = []
_in_child: list[Callable[[], object]] = []


def before(work: Callable[[], object]) -> None:
    """Call `work` in the parent before each fork, from now on."""
    _before.append(work)


def in_child(work: Callable[[], object]) -> None:
    """Call `work` in each forked child, in the order of these calls. It has none of its parent's threads."""
    _in_child.append(work)


def _all_of(works: list[Callable[[], object]]) -> None:
    with ExitStack() as stack:  # one that raises does not keep the others from running
        for work in reversed(works):
            stack.callback(work)


if hasattr(os, "register_at_fork"):  # else this system has no forks
    os.register_at_fork(before=lambda: _all_of(_before), after_in_child=lambda: _all_of(_in_child))
