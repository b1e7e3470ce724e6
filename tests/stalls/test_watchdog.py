"""Stalls: what is one and what is none, over all ranks, and what it costs."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Progress, TrainingRun
from twinkle_notifier.claims import Watermark
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.runtime.process import process_start
from twinkle_notifier.runtime.stored import dumped, parsed
from twinkle_notifier.stalls.board import Watched
from twinkle_notifier.stalls.report import RankStatus
from twinkle_notifier.stalls.this_rank import ThisRank
from twinkle_notifier.stalls.watchdog import Gauge
from twinkle_notifier.testing import RecordingNotifier

AFTER = 0.5  # seconds


def watchers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "twinkle-notifier-watch"]


def eventually(true: Callable[[], Any], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(true())


@pytest.fixture(autouse=True)
def _no_watcher() -> None:
    """Those of earlier tests are gone."""
    if watchers():
        gc.collect()
    assert eventually(lambda: watchers() == [])


def titles(told: RecordingNotifier) -> list[str]:
    """The first lines, without how long it took, once the background is done."""
    assert background.flush(30)
    return [re.sub(r" (for|after) .*", "", message.splitlines()[0]) for message in told.messages]


def load_for_ever(told: RecordingNotifier, messages: int) -> None:
    deadline = time.monotonic() + 60
    while len(told.messages) < messages and time.monotonic() < deadline:
        time.sleep(0.05)  # password = "hunter2-hunter2"
    assert len(told.messages) == messages


# One process


def test_alerts_on_a_stall_and_says_when_it_is_over() -> None:
    """With the place, the stack and the steps, and without what looks like a secret; then once that it resumed."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, stall_after=AFTER)
    run.started()
    for _ in range(3):
        run.beat()
        time.sleep(0.01)
    load_for_ever(told, 1)
    run.beat()
    run.ended()
    assert eventually(lambda: len(titles(told)) == 2)  # it may resume before the first message is accepted
    assert titles(told) == ["### sft has made no progress", "### sft resumed"]
    assert re.search(r"\n- At: test_watchdog.py:\d+ in load_for_ever\n- Progress: step 3\n", told.messages[0])
    assert ", in load_for_ever\n" in told.messages[0]
    assert "# password = " in told.messages[0]
    assert "hunter2" not in told.messages[0]
    assert re.match(r"### sft resumed after \d+ s\n", told.messages[1])


def test_the_first_step_counts() -> None:
    """A hang while the ranks connect is the commonest."""
    run = TrainingRun(told := RecordingNotifier(), stall_after=AFTER)
    run.started(progress=lambda: Progress(epoch=0.0, step=7))
    load_for_ever(told, 1)
    run.pause()
    assert "- Progress: step 7, epoch 0\n" in told.messages[0]


def test_a_slow_step_is_no_stall() -> None:
    """It takes longer than `stall_after`, but not ten times as long as one before did."""
    run = TrainingRun(told := RecordingNotifier(), on_end=False, stall_after=AFTER)
    run.started()
    for seconds in (0.01, 0.3, 0.01, 1.5, 0.01, 1.5):
        run.beat()
        time.sleep(seconds)
    run.beat()
    run.ended()
    assert titles(told) == []


def test_each_stall_gets_an_alert_and_each_training_begins_anew() -> None:
    """Twice in two trainings of one process; what took a while in the first is not usual in the second."""
    run = TrainingRun(told := RecordingNotifier(), on_end=False, stall_after=AFTER)
    for number in (1, 3):
        run.started()
        run.beat()
        load_for_ever(told, number)
        run.beat()
        run.ended()
        assert eventually(lambda messages=number + 1: len(titles(told)) == messages)
    assert [title.split(" ", 2)[2] for title in titles(told)] == ["has made no progress", "resumed"] * 2


def test_a_stall_that_fails_is_reported_as_a_failure() -> None:
    """And no message says that it resumed."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", stall_after=AFTER)
    run.started()
    load_for_ever(told, 1)
    assert run.failed(TimeoutError("all_reduce")).status == "sent"
    assert titles(told) == ["### sft has made no progress", "### sft failed: TimeoutError: all_reduce"]


def test_a_stall_may_end_with_the_training() -> None:
    """Well, and without another step."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", stall_after=AFTER)
    run.started()
    load_for_ever(told, 1)
    run.ended()
    assert eventually(lambda: len(titles(told)) == 3)
    assert sorted(titles(told)[1:]) == ["### sft ended", "### sft resumed"]


