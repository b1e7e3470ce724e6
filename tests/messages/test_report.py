"""What a message says."""

from __future__ import annotations

import itertools
import re
import signal
import sys
import time
from typing import Any

import pytest

from twinkle_notifier import Progress, notify_exception
from twinkle_notifier.exceptions.kind import kind_of
from twinkle_notifier.messages.report import Report, least, milestone, missing_details
from twinkle_notifier.messages.wording import duration, fenced, now
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.run_name import default_name
from twinkle_notifier.testing import RecordingNotifier

WHERE = Where.here()._replace(rank=3, world_size=64, local_rank=1, hostname="node-07", pid=2790, python="3.11.7")
REPORT = Report(
    name="sft",
    context="fit",
    kind="failed",
    type="ValueError",
    message="the loss is not\n a number",
    at="train.py:21 in training_step",
    traceback="Traceback ...\nValueError: the loss\n",
    where=WHERE,
    time="2026-11-24 03:12:09 +0800 (CST)",
    progress=Progress(epoch=1.5, step=18204, metrics={"loss": 0.5393891, "n": 3}, best_checkpoint="/x/a b.ckpt"),
)


class SIGTERMException(SystemExit):
    """Named as Lightning's."""


def caught(error: BaseException) -> Report:
    try:
        raise error
    except BaseException as exc:
        return Report.of(exc, name="sft", context="", where=WHERE, progress=Progress()).traced(exc)


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (ValueError("x"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(3), "exited"),
        (SystemExit("143"), "exited"),
        (SystemExit(True), "exited"),
        (SystemExit(137), "exited"),
        (SystemExit(128 + signal.SIGTERM), "preempted"),
        *(
            (SystemExit(128 + getattr(signal, name)), "preempted")
            for name in ("SIGUSR1", "SIGUSR2")
            if hasattr(signal, name)
        ),
        (SystemExit(128 + signal.SIGINT), "interrupted"),
        (type("Lying", (SystemExit,), {"code": property(lambda self: 1 / 0)})(143), "preempted"),
        (SIGTERMException(), "preempted"),
        (type("Derived", (SIGTERMException,), {})(), "preempted"),
        (GeneratorExit(), "failed"),
    ],
)
def test_kinds(exc: BaseException, kind: str) -> None:
    """How the run ended is shown by the exception's class, or by the exit code of a user's handler."""
    assert kind_of(exc) == kind


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({}, "sft failed: ValueError: the loss is not a number"),
        ({"message": ""}, "sft failed: ValueError"),
        ({"kind": "exited", "type": "SystemExit", "message": "3"}, "sft exited: SystemExit: 3"),
        ({"kind": "interrupted", "type": "KeyboardInterrupt"}, "sft was interrupted"),
        ({"kind": "preempted"}, "sft was preempted"),
        ({"message": "x " * 250}, "sft failed: ValueError: " + "x " * 93 + "x…"),
        ({"message": "x" * 500}, "sft failed: ValueError: " + "x" * 18 + "…" + "x" * 18),
        ({"message": "x" * 108}, "sft failed: ValueError: " + "x" * 108),
        (
            {"type": "FileNotFoundError", "message": "[Errno 2] No such file: '/data/a/b/c/train.bin'"},
            "sft failed: FileNotFoundError: No such file: '/data/a/b/c/train.bin'",
        ),
        (
            {"message": "Caught ValueError in DataLoader worker process 0.\nthe row is bad"},
            "sft failed: ValueError: the row is bad",
        ),
        ({"name": "sft\nof today"}, "sft of today failed: ValueError: the loss is not a number"),
    ],
)
def test_the_headline_is_one_line(changes: dict[str, Any], headline: str) -> None:
    """The run, what became of it, and the error if it is one."""
    assert REPORT._replace(**changes).headline() == headline


@pytest.mark.parametrize(
    ("changes", "restarts", "last"),
    [
        ({}, "sft restarts after attempt 1 of 3: ValueError", "sft failed for good in attempt 3 of 3: ValueError"),
        (
            {"kind": "exited", "type": "SystemExit", "message": "3"},
            "restarts after attempt 1 of 3: SystemExit: 3",
            "exited for good in attempt 3 of 3",
        ),
        (
            {"kind": "exited", "type": "SystemExit", "message": "0"},
            "sft exited: SystemExit: 0",
            "sft exited: SystemExit: 0",
        ),
        ({"kind": "interrupted"}, "sft was interrupted", "sft was interrupted"),
        ({"kind": "preempted"}, "sft was preempted in attempt 1 of 3", "sft was preempted"),
    ],
)
def test_what_the_launcher_starts_again_is_a_restart(changes: dict[str, Any], restarts: str, last: str) -> None:
    """And final where it does not; what a person, a scheduler or a clean exit ended is neither."""
    report = REPORT._replace(**changes)
    assert restarts in report.headline(Attempt(1, 3))
    assert last in report.headline(Attempt(3, 3))
    assert report.headline(Attempt(2)) == report.headline()
    assert "- Run: sft, attempt 2\n" in report.markdown(attempt=Attempt(2))


