"""Whose code a frame runs."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

import pytest

from twinkle_notifier import watch
from twinkle_notifier.exceptions.frames import innermost_own, is_library, is_ours, without_ours
from twinkle_notifier.testing import RecordingNotifier


def function(source: str, path: str, module: str, **names: Any) -> Callable[[], Any]:
    """`f` as `source` defines it, as if it stood in `path`."""
    scope: dict[str, Any] = {"__name__": module, **names}
    exec(compile(source, path, "exec"), scope)
    return scope["f"]  # type: ignore[no-any-return]


def frame(path: str, module: str) -> FrameType:
    found = function("import sys\ndef f(): return sys._getframe()", path, module)()
    assert isinstance(found, FrameType)
    return found


def traceback(work: Callable[[], object]) -> TracebackType | None:
    try:
        work()
    except Exception as error:
        return error.__traceback__ and error.__traceback__.tb_next  # from `work` on
    return None


@pytest.mark.parametrize(
    ("module", "ours"),
    [
        ("twinkle_notifier.base", True),
        ("twinkle_notifier.integrations.lightning", True),
        ("twinkle_notifier_plugin.base", False),
        ("twinkle.notifier", False),
        ("__main__", False),
        ("", False),
    ],
)
def test_our_frames_are_known_by_their_module(module: str, ours: bool) -> None:
    """A plugin with a similar name is not ours."""
    assert is_ours(frame("x.py", module)) is ours


@pytest.mark.parametrize(
    ("path", "library"),
    [
        ("/x/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", True),
        ("/usr/lib/python3/dist-packages/numpy/core.py", True),
        ("<frozen importlib._bootstrap>", True),
        (json.__file__, True),
        (os.__file__, True),
        ("/home/me/sft/train.py", False),
        ("<stdin>", False),
        ("<ipython-input-3-abc>", False),
        ("<string>", False),
        ("train.py", False),
    ],
)
def test_libraries_are_known_by_their_path(path: str, library: bool) -> None:
    """What was installed or came with Python; a notebook's cell is the user's."""
    assert is_library(frame(path, "m")) is library


def test_the_place_is_the_users() -> None:
    """Not the library's line that raised."""
    fail = function("def f():\n    json.loads('x')", "/home/me/train.py", "__main__", json=json)
    assert innermost_own(traceback(fail)) == "train.py:2 in f"


def test_there_may_be_no_place() -> None:
    """Where only libraries, we, or nobody ran."""
    library = function("def f():\n    1 / 0", "/x/site-packages/y.py", "y")
    ours = function("def f():\n    1 / 0", "base.py", "twinkle_notifier.base")
    assert [innermost_own(traceback(library)), innermost_own(traceback(ours)), innermost_own(None)] == ["", "", ""]


def test_a_wrapper_of_ours_is_left_out() -> None:
    """The traceback begins with the user's function that `watch` decorates."""

    @watch(recorded := RecordingNotifier(), "x")
    async def train() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError):
        asyncio.run(train())
    lines = recorded.messages[0].splitlines()
    first = lines[lines.index("Traceback (most recent call last):") + 1]
    assert "test_frames.py" in first
    assert "in train" in first


def test_only_the_outer_frames_are_left_out() -> None:
    """What lies between frames of the user's stays; a traceback that is ours alone is better than none."""
    user = function("def f():\n    1 / 0", "train.py", "__main__")
    ours = function("def f():\n    g()", "base.py", "twinkle_notifier.base", g=user)
    outer = function("def f():\n    g()", "main.py", "__main__", g=ours)

    def names(tb: TracebackType | None) -> list[str]:
        found = []
        while tb is not None:
            found.append(tb.tb_frame.f_code.co_filename)
            tb = tb.tb_next
        return found

    assert names(without_ours(traceback(ours))) == ["train.py"]
    assert names(without_ours(traceback(outer))) == ["main.py", "base.py", "train.py"]
    alone = traceback(function("def f():\n    1 / 0", "base.py", "twinkle_notifier.base"))
    assert without_ours(alone) is alone
    assert without_ours(None) is None
