"""Tracebacks of exceptions that are long, deep, wide, circular or broken."""

from __future__ import annotations

import builtins
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import notify_exception
from twinkle_notifier.exceptions.collateral import is_collateral
from twinkle_notifier.exceptions.fingerprint import fingerprint
from twinkle_notifier.exceptions.traceback_text import formatted
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.report import Report
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.testing import RecordingNotifier

Group: Any = vars(builtins).get("ExceptionGroup")  # came with Python 3.11


def caught(work: Callable[[], Any]) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def throw(error: BaseException) -> None:
    raise error


def deep(source: str) -> BaseException:
    """What `source` raises, in a thread with room for thousands of frames."""
    errors: list[BaseException] = []
    limit, size = sys.getrecursionlimit(), threading.stack_size(256 * 2**20)
    thread = threading.Thread(target=lambda: errors.append(caught(module(source))))
    sys.setrecursionlimit(30_000)
    try:
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    return errors[0]


def rendered(error: BaseException) -> str:
    """The whole message; its fingerprint must exist, too."""
    assert len(fingerprint(error, "failed", "sft", "")) == 16
    report = Report.of(error, name="sft", context="", where=Where.here(), progress=Progress())
    return report.traced(error).markdown()


def module(source: str) -> Callable[[], Any]:
    """The function `work` of a script of the user's."""
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(source, "/home/a/train.py", "exec"), names)
    work: Callable[[], Any] = names["work"]
    return work


DIRECT = """
def dive(n):
    if n: return dive(n - 1)
    raise ValueError("deep")
def work(): dive(300)
"""
MUTUAL = """
def ping(n):
    return pong(n)
def pong(n):
    return pang(n)
def pang(n):
    if n: return ping(n - 1)
    raise ValueError("deep")
def work(): ping(100)
"""
DISTINCT = "\n".join(
    [
        *(f"def f{n}(): return f{n + 1}()" for n in range(300)),
        "def f300(): raise ValueError('deep')",
        "def work(): f0()",
    ]
)


def test_it_reads_as_pythons_own() -> None:
    """The frames with their code, and the cause first."""

    def fail() -> None:
        try:
            {}["key"]  # type: ignore[index]
        except KeyError as error:
            raise ValueError("no such thing") from error

    text = formatted(caught(fail))
    first, _, last = text.partition("\n\nThe above exception was the direct cause of the following exception:\n\n")
    assert first.startswith("Traceback (most recent call last):\n  File ")
    assert first.endswith("KeyError: 'key'")
    assert '    raise ValueError("no such thing") from error\nValueError: no such thing' in last


def pythons_own(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip("\n")


@pytest.mark.parametrize(
    "line",
    [
        "x = one(2) / {}['key']",
        "x = [1, 2][0] + (lambda: 1 / 0)()",
        "训练 = '训练' + '完成' * {}['key']",
        "one(2,\n        3 / 0,\n        4)",
        "x = ({}\n         ['key'])",
        "raise ValueError('whole')",
    ],
)
def test_carets_stand_where_pythons_own_do(line: str, tmp_path: Path) -> None:
    """Whatever this version of Python shows: under one line or several, beside wide characters, or not at all."""
    path = tmp_path / "train.py"
    path.write_text(f"def one(x, *_):\n    return x\n\ndef work():\n    {line}\n", "utf-8")
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), names)
    error = caught(names["work"])
    assert formatted(error) == pythons_own(error)


@pytest.mark.parametrize(
    "line",
    [
        f"x = '{'y' * 400}' + {{}}['key']",
        "x = {'token': 'hf_0123456789abcdefghijABCD', 'n': 1 / 0}",
        "x = [\n" + "        1,\n" * 40 + "        1 / [][0]]",
    ],
    ids=["long", "secret", "many lines"],
)
def test_where_a_line_is_cut_or_masked_there_are_no_carets(line: str, tmp_path: Path) -> None:
    """They would be under something else. No frame takes more room than before."""
    path = tmp_path / "train.py"
    path.write_text(f"def work():\n    {line}\n", "utf-8")
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), names)
    text = formatted(caught(names["work"]))
    assert "hf_0123" not in text
    assert max(map(len, text.split("\n"))) <= 304
    assert len(text) < 1_000


class Model:
    loss = 1

    @property
    def learning_rate(self) -> float:
        return self.learning_rates  # type: ignore[attr-defined, no-any-return]


class Obstinate:
    asked = 0

    def __dir__(self) -> list[str]:
        Obstinate.asked += 1
        time.sleep(30)
        return []


class Liar(AttributeError):
    name = property(lambda self: 1 / 0)  # type: ignore[assignment]
    obj = property(lambda self: time.sleep(30))  # type: ignore[assignment]