@pytest.mark.parametrize(
    ("best", "last", "lines"),
    [
        ("/a", "", ["- Best checkpoint: /a"]),
        ("", "/b", ["- Last checkpoint: /b"]),
        ("/a", "/b", ["- Best checkpoint: /a", "- Last checkpoint: /b"]),
        ("/a", "/a", ["- Best checkpoint: /a (also the last)"]),
    ],
)
def test_checkpoints(best: str, last: str, lines: list[str]) -> None:
    """One line where both are the same."""
    assert Progress(best_checkpoint=best, last_checkpoint=last).lines() == lines


def test_the_message_is_markdown() -> None:
    """Facts as a list, in an order that a person asks for, then the traceback, and where and when."""
    assert (
        REPORT.markdown()
        == """\
### sft failed: ValueError: the loss is not a number

- At: train.py:21 in training_step
- Progress: step 18204, epoch 1.5
- Metrics: loss 0.539389, n 3
- Best checkpoint: /x/a b.ckpt

```
Traceback ...
ValueError: the loss
```

- Run: sft
- Rank: 3 of 64 (local rank 1)
- Host: node-07, PID 2790, Python 3.11.7
- Time: 2026-11-24 03:12:09 +0800 (CST)"""
    )


def test_what_is_not_known_has_no_line() -> None:
    """No empty context, place, message or progress."""
    bare = REPORT._replace(context="", at="", message="", progress=Progress(step=0))
    labels = re.findall("^- (.*?):", bare.markdown(), re.MULTILINE)
    assert labels == ["Progress", "Run", "Rank", "Host", "Time"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "preempted"}, "**ValueError**: the loss is not a number"),
        ({"kind": "interrupted", "type": "KeyboardInterrupt", "message": ""}, "**KeyboardInterrupt**"),
        ({"kind": "interrupted", "type": "CancelledError"}, "**KeyboardInterrupt** (Ctrl-C)"),
    ],
)
def test_an_error_that_the_heading_leaves_out_is_the_first_fact(changes: dict[str, Any], said: str) -> None:
    """Who meets a signal asks what the run has raised for it."""
    lines = REPORT._replace(**changes).markdown().splitlines()
    assert lines[1:4] == ["", f"- Error: {said}", "- At: train.py:21 in training_step"]


def test_a_failure_tells_how_to_go_on() -> None:
    """In place of the last checkpoint, with what is lost; an end tells the checkpoint alone."""
    reached = Progress(
        epoch=0.5,
        step=5,
        of_steps=10,
        seconds=3.0,
        last_checkpoint="/x/5",
        resume="--resume_from_checkpoint /x/5",
        saved_seconds=63.0,
        saved_steps=2,
        processes=64,
    )
    assert reached.lines(failed=True) == [
        "- Progress: step 5 of 10, epoch 0.5, after 3 s",
        "- Lost since the last checkpoint: 1 min 03 s, 2 steps, 64 processes",
        "- To go on: --resume_from_checkpoint /x/5",
    ]
    on_gpus = reached._replace(saved_steps=1180, on_gpus=True)
    assert on_gpus.lines("zh", failed=True)[1] == "- 上次 checkpoint 之后丢失: 1 分 03 秒，1,180 个 step，64 张 GPU"
    ended = reached._replace(seconds=None)
    assert ended.lines() == ["- Progress: step 5 of 10, epoch 0.5", "- Last checkpoint: /x/5"]


