"""The error that a command printed, in the forms that programs print errors in."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from twinkle_notifier.exceptions import printed
from twinkle_notifier.exceptions.printed import Printed
from twinkle_notifier.supervisor import torchrun

# Captured from Python 3.8 to 3.13, torchrun, accelerate, rich, IPython, Ray, Lightning; the last ones are written after
# what other tools print. Each begins with `=== NAME | ERROR`; for a launcher's error it is how its child ended.
TEXTS = re.findall(
    r"^=== (.*?) \| (.*?)\n(.*?)(?=\n=== |\Z)",
    (Path(__file__).parent / "printed.txt").read_bytes().decode(),
    re.DOTALL | re.MULTILINE,
)
CAUSE = 'Traceback (most recent call last):\n  File "train.py", line 7, in step\n    raise ValueError("boom")\nValueError: boom\n'
PEER = CAUSE.replace("ValueError: boom", "RuntimeError: Connection closed by peer")


def error(text: str, rank: int | None = None) -> str:
    found = printed.found(torchrun.without_own_lines(text), rank)
    if found is None:
        return ""
    return found.error if found.child is None else str(found.child)


@pytest.mark.parametrize(("name", "expected", "text"), TEXTS, ids=[name for name, _, _ in TEXTS])
def test_a_printed_error_is_found(name: str, expected: str, text: str) -> None:
    """Whatever is printed around it."""
    assert error(text) == expected


@pytest.mark.parametrize(
    "then", ["[rank1]: step {} loss 0.25\n", "step {}\n", "\r 3%|#   | {}/500", "[rank1]: " + PEER]
)
def test_much_output_after_it(then: str) -> None:
    """Of other ranks, say; then the traceback itself is handed on, as the last lines do not show it."""
    output = "step 1\n" + CAUSE + "".join(then.format(n) for n in range(400))
    assert printed.found(output) == Printed("ValueError: boom", CAUSE.rstrip("\n"))


def test_the_last_of_several_moments_counts() -> None:
    """What was printed long before, the run has outlived."""
    later = CAUSE.replace("ValueError: boom", "KeyError: 'x'")
    assert error(CAUSE + "step\n" * 10 + later) == "KeyError: 'x'"
    assert error(CAUSE + later) == "ValueError: boom"


def test_a_rank_s_own_error() -> None:
    """If its lines are marked."""
    text = "".join(f"[rank{n}]: {line}\n" for n in (3, 4) for line in CAUSE.replace("boom", f"boom {n}").splitlines())
    assert [error(text, rank) for rank in (3, 4, None)] == [
        "ValueError: boom 3",
        "ValueError: boom 4",
        "ValueError: boom 3",
    ]


def test_secrets_are_masked_in_what_is_shown() -> None:
    """In the error, and in the traceback."""
    found = printed.found(CAUSE.replace("boom", "api_key=hunter2hunter2") + "step\n" * 80)
    assert found is not None
    assert "hunter2" not in found.error + found.text


@pytest.mark.parametrize("size", [65_536, 5_000_000])
@pytest.mark.parametrize(
    "unit",
    [
        "Traceback (most recent call last):\n",
        "x: Traceback (most recent call last):\nx:   ",
        'Traceback (most recent call last):\n  File "a", line 1, in b\n',
        '[rank3]: Traceback (most recent call last):\n[rank3]:   File "a"\n',
        "Exception Group Traceback (most recent call last):\n  |\n",
        "╭ Traceback (most recent call last) ╮\n",
        "-" * 75 + "\nE  Traceback (most recent call last)\n",
        'ray.exceptions.RayTaskError(ValueError): x\n  File "a"\n',
        '  File "a", line 1\n',
        "  | ",
        " ",
        "\n",
        "a",
        "a.",
        "\x1b[",
        "\x1b[31m",
        "\r",
        "(((",
        "During handling of the above exception, another exception occurred:\n\n" + CAUSE,
        CAUSE,
        "\u2028",
        "\ud800",
    ],
)
def test_hostile_output_takes_little_time(unit: str, size: int) -> None:
    """In processor time, with a wide margin; only the end of a long output is looked at."""
    text = unit * (size // len(unit))
    since = time.process_time()
    printed.found(text)
    printed.found(text + CAUSE)
    assert time.process_time() - since < 6