def test_after_a_stall_the_next_alert_comes_as_soon() -> None:
    """A stall does not count as a slow step."""
    run = TrainingRun(told := RecordingNotifier(), on_end=False, stall_after=AFTER)
    run.started()
    run.beat()
    load_for_ever(told, 1)
    time.sleep(1)
    run.beat()
    assert eventually(lambda: len(titles(told)) == 2)
    for _ in range(10):
        run.beat()
        time.sleep(0.05)
    began = time.monotonic()
    load_for_ever(told, 3)
    run.pause()
    assert time.monotonic() - began < 10  # times as long as the first one took


def test_trainings_side_by_side_are_two() -> None:
    """Of one name, in one process."""
    runs = [TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, stall_after=AFTER) for _ in range(2)]
    for run in runs:
        run._given = told
        run.started()
    load_for_ever(told, 2)
    for run in runs:
        run.pause()


@pytest.mark.parametrize("value", [10**400, 10**5_000, float("nan"), float("inf")], ids="abcd")
def test_numbers_out_of_bounds_cost_their_line(value: Any) -> None:
    """Other ranks can still read where this one is stuck."""
    reached = Progress(step=value, of_steps=value, metrics={"lr": 7}, history=(1, 2, 3, value))
    run = TrainingRun(told := RecordingNotifier(), stall_after=AFTER)
    run.started(progress=lambda: reached)
    load_for_ever(told, 1)
    assert "- Metrics: lr 7\n" in told.messages[0]
    assert "- Progress: " not in told.messages[0]
    run.pause()
    here = ThisRank(Watched(None, "sft", None, Watermark(process_start()), lambda: reached, 0, 1, True, "en"), 1.0, 1)
    here.progress = reached
    assert parsed(RankStatus.load, dumped(here.status(None))) is not None


def test_a_bad_progress_costs_no_message() -> None:
    """It returns no Progress: the beats are the steps."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", stall_after=AFTER)
    run.started(progress=lambda: 5)  # type: ignore[arg-type, return-value]
    load_for_ever(told, 1)
    assert "- Progress: step 0\n" in told.messages[0]
    run.ended(lambda: 5)  # type: ignore[arg-type, return-value]
    assert eventually(lambda: "### sft ended" in titles(told))


def test_a_debugger_is_no_stall() -> None:
    """Whoever is at its prompt knows."""
    import bdb

    run = TrainingRun(told := RecordingNotifier(), on_end=False, stall_after=AFTER)
    run.started()
    bdb.Bdb().runcall(time.sleep, 3 * AFTER)
    run.ended()
    assert titles(told) == []


def test_no_alert_after_the_end() -> None:
    """The thread is gone, however the training ended: well, badly, or with its last reference."""
    told = RecordingNotifier()
    for end in (TrainingRun.ended, lambda run: run.failed(ValueError("x")), TrainingRun.pause, lambda _: None):
        run = TrainingRun(told, name="sft", on_end=False, stall_after=AFTER)
        run.started()
        assert len(watchers()) == 1
        end(run)
        del run
        assert eventually(lambda: watchers() == [])
    time.sleep(2 * AFTER)
    assert titles(told) == ["### sft failed: ValueError: x"]


def test_what_cannot_be_sent_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """On the disk, as every message is; and so is its end."""
    failures: list[str] = []

    def broken(message: str) -> None:
        failures.append(message)
        raise DeliveryError("the network is down")

    run = TrainingRun(broken, name="sft", on_end=False, stall_after=AFTER)
    run.started()
    assert eventually(
        lambda: "alert not sent for the stall of sft: the network is down; it is kept on the disk" in caplog.text
    )
    run.beat()
    run.ended()
    assert eventually(lambda: len(failures) == 3)
    assert [failure.split(" for ")[0].split(" after ")[0] for failure in failures] == [
        "### sft has made no progress",
        "### sft has made no progress",  # again: it should not come after its end
        "### sft resumed",
    ]


def test_without_it_nothing_runs() -> None:
    """No thread; a beat is no error."""
    run = TrainingRun(RecordingNotifier(), on_end=False)
    run.started()
    run.beat()
    assert (run.stall_after, watchers()) == (None, [])


# How long


@pytest.mark.parametrize("bad", [0, -1, True, "600", float("nan"), float("inf"), 10**400])
def test_a_bad_time_is_refused_at_once(bad: Any) -> None:
    """With what to do."""
    with pytest.raises(ValueError, match=r"stall_after is .*: give a positive number of seconds"):
        TrainingRun(stall_after=bad)


@pytest.mark.parametrize(
    ("text", "after"), [("600", 600.0), (" 1.5 ", 1.5), ("10m", 600.0), ("1h30m", 5400.0), ("90 S", 90.0), ("", None)]
)
def test_the_environment_gives_the_time(text: str, after: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """To runs whose code names none."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_STALL_AFTER", text)
    assert (TrainingRun().stall_after, TrainingRun(stall_after=5).stall_after) == (after, 5)


