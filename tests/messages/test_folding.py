"""What a message loses first: frames of libraries, and lines that only stand beside."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.folding import folded, is_own_code, without_neighbours

SHORT = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LIBRARY = '  File "/x/site-packages/{}", line {}, in call\n    return self._call(*args, **kwargs)\n           ^^^^'
OWN = '  File "/home/me/train.py", line {}, in {}\n    step(batch)'


def traced(*frames: str, error: str = "ValueError: x") -> str:
    return "\n".join(["Traceback (most recent call last):", *frames, error])


def libraries(number: int, file: str = "torch/nn.py") -> list[str]:
    return [LIBRARY.format(file, line) for line in range(number)]


def test_a_run_of_frames_is_one_line() -> None:
    """Its libraries are named; the user's frames and the innermost one stay."""
    text = traced(
        OWN.format(1, "main"), *libraries(3), *libraries(1, "peft/lora.py"), OWN.format(2, "back"), *libraries(2)
    )
    assert folded(text, 0, "en") == traced(
        OWN.format(1, "main"),
        "  [4 frames in torch, peft]",
        OWN.format(2, "back"),
        "  [1 frame in torch]",
        LIBRARY.format("torch/nn.py", 1),
    )
    assert "  [torch、peft 中的 4 层调用]" in folded(text, 0, "zh")


def test_no_more_frames_are_folded_than_needed() -> None:
    """The outermost first, in each traceback of a chain by turns."""
    text = traced(*libraries(10)) + "\n\nThe above\n\n" + traced(*libraries(10))
    for limit in range(500, len(text), 100):
        short = folded(text, limit, "en")
        assert limit - 250 < len(short) <= limit
        kept = [part.count("File ") for part in short.split("The above")]
        assert abs(kept[0] - kept[1]) <= 1
    assert folded(text, len(text), "en") == text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/x/dist-packages/torch/nn.py", "torch"),
        ("/opt/conda/envs/a/lib/python3.9/json/decoder.py", "json"),
        ("/opt/conda/envs/a/lib/python3.9/runpy.py", "runpy"),
        ("<frozen runpy>", "<frozen runpy>"),
    ],
)
def test_a_library_of_another_python_is_one(path: str, name: str) -> None:
    """A supervisor tells of processes of any."""
    frame = f'  File "{path}", line 1, in call'
    assert folded(traced(frame, frame, OWN.format(1, "main")), 0, "en").split("\n")[1] == f"  [2 frames in {name}]"


def test_frames_of_a_groups_member_stay_in_it() -> None:
    """Their indentation is kept, and another's frames are another run."""
    inner = "\n".join(f"  | {line}" for line in traced(*libraries(3)).split("\n"))
    short = folded(traced(*libraries(2), error="ExceptionGroup: two") + "\n" + inner, 0, "en")
    assert "\n  [1 frame in torch]\n" in short
    assert "\n  |   [2 frames in torch]\n" in short


@pytest.mark.parametrize("note", ["  [this frame 90 more times]", "  [70 frames left out]"])
def test_what_is_said_of_frames_stays_beside_them(note: str) -> None:
    frames = libraries(4)
    short = folded(traced(*frames[:2], note, *frames[2:]), 0, "en").split("\n")
    assert short[short.index(note) - 4 :][:5] == ["  [1 frame in torch]", *frames[1].split("\n"), note]


@given(
    st.lists(st.sampled_from([*libraries(2), OWN.format(1, "f"), "x", "", "  [y", "```", "  | z"]), max_size=40),
    st.integers(0, 900),
)
@SHORT
def test_nothing_else_is_lost(lines: list[str], limit: int) -> None:
    """Whatever stands between frames."""
    text = "\n".join(lines)
    short = folded(text, limit, "en")
    assert [
        line
        for line in short.split("\n")
        if not re.match(r"[ |]*\[\d+ frames? in", line)
        and "site-packages" not in line
        and "self._call" not in line
        and "^^^^" not in line
    ] == [
        line
        for line in text.split("\n")
        if "site-packages" not in line and "self._call" not in line and "^^^^" not in line
    ]
    assert short == text or len(text) > limit


OWN_CODE = "```\ntrain.py:9 in main\n     8  # one\n>    9      step()\n    10  # two\n26 frames in torch\n```"


def test_own_code_is_known_by_its_lines() -> None:
    """A traceback and a user's own block are none."""
    assert is_own_code(OWN_CODE)
    assert not is_own_code(f"```\n{traced(OWN.format(1, 'f'))}\n```")
    assert not is_own_code("```\nloss 0.5\n> quoted\n```")
    assert without_neighbours(OWN_CODE) == "```\ntrain.py:9 in main\n>    9      step()\n26 frames in torch\n```"


def report(places: int) -> str:
    own = "\n".join(f"train.py:{n} in f{n}\n     {n}  # beside\n>    {n}  call()" for n in range(10, 10 + places))
    traceback = traced(
        OWN.format(1, "main"), *libraries(60), OWN.format(2, "back"), *libraries(60), error="ValueError: lost"
    )
    return f"### sft failed: ValueError: lost\n\n- At: x\n\n```\n{own}\n```\n\n```\n{traceback}\n```\n\n- Run: sft\n- Time: now"


@pytest.mark.parametrize("limit", [800, 1024, 2048, 4096])
def test_own_code_stays_before_its_traceback(limit: int) -> None:
    """Whole but for the lines beside; a traceback without room is left out with a note, never without its error."""
    short = markdown.cut(report(5), limit)
    assert len(short) <= limit
    for place in range(10, 15):
        assert f"train.py:{place} in f{place}\n" in short
        assert f">    {place}  call()" in short
    assert short.endswith("- Run: sft\n- Time: now")
    assert ("Traceback" in short) == ("\nValueError: lost\n```" in short)
    assert "left out" in short or "frames in torch" in short


@pytest.mark.parametrize("limit", [1024, 2048, 4096])
def test_frames_of_the_user_stay_without_own_code(limit: int) -> None:
    """As below a supervisor, where there is a traceback alone."""
    head, _, below = report(5).partition("```\n\n")
    short = markdown.cut(head.partition("```")[0] + below, limit)
    assert len(short) <= limit
    assert "in main\n" in short
    assert "in back\n" in short
    assert "\nValueError: lost\n```" in short


@pytest.mark.parametrize("limit", range(300, 600, 20))
def test_the_error_is_the_last_line_of_what_is_left(limit: int) -> None:
    """However little room there is."""
    error = "ValueError: " + "too long " * 9 + "end"
    message = (
        f"### sft failed\n\n```\n{traced(*[OWN.format(n, 'f') for n in range(90)], error=error)}\n```\n\n- Run: sft"
    )
    assert f"\n{error}\n```" in markdown.cut(message, limit)