MODEL = Model()


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: MODEL.los, "'Model' object has no attribute 'los'. Did you mean: 'loss'?"),  # type: ignore[attr-defined]
        (lambda: MODEL.learning_rate, "'learning_rates'. Did you mean: 'learning_rate'?"),
        (module("def work(): prnit('x')"), "name 'prnit' is not defined. Did you mean: 'print'?"),
        (module("def work(model=1): modle"), "name 'modle' is not defined. Did you mean: 'model'?"),
        (module("warmup = 1\ndef work(): warmpu"), "name 'warmpu' is not defined. Did you mean: 'warmup'?"),
        (module("def work(): qqqqqqqq"), "name 'qqqqqqqq' is not defined"),
        (lambda: throw(AttributeError("los")), "AttributeError: los"),
    ],
)
def test_a_misspelt_name_is_told_with_what_was_meant(work: Callable[[], Any], said: str) -> None:
    """As Python itself prints it."""
    assert formatted(caught(work)).endswith(said)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python suggests what to import since 3.12")
def test_a_misspelt_import_is_told_with_what_was_meant() -> None:
    """Of a module that is loaded; no other is loaded for it."""
    error = caught(lambda: exec("from textwrap import dednt"))
    assert formatted(error).endswith("Did you mean: 'dedent'?")
    unknown: Any = ImportError
    assert formatted(unknown("x", name="antigravity", name_from="opn")) == "ImportError: x"
    assert "antigravity" not in sys.modules


def test_an_object_that_hangs_costs_the_suggestion_alone() -> None:
    """It is asked once, however many exceptions of a chain are about it."""
    error: BaseException | None = None
    obstinate = Obstinate()
    for _ in range(10):
        outer = caught(lambda: obstinate.x)  # type: ignore[attr-defined]
        outer.__cause__, error = error, outer
    assert error is not None
    text = formatted(error)
    assert text.count("'Obstinate' object has no attribute 'x'") == 10
    assert "Did you mean" not in text
    assert Obstinate.asked == 1


def test_an_exception_that_lies_about_what_it_missed_is_not_believed() -> None:
    """Its own properties are not asked."""
    assert formatted(caught(lambda: throw(Liar("x")))).endswith("Liar: x")


def test_what_was_raised_while_handling_is_told_apart() -> None:
    """As Python does; `from None` hides it."""
    outer, hidden = ValueError("outer"), ValueError("hidden")
    outer.__context__ = hidden.__context__ = KeyError("inner")
    hidden.__suppress_context__ = True
    assert formatted(outer).startswith("KeyError: 'inner'\n\nDuring handling")
    assert formatted(hidden) == "ValueError: hidden"


@pytest.mark.parametrize(
    ("source", "note", "frames"),
    [(DIRECT, "  [this frame 298 more times]", 5), (MUTUAL, "  [these 3 frames 98 more times]", 11)],
)
def test_a_recursion_is_shown_once(source: str, note: str, frames: int) -> None:
    """Of one function, or of some in turn; with both ends."""
    text = formatted(caught(module(source)))
    assert note in text
    assert text.count("  File ") <= frames
    assert "in work" in text
    assert text.endswith("ValueError: deep")


def test_many_frames_lose_their_middle() -> None:
    """The first 30 and the last 100 are shown."""
    text = formatted(caught(module(DISTINCT)))
    assert text.count("  File ") == 130
    assert "  [173 frames left out]" in text
    assert text.index("in f0\n") < text.index("left out") < text.index("in f300\n")


def test_ten_thousand_frames_take_little_time() -> None:
    """Processor time, as the machine may be busy."""
    error = deep(MUTUAL.replace("100", "3333"))
    began = time.process_time()
    text = rendered(error)
    assert time.process_time() - began < 1
    assert "[these 3 frames 3331 more times]" in text


def test_a_long_chain_loses_its_middle() -> None:
    """The root and what was raised last are shown."""
    error = ValueError("root")
    for _ in range(10_000):
        outer = ValueError("link")
        outer.__cause__, error = error, outer
    text = formatted(error)
    assert "[9981 exceptions of the chain left out]" in text
    assert text.startswith("ValueError: root")


def test_circles_end() -> None:
    """Of causes, of contexts, and of a member that has its group behind it."""
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert rendered(first).count("ValueError: 2") == 1
    third = ValueError("3")
    first.__cause__, third.__context__, first.__context__ = None, first, third
    first.__suppress_context__ = False
    assert rendered(third).count("ValueError: 1") == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_groups_are_told_by_their_first_members() -> None:
    """With the number of the others, though there be a thousand, within each other or in a circle."""
    member = KeyError("k")
    wide = Group("wide", [caught(partial(throw, ValueError(n))) for n in range(1000)])
    member.__context__ = wide
    deep: Exception = member
    for _ in range(1000):
        deep = Group("deep", [deep])
    text = rendered(wide)
    assert "  +---------------- 15 of 1000 ----------------\n  | Traceback (most" in text
    assert "  | ValueError: 14\n  [985 members left out]" in text
    assert "ExceptionGroup: deep (1 sub-exception)" in rendered(deep)
    circle = Group("circle", [member])
    member.__context__ = circle
    assert rendered(circle).count("| KeyError: 'k'\n") == 1