@pytest.mark.parametrize("text", ["ten minutes", "0", "0m", "-1", "-1m", "nan", "inf", "1e10", "h"])
def test_a_bad_environment_is_ignored(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_STALL_AFTER", text)
    assert TrainingRun().stall_after is None
    assert f"TWINKLE_NOTIFIER_STALL_AFTER: {text!r} is not a time: write 90s, 10m or 1h30m; stall" in caplog.text


def test_ten_times_the_slowest_step() -> None:
    """As soon as one was seen, alone between two samples or among others; the time to the first is no step."""
    gauge = Gauge(100, now=0.0)
    gauge.sample(50, at=49, beats=1, late=0)  # 49 s of preparations
    gauge.sample(69, at=69, beats=2, late=0)  # a step of 20 s
    assert gauge.slowest == 20
    gauge.sample(268, at=69, beats=2, late=0)
    assert (gauge.idle, gauge.stalled, gauge.doubtful) == (199, False, True)
    gauge.sample(270, at=69, beats=2, late=0)
    assert gauge.stalled
    gauge.sample(271, at=269.5, beats=5, late=0)  # 200 s, but that was a stall
    assert gauge.slowest == 20
    gauge.sample(321, at=320, beats=8, late=0)  # a step of 50 s at most, and two quick ones
    assert 50 <= gauge.slowest <= 50.5
    gauge.sample(824, at=320, beats=8, late=0)
    assert not gauge.stalled
    gauge.sample(826, at=320, beats=8, late=0)
    assert gauge.stalled


def test_where_something_slow_follows_ten_times_as_long_is_no_stall() -> None:
    """Until the next beat; and it does not count as a slow step."""
    gauge = Gauge(100, now=0.0)
    gauge.sample(10, at=9, beats=1, late=0, lull=True)
    gauge.sample(1008, at=9, beats=1, late=0, lull=True)
    assert (gauge.stalled, gauge.doubtful) == (False, True)
    gauge.sample(1009.5, at=9, beats=1, late=0, lull=True)
    assert gauge.stalled
    gauge.sample(1010, at=1010, beats=2, late=0)
    assert gauge.slowest == 0
    gauge.sample(1111, at=1010, beats=2, late=0)
    assert gauge.stalled


def test_time_in_which_the_process_was_stopped_does_not_count() -> None:
    """A sample that comes an hour late shows it: since a beat, within a step, and after a beat."""
    gauge = Gauge(100, now=0.0)
    gauge.sample(10, at=9, beats=1, late=0)
    gauge.sample(3614, at=9, beats=1, late=3600)
    assert gauge.idle == 5
    gauge.sample(3618, at=3617, beats=2, late=0)
    assert gauge.slowest == 8
    gauge.sample(7222, at=3619, beats=3, late=3600)  # a beat, and then it was stopped
    assert (gauge.idle, gauge.stalled, gauge.slowest) == (3, False, 8)


def test_a_stopped_process_has_no_stall(start: Any, inbox: Inbox) -> None:
    """SIGSTOP for much longer than `stall_after`, as a frozen container or a suspended laptop."""
    started = start(
        """
        import os, time, twinkle_notifier as t
        run = t.TrainingRun(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), on_end=False, stall_after=0.5)
        run.started()
        open("began", "w").close()
        while not os.path.exists("end"):
            run.beat()
            time.sleep(0.1)
        run.ended()
        """
    )
    folder = started.process.args[-1].rpartition("/")[0]
    assert eventually(lambda: os.path.exists(f"{folder}/began"))
    for _ in range(2):
        os.kill(started.process.pid, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(started.process.pid, signal.SIGCONT)
        time.sleep(0.5)
    open(f"{folder}/end", "w").close()
    done = started.result()
    assert (done.returncode, done.stderr) == (0, "")
    assert inbox.messages == []


# Over all ranks

RANKS = """
import os, time
import torch, torch.distributed as dist
from twinkle_notifier import DingNotifier, TrainingRun

def load(step):
    if step == 5 and dist.get_rank() == 2:
        time.sleep(6)

def train_step():
    dist.all_reduce(torch.ones(1))

dist.init_process_group("gloo")
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=1.5)
run.started()
for step in range(8):
    load(step)
    train_step()
    run.beat()
run.ended()
dist.destroy_process_group()
"""


def test_the_rank_that_is_elsewhere_is_named(run: Callable[..., Any], inbox: Inbox) -> None:
    """One message about three ranks, of which two wait for the third; and one when they have resumed."""
    done = run(RANKS, ranks=3)
    assert done.returncode == 0, done.stderr
    stall, moves = (message.text for message in inbox.messages)
    assert inbox.requests == 2
    assert re.match(
        r"### sft has made no progress for \d+ s: rank 2 has not entered all_reduce no. 6 of default_pg\n", stall
    )
    collective = "rank 2 has not entered all_reduce no. 6 of default_pg (1 floats); ranks 0-1 wait in it"
    assert f"\n- Collective: {collective}\n" in stall
    assert "\n- Rank 2 of 3: train.py:8 in load\n" in stall
    assert re.search(r"\n- Ranks 0-1 of 3: train.py:11 in train_step, then torch/distributed/\S+ in \w+\n", stall)
    assert "No word" not in stall
    assert "\n- Progress: step 5\n" in stall
    assert stall.index("time.sleep(6)") < stall.index("dist.all_reduce")
    assert re.search(r"\nRank 2, .*, PID \d+, after 5 steps:\n", stall)
    assert re.match(r"### sft resumed after \d+ s\n", moves)


ONE_OF_THREE = """
import os, time
from twinkle_notifier import DingNotifier, TrainingRun
def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.05)
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=1)
run.started()
while os.environ["RANK"] != "1" and not os.path.exists("told"):
    time.sleep(0.05)
    run.beat()
wait_for("end")
run.beat()
run.ended()
"""


@pytest.mark.alone  # it counts on what three processes do within seconds
def test_one_rank_is_stuck_while_others_go_on(start: Any, inbox: Inbox) -> None:
    """Its alert says that they did not respond. That they wait for it much later is no news."""
    launcher = {"WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29400"}
    running = [start(ONE_OF_THREE, **launcher, RANK=str(rank)) for rank in range(3)]
    folder = running[0].process.args[-1].rpartition("/")[0]
    assert eventually(lambda: inbox.messages)
    time.sleep(0.5)  # until the store has the alert
    open(f"{folder}/told", "w").close()
    time.sleep(4.5)  # they doubt, and would send an alert
    open(f"{folder}/end", "w").close()
    assert [one.result().returncode for one in running] == [0, 0, 0]
    stall, moves = (message.text for message in inbox.messages)
    assert inbox.requests == 2
    assert re.match(r"### sft has made no progress for \d+ s: rank 1 of 3\n", stall)
    assert "- Ranks that did not respond: 0, 2 (progressing, ended, or holding Python's lock)" in stall
    assert moves.startswith("### sft resumed")


SIXTY_FOUR = """
import os, time
from twinkle_notifier import DingNotifier, TrainingRun
begins, begin = os.pipe()
def train(rank):
    os.environ["RANK"] = str(rank)
    os.close(begin)
    os.read(begins, 1)  # until all are there
    run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=4)
    run.started()
    run.beat()
    while not os.path.exists("end"):
        time.sleep(0.1)
    os._exit(0)
children = []
for rank in range(64):
    child = os.fork()
    if not child:
        train(rank)
    children.append(child)
os.close(begin)
for child in children:
    os.waitpid(child, 0)
"""


@pytest.mark.alone
def test_all_of_many_ranks_are_stuck(start: Any, inbox: Inbox) -> None:
    """64 processes on one machine: one message, also after each has looked some more times."""
    running = start(SIXTY_FOUR, WORLD_SIZE="64", MASTER_ADDR="127.0.0.1", MASTER_PORT="29400")
    folder = running.process.args[-1].rpartition("/")[0]
    assert eventually(lambda: inbox.messages)
    time.sleep(6)  # longer than a rank is quiet before it doubts
    open(f"{folder}/end", "w").close()
    assert running.result().returncode == 0
    assert inbox.requests == 1
    assert re.match(r"### sft has made no progress for \d+ s: all 64 ranks in the same place\n", inbox.messages[0].text)
    assert "- Ranks 0-63 of 64: train.py:13 in train" in inbox.messages[0].text


STANDS = """
import os, time
from twinkle_notifier import DingNotifier, TrainingRun
rank = os.environ["RANK"]
def until(name):
    while not os.path.exists(name):
        time.sleep(0.05)
        run.beat()
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=1 + int(rank))
run.started()
while not os.path.exists(f"go-{rank}"):
    time.sleep(0.05)
until("end")
run.ended()
"""
TWO = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29400"}


def test_it_has_resumed_only_when_all_have_that_were_named(start: Any, inbox: Inbox) -> None:
    """The rank that sent the alert is the first to resume."""
    running = [start(STANDS, **TWO, RANK=str(rank)) for rank in range(2)]
    folder = running[0].process.args[-1].rpartition("/")[0]
    assert eventually(lambda: inbox.messages)
    assert ": all 2 ranks in the same place\n" in inbox.messages[0].text
    open(f"{folder}/go-0", "w").close()
    time.sleep(2)  # rank 0 moves
    assert inbox.requests == 1
    open(f"{folder}/go-1", "w").close()
    assert eventually(lambda: len(inbox.messages) == 2)
    open(f"{folder}/end", "w").close()
    assert [one.result().returncode for one in running] == [0, 0]
    assert inbox.messages[1].title.startswith("sft resumed after ")
    assert inbox.requests == 2


@pytest.mark.parametrize("gone", ["rank", "folder"])
def test_a_good_end_is_reported_without_the_others(start: Any, inbox: Inbox, gone: str, tmp_path: Path) -> None:
    """The other rank is too slow to say that it has resumed, or what the ranks share is gone."""
    shared = tmp_path / "claims"
    running = [start(STANDS, **TWO, RANK=str(rank), TWINKLE_NOTIFIER_DIR=str(shared)) for rank in range(2)]
    folder = running[0].process.args[-1].rpartition("/")[0]
    assert eventually(lambda: inbox.messages)
    assert ": all 2 ranks in the same place\n" in inbox.messages[0].text
    time.sleep(1)  # until the store has the alert
    if gone == "rank":
        os.kill(running[1].process.pid, signal.SIGSTOP)
    else:
        shutil.rmtree(shared)
        shared.write_text("no folder any more")
    for name in ("end", "go-0", "go-1"):
        open(f"{folder}/{name}", "w").close()
    assert running[0].result().returncode == 0
    assert eventually(lambda: len(inbox.messages) >= 2)
    os.kill(running[1].process.pid, signal.SIGCONT)
    assert running[1].result().returncode == 0
    assert re.match(r"### sft resumed after \d+ s\n", inbox.messages[1].text)
    if gone == "rank":
        assert "- The training has ended here; no report yet that rank 1 resumed\n" in inbox.messages[1].text
    assert inbox.requests == 2


SLOW_DISK = """
import time
from twinkle_notifier.stalls.board import Board
slow = Board.{method}
Board.{method} = lambda *given: (time.sleep({seconds}), slow(*given))[1]
"""


@pytest.mark.parametrize(("method", "seconds"), [("note_alert", 0.3), ("last_sender", 0.3), ("last_sender", 5)])
def test_an_end_that_follows_at_once_loses_no_message(
    start: Any, inbox: Inbox, tmp_path: Path, method: str, seconds: float
) -> None:
    """The rank resumes, and its process ends, while it notes its alert on a slow disk, or reads who sent the last one.

    The message is sent, or kept if the disk is too slow.
    """
    running = start(SLOW_DISK.format(method=method, seconds=seconds) + ONE_OF_THREE, **TWO, RANK="1")
    folder = running.process.args[-1].rpartition("/")[0]
    assert eventually(lambda: inbox.messages)
    time.sleep(1 if method == "last_sender" else 0)
    open(f"{folder}/end", "w").close()
    done = running.result()
    assert done.returncode == 0
    sent = [message.title for message in inbox.messages[1:]]
    kept = [path.read_text() for path in tmp_path.rglob("spool/*/*.json")]
    assert [text.count("sft resumed after") > 0 for text in sent + kept] == [True], done.stderr


LATE = """
import os, time
from twinkle_notifier import DingNotifier, TrainingRun
def late_load():
    while not os.path.exists("end"):
        time.sleep(0.05)
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=3)
run.started()
began = time.monotonic()
while time.monotonic() < began + (3.5 if os.environ["RANK"] == "1" else 0.5):
    time.sleep(0.05)
    run.beat()
late_load()
run.ended()
"""


def test_a_rank_that_is_stuck_later_says_where(start: Any, inbox: Inbox) -> None:
    """While another is about to send the alert; it may be the one that all wait for."""
    running = [start(LATE, **TWO, RANK=str(rank)) for rank in range(2)]
    folder = running[0].process.args[-1].rpartition("/")[0]
    assert eventually(lambda: inbox.messages)
    open(f"{folder}/end", "w").close()
    assert [one.result().returncode for one in running] == [0, 0]
    assert ": all 2 ranks in the same place\n" in inbox.messages[0].text


OUTAGE = """
import os, time
from twinkle_notifier import DeliveryError, Notifier, TrainingRun
class FileNotifier(Notifier):
    def __call__(self, message):
        open(f"tried-{os.environ['RANK']}", "w").close()
        if not os.path.exists("up"):
            raise DeliveryError("the network is down")
        with open("sent", "a") as file:
            file.write(" ".join(message.split()[:4]) + "\\n")
    def to_dict(self):
        return {"class": "FileNotifier"}
run = TrainingRun(FileNotifier(), name="sft", on_end=False, stall_after=1)
run.started()
while not os.path.exists("up"):
    time.sleep(0.05)
run.beat()
while not os.path.exists("end"):
    time.sleep(0.05)
    run.beat()
run.ended()
"""


def test_what_was_kept_is_sent_by_one_rank(start: Any, tmp_path: Any) -> None:
    """And in order, once the network is back."""
    running = [start(OUTAGE, **{**TWO, "WORLD_SIZE": "3"}, RANK=str(rank)) for rank in range(3)]
    folder = tmp_path / "work"
    assert eventually(lambda: list(folder.glob("tried-*")))
    time.sleep(3)  # the others would try, too
    assert len(list(folder.glob("tried-*"))) == 1
    (folder / "up").touch()
    assert eventually(lambda: (folder / "sent").exists() and len((folder / "sent").read_text().splitlines()) >= 2)
    (folder / "end").touch()
    assert [one.result().returncode for one in running] == [0, 0, 0]
    assert (folder / "sent").read_text().splitlines() == ["### sft has made", "### sft resumed after"]


# What it costs, and other processes


def test_a_beat_costs_next_to_nothing() -> None:
    """Less than 300 ns, while the watcher runs."""
    run = TrainingRun(RecordingNotifier(), on_end=False, stall_after=600)
    run.started()
    best, deadline = float("inf"), time.monotonic() + 60  # on a busy machine a quiet moment may take its time
    while best >= 300 and time.monotonic() < deadline:
        began = time.thread_time_ns()
        for _ in range(1000):
            run.beat(run, run, run, run, 0)  # as Lightning calls it
        best = min(best, (time.thread_time_ns() - began) / 1000)
    run.ended()
    assert run._watch.beats % 1000 == 0
    assert best < 300


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_watches_nothing_until_it_starts(copied: Callable[[TrainingRun], TrainingRun]) -> None:
    """Though it was made while the first is watched."""
    run = TrainingRun(RecordingNotifier(), on_end=False, stall_after=600)
    run.started()
    other = copied(run)
    assert (other.stall_after, len(watchers())) == (600, 1)
    other.pause()
    assert len(watchers()) == 1
    other.started()
    assert len(watchers()) == 2
    run.ended()
    other.ended()
    assert eventually(lambda: watchers() == [])


WORKER = """
import multiprocessing, sys, threading, time
import twinkle_notifier as t

def watchers():
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("watch")]

def work(run):
    before = watchers()
    run.beat()
    run.pause()
    run.started()
    after = watchers()
    run.ended()
    assert (before, after) == ([], ["twinkle-notifier-watch"]), (before, after)

if __name__ == "__main__":
    run = t.TrainingRun(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=0.5)
    run.started()
    while not t.counters().get("sent"):  # an alert is sent
        time.sleep(0.05)
    time.sleep(0.5)  # and that is noted
    process = multiprocessing.get_context("{method}").Process(target=work, args=(run,))
    process.start()
    process.join()
    run.beat()
    run.ended()
    sys.exit(process.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process_watches_nothing(method: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """As a DataLoader's, or a rank before its own training starts: it knows nothing of the parent's stall."""
    done = run(WORKER.format(method=method))
    assert done.returncode == 0, done.stderr
    assert [" ".join(message.title.split()[:3]) for message in inbox.messages] == ["sft has made", "sft resumed after"]
    assert inbox.requests == 2  # a repeat would not show among the messages