def test_an_end_is_markdown() -> None:
    """The given facts, and where and when."""
    lines = milestone("sft ended", "sft", WHERE, ["- Duration: 8 s"]).splitlines()
    assert lines[:5] == ["### sft ended", "", "- Duration: 8 s", "- Run: sft", "- Host: node-07, 64 ranks"]
    assert re.fullmatch(r"- Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \(.+\)", lines[5])
    assert now().endswith(")")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (187, "3 min 07 s"),
        (3599.6, "1 h 00 min"),
        (3725, "1 h 02 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """In the two units that matter."""
    assert duration(seconds) == text


def test_code_in_a_fact_reads_as_it_was_written() -> None:
    """No underscores become bold, in the heading, the context, the error and the checkpoint."""
    progress = Progress(last_checkpoint="/data/__cache__/last")
    error = TypeError("Foo.__init__() got *args, **kwargs")
    report = Report.of(error, name="__main__", context="Foo.__call__()", where=WHERE, progress=progress)
    head = report.markdown().partition("```")[0]
    assert "checkpoint: `/data/__cache__/last`\n" in head
    assert re.findall(r"(?<!\w)__\w", re.sub("`.*?`", "", head).replace("\u200b", "x")) == []
    plain = head.replace("\u200b", "").replace("\u2217", "*")
    for said in (
        "Foo.__init__() got *args, **kwargs\n",
        "Context: Foo.__call__()\n",
    ):
        assert said in plain
    assert "\\" not in head


@pytest.mark.parametrize("text", ["a", "", "a\n\n", "```\na\n```", "`````", "a ```` b\n```"])
def test_nothing_in_a_block_ends_it(text: str) -> None:
    """The fence is longer than any in the text."""
    first, *inside, last = fenced(text).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert first not in "\n".join(inside)
    assert "\n".join(inside) == text.rstrip()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the marks came with Python 3.11")
def test_marks_stand_under_the_code() -> None:
    """As Python prints them, beside code and a message with the same characters."""
    try:
        print({"a": [1, 2]}["a"][0] + int("^^ ~~ x"))
    except ValueError as error:
        text = Report.of(error, name="", context="", where=WHERE, progress=Progress()).traced(error).traceback
    assert 'int("^^ ~~ x")' in text
    assert "'^^ ~~ x'" in text
    marks = text.splitlines()[-2].strip()
    assert (len(marks), set(marks) <= set("^~")) == (len('int("^^ ~~ x")'), True)


def test_a_report_tells_the_exception() -> None:
    """Its type, message, place and traceback; without holding it."""
    report = caught(KeyError("x"))
    assert (report.kind, report.type, report.message) == ("failed", "KeyError", "'x'")
    assert re.fullmatch(r"test_report\.py:\d+ in caught", report.at)
    assert report.traceback.startswith("Traceback (most recent call last):")
    assert not [value for value in report if isinstance(value, BaseException)]


def test_an_exception_that_cannot_be_shown_is_told() -> None:
    """By what its `__str__` raised."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise OSError("https://host/secret")

    text = caught(Broken()).markdown()
    assert "its __str__ raised OSError" in text
    assert "secret" not in text


@pytest.mark.parametrize(("world", "line"), [(1, ""), (2, "- Rank: 0 of 2\n")])
def test_a_single_process_has_no_rank(world: int, line: str) -> None:
    """It is named where there are several."""
    where = WHERE._replace(rank=0, local_rank=0, world_size=world)
    assert f"- Run: sft\n{line}- Host: node-07" in REPORT._replace(where=where).markdown()


def test_what_stands_for_a_text_is_in_the_language() -> None:
    """In the heading, the context, the traceback and its notes; a class is named as it is."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise OSError

    error = Broken()
    error.__notes__ = [error]  # type: ignore[attr-defined]
    try:
        raise error
    except Broken as exc:
        report = Report.of(
            exc, name="sft", context="<its __str__ raised KeyError>", where=WHERE, progress=Progress(), language="zh"
        )
        text = report.traced(exc).markdown().replace("\u200b", "")
    assert text.count("<它的 __str__ 抛出了 OSError>") == 2
    assert "- 阶段: <它的 __str__ 抛出了 KeyError>\n" in text
    assert "\n<一条附注，其 __str__ 抛出了 OSError>\n" in text
    assert "raised" not in text.replace(" raise error", "")


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["train.py"], "train.py"),
        (["/home/me/sft/train.py", "--lr"], "train.py"),
        ([r"C:\sft\train.py"], "train.py"),
        (["-c"], "training"),
        (["-m"], "training"),
        ([""], "training"),
        ([], "training"),
    ],
)
def test_a_run_without_a_name_has_its_scripts(argv: list[str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a plain word where there is no script."""
    monkeypatch.setattr(sys, "argv", argv)
    assert default_name() == name


def test_a_trainer_is_asked_piece_by_piece() -> None:
    """What raises, hangs, exits or is of another kind is left out, and takes nothing else with it."""

    def fail() -> Any:
        raise RuntimeError("the device is lost")

    class Hangs:
        def __float__(self) -> float:
            time.sleep(30)
            return 1.0

    metrics = {"loss": 0.5, 7: 3, "lost": Hangs(), "gone": object(), "n": 123456789, "none": None}
    assert Progress.asked(
        epoch=lambda: "x",
        step=lambda: 7,
        best_checkpoint=fail,
        why_ended=lambda: sys.exit(3),
        last_checkpoint=lambda: time.sleep(30),
        metrics=lambda: metrics,
    ) == Progress(step=7, metrics={"loss": 0.5, "7": 3, "lost": None, "gone": None, "n": 123456789, "none": None})


def test_many_metrics_that_hang_leave_time_for_the_next() -> None:
    """All together are bounded, and the one that answers is read."""

    class Hangs:
        def __float__(self) -> float:
            time.sleep(30)
            return 1.0

    began = time.monotonic()
    metrics = {**{str(n): Hangs() for n in range(8)}, "good": 0.5}
    assert Progress.asked(step=lambda: 7, metrics=lambda: metrics) == Progress(
        step=7, metrics={**dict.fromkeys(map(str, range(8))), "good": 0.5}
    )
    assert time.monotonic() - began < 20


def test_a_metric_that_cannot_be_read_is_said_to_be() -> None:
    """Beside those that can."""
    assert Progress(metrics={"loss": None, "acc": 0.5}).lines() == ["- Metrics: loss unreadable, acc 0.5"]


@pytest.mark.parametrize(
    "odd",
    [
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": "3 min"},
        {"saved_seconds": "x", "saved_steps": "y"},
        {"history": [-1.7e308, 1.7e308, 0, 1]},
        {"history": [10**400, 1, 2, 3]},
        {"history": itertools.repeat(1.0)},
        {"step": "x", "of_steps": object()},
    ],
    ids=["nan", "infinite", "a text", "two texts", "far apart", "huge", "endless", "objects"],
)
def test_an_odd_progress_costs_its_own_line_alone(odd: Any) -> None:
    """The rest of the alert is there, and in time."""
    told = RecordingNotifier()
    assert (
        notify_exception(told, "fit", ValueError("x"), "sft", progress=Progress(**{"epoch": 2.0, **odd})).status
        == "sent"
    )
    assert "ValueError: x\n" in told.messages[0]
    assert "epoch 2" in told.messages[0]


class HangsEverywhere:
    """As a tensor on a broken device."""

    def __float__(self) -> float:
        time.sleep(30)
        return 1.0

    def __str__(self) -> str:
        return str(float(self))


class HasNoText(HangsEverywhere):
    def __str__(self) -> str:
        raise RuntimeError("CUDA error")


@pytest.mark.parametrize(
    "odd",
    [
        {"history": [HangsEverywhere()] * 3},
        {"history": (time.sleep(30) for _ in range(3))},
        {"facts": (time.sleep(30) for _ in range(3))},
        {"metrics": {f"m{at}": HangsEverywhere() for at in range(5)}, "history": [HangsEverywhere()] * 3},
    ],
    ids=["history", "a history that goes on", "facts that go on", "metrics, too"],
)
def test_a_part_of_a_progress_that_hangs_leaves_the_rest(odd: Any) -> None:
    """The caller's objects are asked within bounds: all that is known beside them is said."""
    notify_exception(
        told := RecordingNotifier(), "fit", ValueError("x"), "sft", progress=Progress(**{"step": 7, **odd})
    )
    assert "\n- Progress: step 7" in told.messages[0]


@pytest.mark.parametrize("metric", [HangsEverywhere(), HasNoText(), ""], ids=["hangs", "raises", "empty"])
def test_a_given_metric_without_a_text_is_unreadable(metric: Any) -> None:
    """And no name with nothing behind it. Zero is a number."""
    given = Progress(metrics={"m0": metric, "zero": 0, "good": 0.5})
    assert Progress.of(given).lines() == ["- Metrics: m0 unreadable, zero 0, good 0.5"]


def test_a_metric_with_a_line_of_its_own_is_said_once() -> None:
    """Its line says the last value, too; where there are too few values for one, it is among the others."""
    drawn = Progress(metrics={"loss": 0.5, "lr": 0.1}, history=[2, 1, 0.5], history_of="loss")
    assert drawn.lines() == ["- Metrics: lr 0.1"]
    assert drawn._replace(history=[1, 0.5]).lines() == ["- Metrics: loss 0.5, lr 0.1"]


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("preparing the alert raised OSError", "准备告警时出现 OSError"),
        ("rank 3 has been sending it for too long", "rank 3 的发送耗时过长"),
        ("a reason of the future", "a reason of the future"),  # rather in English than not at all
    ],
)
def test_the_least_message_is_in_the_language_of_the_run(why: str, said: str) -> None:
    """It goes out where no report can be made."""
    note = missing_details(why, "zh")
    assert least("sft", "ValueError", WHERE, note, "zh").splitlines() == [
        "### sft 失败：ValueError",
        "",
        f"- 说明: 缺少细节，因为 {said}",
        f"- 主机: node-07, PID {WHERE.pid}",
    ]
