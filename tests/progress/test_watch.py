"""Progress messages of real trainings: when, by whom, and what they cost."""

from __future__ import annotations

import gc
import os
import pickle
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from twinkle_notifier import DingNotifier, Message, Progress, TrainingRun
from twinkle_notifier.alerts import underway
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.errors import DeliveryError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \(.+\)"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a message a minute is the most, and the steps are looked at each five seconds."""
    monkeypatch.setattr("twinkle_notifier.progress.every.LEAST", 0.0)
    monkeypatch.setattr("twinkle_notifier.progress.watch.POLL", 0.02)


class Loop:
    """A training of `of` steps."""

    def __init__(self, run: TrainingRun, of: int | None = 100, first: int = 0) -> None:
        self.run, self.of, self.step = run, of, first
        run.started(progress=self.reached)

    def reached(self) -> Progress:
        return Progress(epoch=self.step / 50, step=self.step, of_steps=self.of)

    def steps(self, number: int, seconds: float = 0.0) -> None:
        for _ in range(number):
            self.step += 1
            self.run.log({"loss": 1 / self.step, "lr": 0.001}, self.step)
            time.sleep(seconds)


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.01)


def titles(told: RecordingNotifier) -> list[str]:
    return [message.splitlines()[0].removeprefix("### ") for message in told.messages]


def settled() -> None:
    """Whatever would be sent is sent by now."""
    time.sleep(0.3)
    assert background.flush(30)


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "twinkle-notifier-progress"]


def test_each_part_of_the_steps_is_told_with_speed_and_end() -> None:
    """To a robot that is as strict as the real one; at the end there is the end's message alone."""
    with Inbox() as inbox:
        loop = Loop(TrainingRun(DingNotifier(inbox.url), name="sft", progress_every="50%"))
        loop.steps(60, 0.02)
        until(lambda: inbox.messages)
        loop.steps(40)
        settled()
        loop.run.ended(loop.reached)
        assert background.flush(30)
        told, end = inbox.messages
    assert re.fullmatch(r"sft: step 5\d of 100 \(5\d %\)|sft: step 60 of 100 \(60 %\)", told.title)
    assert re.search(rf"- Time left: \d+ s, until {TIME}\n- Speed: [\d.]+ steps a second\n- Progress: step ", told.text)
    for part in ("epoch 1", "- Metrics: lr 0.001", "- loss: ", "first 1, lowest 0.0", "- Run: sft", "- Host: "):
        assert part in told.text
    assert not told.mentioned
    assert end.title.startswith("sft ended after")


def test_a_time_is_told_again_and_again() -> None:
    """Until the training ends, well or not; whatever other alerts are wanted."""
    told = RecordingNotifier()
    loop = Loop(TrainingRun(told, name="sft", notifications="failure_only", progress_every="0.1s"), of=None)
    while len(told.messages) < 3:
        loop.steps(1, 0.01)
    loop.run.failed(ValueError("x"))
    number = len(told.messages)
    assert titles(told)[-1] == "sft failed: ValueError: x"
    assert all(re.fullmatch(r"sft: step \d+", title) for title in titles(told)[:-1])
    assert "Time left" not in told.messages[0]  # nobody knows how many steps there are
    assert re.search(r"- Speed: [\d.]+ steps a second", told.messages[1])
    settled()
    assert len(told.messages) == number
    assert not watching()


def test_a_resume_tells_of_no_part_that_was_done_before() -> None:
    """The next one is the next."""
    loop = Loop(TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="10%"), first=48)
    settled()
    assert told.messages == []
    loop.steps(2)
    until(lambda: told.messages)
    loop.run.ended()
    assert titles(told) == ["sft: step 50 of 100 (50 %)"]


