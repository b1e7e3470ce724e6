"""Whose code a frame runs: ours, a library's, or the user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from os.path import basename
from traceback import walk_tb
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

_STDLIB = os.path.dirname(os.__file__)
_NAMES = 4  # of libraries
_PYTHON = re.compile(r"[/\\]lib[/\\]python\d[^/\\]*[/\\]")  # another one's own


class FrameSnapshot(NamedTuple):
    """A frame without its variables, which it would keep alive: to format a stack may take seconds."""

    f_code: CodeType
    f_lineno: int
    f_globals: dict[str, Any]  # only those that name the module and find its source

    @classmethod
    def of(cls, frame: FrameType) -> FrameSnapshot:
        """`frame` as it is now."""
        names = ("__name__", "__loader__", "__spec__")
        return cls(frame.f_code, frame.f_lineno or 0, {name: frame.f_globals.get(name) for name in names})


def is_ours(frame: FrameType | FrameSnapshot) -> bool:
    """Whether the frame runs code of this package."""
    return module_of(frame).startswith("twinkle_notifier.")


def module_of(frame: FrameType | FrameSnapshot) -> str:
    """The name of the module whose code it runs; empty if that is no text."""
    name = frame.f_globals.get("__name__")
    return name if type(name) is str else ""


def is_library(frame: FrameType | FrameSnapshot) -> bool:
    """Whether the frame runs code that was installed, or that belongs to Python."""
    return is_library_path(frame.f_code.co_filename)


def is_library_path(path: str) -> bool:
    """Whether the file was installed, or belongs to Python."""
    return "site-packages" in path or "dist-packages" in path or path.startswith(("<frozen", _STDLIB))


def is_installed_anywhere(path: str) -> bool:
    """As `is_library_path`, for a file of another process, whose Python may be another."""
    return is_library_path(path) or _PYTHON.search(path) is not None


def library_name(path: str) -> str:
    """The path of a library's file as people know it: ``torch/nn/modules/linear.py``."""
    for folder in ("site-packages", "dist-packages"):
        if folder in path:
            return path.rpartition(folder)[2].lstrip("/\\")
    if path.startswith(_STDLIB):
        return os.path.relpath(path, _STDLIB)
    return path[other.end() :] if (other := _PYTHON.search(path)) else path


def library_names(paths: Iterable[str]) -> list[str]:
    """The libraries that these files belong to, each once; of many the first, and ``...``."""
    found = (library_name(path).replace("\\", "/") for path in paths)
    names = list(dict.fromkeys(path.partition("/")[0].removesuffix(".py") for path in found))
    return names if len(names) <= _NAMES else [*names[:_NAMES], "..."]


def innermost_own(tb: TracebackType | None) -> str:
    """The innermost place in the user's own code, ``train.py:21 in training_step``; empty if there is none."""
    for frame, line in reversed(list(walk_tb(tb))):
        if not is_library(frame) and not is_ours(frame):
            return f"{basename(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"
    return ""


def without_ours(tb: TracebackType | None) -> TracebackType | None:
    """The traceback without frames of this package at its beginning, as those of a wrapper that caught it."""
    head = tb
    while head is not None and is_ours(head.tb_frame):
        head = head.tb_next
    return head or tb
