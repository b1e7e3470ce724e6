"""The user's own part of a traceback."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.exceptions.own_code import Gaps, line_of_code, own_code

GAPS = Gaps(
    "{number} frame in {names}", "{number} frames in {names}", "[{number} left out]", "[{number} left out, {between}]"
)


def failing(folder: Path, source: str) -> BaseException:
    """What the script raises."""
    script = folder / "train.py"
    script.write_text(source)
    names: dict[str, Any] = {"json": json, "__name__": "train"}
    with pytest.raises(Exception, match=r".") as caught:
        exec(compile(source, script, "exec"), names)
    error = caught.value
    assert error.__traceback__ is not None
    return error.with_traceback(error.__traceback__.tb_next)  # without this function


SOURCE = """\
def read(text):
    # a comment
    found = json.loads(text)
    return found


def train():
    for text in ("{}", "{"):
        read(text)


train()
"""


def test_each_place_is_shown_with_the_lines_around_it(tmp_path: Path) -> None:
    """And what lies between in a few words."""
    error = failing(tmp_path, SOURCE)
    shown = own_code(error, GAPS).split("\n")
    assert shown == [
        "train.py:12 in <module>",
        ">   12  train()",
        "train.py:9 in train",
        '     8  for text in ("{}", "{"):',
        ">    9      read(text)",
        "train.py:3 in read",
        "     2  # a comment",
        ">    3  found = json.loads(text)",
        "     4  return found",
        "3 frames in json",
    ]
    assert line_of_code(error) == "found = json.loads(text)"


def test_own_frames_alone_show_nothing_new(tmp_path: Path) -> None:
    """The traceback has them."""
    assert own_code(failing(tmp_path, "def train():\n    raise ValueError('x')\ntrain()\n"), GAPS) == ""


def test_of_many_places_the_ends_are_shown(tmp_path: Path) -> None:
    """And it is said how many are not."""
    source = "def deep(n):\n    return deep(n - 1) if n else json.loads('{')\n\ndeep(50)\n"
    shown = own_code(failing(tmp_path, source), GAPS)
    assert shown.count("train.py:") == 5
    assert shown.startswith("train.py:4 in <module>\n>    4  deep(50)\n[47 left out]\ntrain.py:2 in deep\n")
    assert shown.endswith("\n3 frames in json")


@pytest.mark.parametrize(
    ("callbacks", "gaps"),
    [
        (4, ["3 frames in json"] * 5),
        (5, ["3 frames in json", "[1 left out]", *["3 frames in json"] * 5]),
        (7, ["3 frames in json", "[3 left out, 6 frames in json]", *["3 frames in json"] * 5]),
    ],
)
def test_a_run_of_a_librarys_frames_ends_at_a_frame_that_is_not_shown(
    callbacks: int, gaps: list[str], tmp_path: Path
) -> None:
    """Frames of the user's are left out by their number; those of libraries between them are told apart."""
    error = "json.loads('{')"
    for _ in range(callbacks):
        error = f"json.loads('1', parse_int=lambda _: {error})"
    shown = own_code(failing(tmp_path, error), GAPS).split("\n")
    assert [line for line in shown if "left out" in line or " in json" in line] == gaps


def test_a_secret_in_a_line_is_not_shown(tmp_path: Path) -> None:
    source = "def train():\n    api_key = 'sk-0123456789abcdef0123456789'; json.loads('{')\n\ntrain()\n"
    error = failing(tmp_path, source)
    assert "sk-0123456789abcdef" not in own_code(error, GAPS) + line_of_code(error)


def test_a_file_that_is_gone_leaves_the_places(tmp_path: Path) -> None:
    error = failing(tmp_path, SOURCE)
    (tmp_path / "train.py").unlink()
    import linecache

    linecache.clearcache()
    assert own_code(error, GAPS).startswith("train.py:12 in <module>\ntrain.py:9 in train\n")
    assert line_of_code(error) == ""


@pytest.mark.parametrize(
    "lines",
    [
        "password = (\n        'Tr0ub4dor-horse'\n    ); json.loads('{')",
        "login = max; login(\n        'Tr0ub4dor-horse', 'user'\n    ); json.loads('{')",
        "login = max; login('Tr0ub4dor-horse')\n    json.loads('{')",
    ],
    ids=["a text alone", "the first of some", "of a call before"],
)
def test_a_text_that_only_stands_beside_is_not_shown(lines: str, tmp_path: Path) -> None:
    """The name of the secret may stand a line above, or nowhere."""
    shown = own_code(failing(tmp_path, f"def train():\n    {lines}\n\ntrain()\n"), GAPS)
    assert "Tr0ub4dor" not in shown
    assert '"…"' in shown


def test_a_deep_stack_is_read_in_time(tmp_path: Path) -> None:
    """In proportion to its frames: ten times as many take far less than a hundred times as long."""
    source = "import sys\nsys.setrecursionlimit(30_000)\ndef deep(n):\n    return deep(n - 1) if n else json.loads('{')\n\ndeep(DEPTH)\n"

    def seconds(depth: int) -> float:
        """Of the quickest of three looks."""
        error, took = failing(tmp_path, source.replace("DEPTH", str(depth))), list[float]()
        for _ in range(3):
            begun = time.thread_time()
            assert own_code(error, GAPS).count("train.py:") == 5
            took.append(time.thread_time() - begun)
        return min(took)

    assert seconds(9_000) < 30 * seconds(900)