class Raises(Exception):
    def __str__(self) -> str:
        raise OSError("https://host/secret")


class Exits(Exception):
    def __str__(self) -> str:
        sys.exit(3)


class NoText(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class Hangs(Exception):
    asked = 0

    def __str__(self) -> str:
        Hangs.asked += 1
        time.sleep(30)
        return ""


class Odd(Exception):
    __module__ = None  # type: ignore[assignment]
    __cause__ = property(lambda self: 1 / 0)  # type: ignore[assignment]
    exceptions = property(lambda self: 1 / 0)
    cause = property(lambda self: 1 / 0)
    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Raises(), "Raises: <its __str__ raised OSError>"),
        (Exits(), "Exits: <its __str__ raised SystemExit>"),
        (NoText(), "NoText: <its __str__ raised TypeError>"),
        (Odd("odd"), "Odd: odd"),
        (KeyError(Raises()), "KeyError"),
    ],
    ids=["raises", "exits", "no text", "odd", "odd argument"],
)
def test_a_broken_exception_is_told_by_type_and_frames(error: BaseException, said: str) -> None:
    """Whatever its own code does."""
    text = rendered(caught(lambda: throw(error)))
    assert said in text
    assert not is_collateral(error)
    assert "in throw\n    raise error" in text
    assert "secret" not in text


def test_a_str_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second; then type and frames are shown, and no rank's fingerprint waits again."""
    monkeypatch.setattr("twinkle_notifier.isolation.safe._hung", deque(maxlen=16))
    monkeypatch.setattr("twinkle_notifier.isolation.safe._TEXT", 0.3)
    began = time.monotonic()
    error = caught(lambda: throw(Hangs()))
    texts = [rendered(error), rendered(error)]
    assert time.monotonic() - began < 15
    assert Hangs.asked == 1
    assert all("Hangs: <its __str__ did not return>" in text and "in throw" in text for text in texts)


def test_ten_megabytes_are_cut() -> None:
    """Both ends of what it says stay."""
    text = rendered(ValueError("begin " + "word " * 2_000_000 + "end"))
    assert len(text) < 20_000
    assert "ValueError: begin word" in text
    assert "characters left out]\n" in text
    assert text.partition("\n\n- Run: sft\n")[0].endswith("word end\n```")


@pytest.mark.parametrize("room", [(5_990, 9_000), (8_000, 9_000), (10, 9_990), (0, 3_000)])
def test_a_key_over_a_cut_is_masked(room: tuple[int, int]) -> None:
    """What an exception says is masked as a whole, and then cut: not a line of the key goes out."""
    lines = ["MIIEowIBAAKCAQEAx3v9Qd0Kq7Lm2Nf4Rt6Yz8Bw1Ce3Gh5Jk7Mp9Sv" + str(n) for n in range(64)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])
    error = ValueError(f"{'x' * room[0]} {key} {'y' * room[1]}")
    error.add_note(f"{'x ' * (room[0] // 2)}{key}{' y' * (room[1] // 2)}") if hasattr(error, "add_note") else None
    recorded = RecordingNotifier()
    assert notify_exception(recorded, "step", error, f"room-{room[0]}").status == "sent"
    assert [line for line in lines if line[:20] in recorded.messages[0]] == []


def test_notes_are_told() -> None:
    """Also those that cannot be shown, and what is no list of them."""
    error = ValueError("x")
    error.__dict__["__notes__"] = ["at step 3", Raises(), 5, *["more"] * 20]
    told = rendered(error).partition("\n\n- Run: sft\n")[0]
    assert told.endswith(
        "ValueError: x\nat step 3\n<a note whose __str__ raised OSError>\n5\n"
        + "more\n" * 7
        + "[13 notes left out]\n```"
    )
    error.__dict__["__notes__"] = Raises()
    assert "<a note whose __str__ raised OSError>" in rendered(error)


def test_code_that_python_cannot_read_is_shown() -> None:
    """With its file, its line, its text and where in it."""
    text = formatted(caught(lambda: compile("x = = 1", "/home/a/config.py", "exec")))
    assert '  File "/home/a/config.py", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax' in text
    long = formatted(caught(lambda: compile(f"x = = '{'y' * 400}'", "/home/a/config.py", "exec")))
    assert f"    x = = '{'y' * 293}\nSyntaxError: invalid syntax" in long