def test_two_messages_are_a_minute_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast the parts are done: a robot takes some twenty a minute, of all runs."""
    monkeypatch.setattr("twinkle_notifier.progress.every.LEAST", 60.0)
    loop = Loop(TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="1%"))
    loop.steps(60, 0.01)
    settled()
    loop.run.ended()
    assert len(told.messages) == 1


def test_where_the_number_of_steps_is_not_known_one_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """And nothing is sent."""
    loop = Loop(TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="10%"), of=None)
    loop.steps(20, 0.02)
    loop.run.ended()
    assert told.messages == []
    [line] = [record.getMessage() for record in caplog.records if "progress" in record.getMessage()]
    assert line == (
        "no progress messages: progress_every is '10%', and this training does not say how many steps there are. "
        'Give a time, such as "2h"'
    )


def test_a_training_that_stands_still_says_so_once() -> None:
    """A cell that was interrupted, say: no message each two hours for ever."""
    loop = Loop(TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="0.1s"))
    loop.steps(3, 0.05)
    until(lambda: "no step in the last" in "".join(told.messages))
    number = len(told.messages)
    settled()
    assert len(told.messages) == number
    loop.steps(3)
    until(lambda: len(told.messages) > number)
    assert "Speed" in told.messages[number]
    loop.run.ended()


def test_beats_are_steps_where_the_trainer_says_none() -> None:
    """As for a stall."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="0.1s")
    run.started()
    run.beat()
    until(lambda: told.messages)
    run.beat()
    until(lambda: len(told.messages) > 1)
    run.ended()
    assert titles(told)[:2] == ["sft: step 1", "sft: step 2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_only_rank_0_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that were forked; the copy of a run that goes on tells nothing in a child."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with Inbox() as inbox:
        run = TrainingRun(DingNotifier(inbox.url), name="sft", on_end=False, progress_every="50%")
        children = []
        for rank in range(2):
            if not (child := os.fork()):
                os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(rank)
                loop = Loop(run)
                loop.steps(60, 0.01)
                settled()
                os._exit(len(watching()))
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert (codes, len(inbox.messages)) == ([1, 0], 1)


def test_a_copy_tells_nothing_and_a_run_without_an_end_is_not_kept() -> None:
    """Nor does a pickle."""
    run = TrainingRun(RecordingNotifier(), on_end=False, progress_every="2h")
    run.started()
    assert len(watching()) == 1
    copied = pickle.loads(pickle.dumps(TrainingRun(RecordingNotifier(), progress_every="2h")))
    assert copied._progress_watch.every == run._progress_watch.every
    assert len(watching()) == 1
    underway.end(run)
    del run
    gc.collect()
    until(lambda: not watching())


@pytest.fixture
def silent() -> Iterator[str]:
    """A robot that takes the connection, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/robot/send?access_token=token-0123456789"


def refuse(message: str) -> None:
    raise DeliveryError("the robot is gone", final=True)


def hang(message: str) -> None:
    time.sleep(30)


@pytest.mark.parametrize("how", ["silent", "refuses", "hangs"])
def test_no_step_and_no_alert_waits_for_it(how: str, silent: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor is it kept on the disk, where it would be out of date."""
    notifier: Any = {"silent": DingNotifier(silent, timeout=1.0), "refuses": refuse, "hangs": hang}[how]
    loop = Loop(TrainingRun(notifier, name="sft", on_end=False, progress_every="50%"))
    loop.steps(60, 0.001)
    time.sleep(0.1)  # it is being sent
    began = time.monotonic()
    loop.steps(39, 0.001)
    loop.run.ended(loop.reached)
    assert time.monotonic() - began < 1.0
    if how == "refuses":
        assert "progress message not sent: the robot is gone" in caplog.text
    assert [spool for spool in Spool.of(notifier) if spool.letters()] == []


def test_it_leaves_half_of_a_robots_rate_to_alerts() -> None:
    """So that the alert of a crash finds room, however many runs tell of their progress."""
    with Inbox() as inbox:
        ding = DingNotifier(inbox.url)
        quiet = [Message("### sft: step 1", f"{number}", quiet=True) for number in range(10)]
        for message in quiet[:9]:
            ding(message)
        with pytest.raises(DeliveryError, match="the robot takes 9 messages a minute"):
            ding(quiet[9])
        TrainingRun(ding, name="sft").failed(ValueError("x"))
        assert inbox.messages[-1].title == "sft failed: ValueError: x"


def test_nothing_is_told_where_alerts_are_off_or_no_one_wants_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat's own `min_level` holds, as for all else."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", "off")
    off = Loop(TrainingRun(name="off", on_end=False, progress_every="50%"))
    told = RecordingNotifier(min_level="warning")
    loop = Loop(TrainingRun(told, name="sft", on_end=False, progress_every="50%"))
    for each in (off, loop):
        each.steps(60, 0.001)
    settled()
    for each in (off, loop):
        each.run.ended()
    assert told.messages == []


def test_a_trainer_that_does_not_answer_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each look would leave a thread behind; when it has answered, it is asked as before."""
    for module in ("how_far", "progress.watch"):
        monkeypatch.setattr(f"twinkle_notifier.{module}.PROGRESS", 0.02)
    free, asked = threading.Event(), list[float]()

    def reached() -> Progress:
        asked.append(time.monotonic())
        free.wait(60)
        return Progress(step=7, of_steps=100)

    run = TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="0.05s")
    run.started(progress=reached)
    before = threading.active_count()
    for number in range(3):
        run.beat()
        until(lambda number=number: len(told.messages) > number)  # type: ignore[misc]
        run.log({"loss": float("nan")})  # what an alert says asks it, too
        run.so_far()
    assert len(asked) == 1
    assert threading.active_count() < before + 5
    free.set()
    until(lambda: "sft: step 7 of 100 (7 %)" in titles(told))
    run.ended()


def test_a_trainer_that_lies_costs_its_line() -> None:
    """Whatever it answers, or does not."""
    for how in (
        lambda: 1 / 0,
        lambda: None,
        lambda: time.sleep(0.5),
        lambda: Progress(step=float("nan"), of_steps=3),
        lambda: Progress(step=float("inf"), of_steps=float("inf")),  # type: ignore[arg-type]
        lambda: Progress(step=10**400, of_steps=10**401, history=(1, 2, 3, 10**400)),
    ):
        run = TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, progress_every="0.1s")
        run.started(progress=how)  # type: ignore[arg-type]
        until(lambda told=told: told.messages)
        run.ended()
        assert titles(told)[0].startswith("sft has been training for ")
