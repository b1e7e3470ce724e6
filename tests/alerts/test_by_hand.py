"""`alert`: what code says by hand, once, whatever it says."""

from __future__ import annotations

import enum
import gc
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, DeliveryError, DingNotifier, Notifier, Progress, TrainingRun, alert
from twinkle_notifier.alerts import by_hand
from twinkle_notifier.alerts.by_hand import By
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages.message import level_of
from twinkle_notifier.testing import RecordingNotifier


@pytest.fixture(autouse=True)
def _nothing_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINKLE_NOTIFIER_NAME", "sft")
    monkeypatch.setattr(by_hand, "_last", {})
    monkeypatch.setattr(by_hand, "_warned", False)


def titles(told: RecordingNotifier) -> list[str]:
    assert background.flush(30)
    return [message.splitlines()[0].removeprefix("### ") for message in told.messages]


class WandbLevel(enum.Enum):
    WARN = "WARN"


class TrackioLevel(str, enum.Enum):
    ERROR = "error"


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ("info", "info"),
        ("success", "success"),
        ("warning", "warning"),
        ("WARN", "warning"),
        ("Error", "error"),
        ("critical", "error"),
        (WandbLevel.WARN, "warning"),
        (TrackioLevel.ERROR, "error"),
    ],
)
def test_levels_are_called_as_elsewhere(given: Any, level: str) -> None:
    """As by W&B and trackio, also by their own objects."""
    outcome = alert("halfway", "200 of 400", given, notifier=(told := RecordingNotifier()))
    assert outcome.status == ("sent" if level == "error" else "queued")
    assert titles(told) == ["sft: halfway"]
    assert level_of(told.messages[0]) == level


def test_what_it_says() -> None:
    """The title, the text line by line, and where."""
    alert("halfway", "accuracy 0.7\nnext: 400", notifier=(told := RecordingNotifier()))
    assert titles(told) == ["sft: halfway"]
    assert told.messages[0].splitlines()[1:5] == ["", "accuracy 0.7  ", "next: 400", ""]
    assert told.messages[0].splitlines()[5] == "- Run: sft"


def test_of_a_run() -> None:
    """By its notifier and name, with how far it got."""
    run = TrainingRun(told := RecordingNotifier(), name="mine")
    run.started(progress=lambda: Progress(step=7, of_steps=9))
    assert run.alert("halfway", None, "info").status == "queued"
    assert titles(told) == ["mine: halfway"]
    assert "\n- Progress: step 7 of 9, after 0 s\n" in told.messages[0]


@pytest.mark.parametrize(("wait", "sent"), [(60, 1), (timedelta(hours=1), 1), (0, 3), (timedelta(0), 3)])
@pytest.mark.parametrize("level", ["info", "error"])
def test_a_title_is_sent_once_in_a_time(wait: Any, sent: int, level: str) -> None:
    """Another is another; zero sends each."""
    told = RecordingNotifier()
    statuses = [alert("halfway", str(number), level, wait, told).status for number in range(3)]
    assert titles(told) == ["sft: halfway"] * sent
    assert statuses[1:] == [statuses[0] if sent == 3 else "duplicate"] * 2
    alert("done", "", level, wait, told)
    assert titles(told)[-1] == "sft: done"


@pytest.mark.parametrize("level", ["info", "error"])
@pytest.mark.parametrize(("wait", "pause", "takes"), [(0.2, 0.3, 0.0), (1.0, 1.05, 0.3)])
def test_after_that_time_it_is_sent_again(wait: float, pause: float, takes: float, level: str) -> None:
    """The first time: its own send, which ended later than its call, is none of another rank."""
    told = list[str]()

    def send(message: str) -> None:
        time.sleep(takes)
        told.append(message)

    for number in range(3):
        assert alert("halfway", level=level, wait_duration=wait, notifier=send).status in ("queued", "sent")
        assert background.flush(30)
        assert len(told) == number + 1
        time.sleep(pause)


def test_a_send_that_failed_does_not_bring_the_last_one_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process had sent before it still counts as no other rank's."""
    refused, told = list[Exception](), list[str]()

    def send(message: str) -> None:
        if refused:
            raise refused.pop()
        told.append(message)

    monkeypatch.setattr(Spool, "keep", lambda *_: 1 / 0)
    for number in range(3):
        refused += [DeliveryError("no network")] if number == 1 else []
        alert("halfway", level="error", wait_duration=0.05, notifier=send)
        time.sleep(0.1)
    assert len(told) == 2


def test_without_a_wait_no_rank_waits_for_another() -> None:
    """Each sends at once, though another is about to send the same."""
    together = threading.Barrier(2)

    def send(message: str) -> None:
        together.wait(6)

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(alert, "step", level="error", wait_duration=0, notifier=send) for _ in range(2)]
        assert [one.result().status for one in both] == ["sent", "sent"]


def test_ranks_that_say_the_same_are_one_each_time(start: Any, inbox: Inbox) -> None:
    """Though they are not quite at the same time; without a wait each sends."""
    env = {"WORLD_SIZE": "2", "MASTER_PORT": "29571", "MASTER_ADDR": "127.0.0.1", "LOCAL_WORLD_SIZE": "2"}
    both = [start(RANK_SAYS, RANK=str(rank), LOCAL_RANK=str(rank), **env) for rank in range(2)]
    assert [one.result().returncode for one in both] == [0, 0]
    found = Counter(message.title.partition(": ")[2] for message in inbox.messages)
    assert found == {"halfway": 2, "step": 4}


RANK_SAYS = """
import time
import twinkle_notifier as t
ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
for _ in range(2):
    t.alert("step", level="error", wait_duration=0, notifier=ding)
for number in range(2):
    t.alert("halfway", level="error", wait_duration=6, notifier=ding)
    time.sleep(6.5 * (not number))
"""


def test_one_that_was_not_sent_does_not_count(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next of that title goes out; the log has the reason."""
    refused, told = [DeliveryError("no network")], list[str]()

    def send(message: str) -> None:
        if refused:
            raise refused.pop()
        told.append(message)

    monkeypatch.setattr(Spool, "keep", lambda *_: 1 / 0)
    assert alert("halfway", level="error", notifier=send).status == "failed"
    assert "alert not sent for 'halfway': no network" in caplog.text
    assert alert("halfway", level="error", notifier=send).status == "sent"
    assert len(told) == 1


def test_one_that_is_kept_on_the_disk_counts() -> None:
    """It will arrive."""

    def send(message: str) -> None:
        raise DeliveryError("no network")

    assert alert("halfway", level="error", notifier=send).status == "spooled"
    assert alert("halfway", level="error", notifier=send).status == "duplicate"


class Mark:
    """The place of a run among others; to read it does `how`."""

    def __init__(self, how: Callable[[], object]) -> None:
        self.how = how

    @property
    def at(self) -> Any:
        return self.how()


@pytest.mark.parametrize("how", [lambda: 1 / 0, lambda: time.sleep(60)], ids=["raises", "hangs"])
@pytest.mark.parametrize("level", ["info", "error"])
def test_one_that_cannot_be_sent_is_kept(
    level: str, how: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the disk, from where a later process sends it, whatever went wrong."""
    monkeypatch.setattr(by_hand, "PATIENCE", by_hand.RETURN + 0.2)
    wrong: Any = Mark(how)
    told = RecordingNotifier()
    outcome = by_hand.send(By(lambda: told, "sft", mark=wrong), "halfway", "", level, 60)
    assert outcome.status == ("spooled" if level == "error" else "queued")
    assert titles(told) == []
    assert ["halfway" in letter.text for spool in Spool.of(told) for letter in spool.letters()] == [True]


@pytest.mark.parametrize("how", [lambda: 1 / 0, lambda: time.sleep(60)], ids=["raises", "hangs"])
def test_one_that_is_lost_is_in_the_log(
    how: Callable[[], object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it cannot be kept either. The next of its title is tried again."""
    monkeypatch.setattr(by_hand, "PATIENCE", by_hand.RETURN + 0.2)
    monkeypatch.setattr(Spool, "keep", lambda *_: 1 / 0)
    wrong: Any = Mark(how)
    told = RecordingNotifier()
    by = By(lambda: told, "sft", mark=wrong)
    assert by_hand.send(by, "halfway", "", "error", 60).status == "unknown"
    assert "alert not sent for 'halfway'" in caplog.text
    assert by_hand.send(by._replace(mark=None), "halfway", "", "error", 60).status == "sent"


SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"


@pytest.mark.parametrize("breaks", ["prepare", "send"])
def test_the_log_shows_no_secret_of_a_title(
    breaks: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor megabytes of it, nor a second line."""
    monkeypatch.setattr(Spool, "keep", lambda *_: 1 / 0)
    by = By(fail if breaks == "prepare" else lambda: fail, "sft")  # type: ignore[arg-type]
    assert by_hand.send(by, f"no login\nby {SECRET} {'x' * 10_000}", "", "error", 60).status == "failed"
    [line] = [record.getMessage() for record in caplog.records if "alert not sent for" in record.getMessage()]
    assert line.startswith("alert not sent for 'no login by ")
    assert SECRET[8:] not in caplog.text
    assert len(line) < 500


def test_a_description_that_hangs_is_asked_for_once() -> None:
    """Not again by each alert, of which most are duplicates. Another notifier is asked for its own."""
    asked = []

    class Hangs(RecordingNotifier):
        def to_dict(self) -> dict[str, Any]:
            asked.append(self)
            time.sleep(60)
            return {}

    told, other = Hangs(), RecordingNotifier()
    assert alert("a", level="error", notifier=told).status == "sent"
    assert background.flush(30)
    asked.clear()
    assert [alert("a", level=level, notifier=told).status for level in ("error", "info")] == ["duplicate"] * 2
    assert asked == []
    assert alert("a", level="error", notifier=other).status == "sent"
    by_hand._channels.clear()


def test_a_notifier_that_is_gone_is_not_held() -> None:
    """Nor taken for another that has its place in memory."""
    alert("a", level="error", notifier=(told := RecordingNotifier()))
    gone = weakref.ref(told)
    del told
    background.flush(30)
    gc.collect()
    assert gone() is None


def test_facts_that_hang_keep_nothing_back() -> None:
    """It goes out without them."""
    told = RecordingNotifier()
    by = By(lambda: told, "sft", facts=lambda: time.sleep(60) or [])
    assert by_hand.send(by, "halfway", "", "error", 60).status == "sent"


def test_another_notifier_of_the_same_chat_is_the_same(ding: DingNotifier) -> None:
    """Though each is made for its call, and gone after it."""
    same = [Notifier.from_dict(ding.to_dict()) for _ in range(2)]
    first, second = [alert("halfway", level="error", notifier=one) for one in same]
    assert (first.status, second.status) == ("sent", "duplicate")
    assert second.reason == "this process has sent the same title within 60 s"  # so no store is asked


def test_switched_off_it_says_no_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """As it is meant."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", "off")
    caplog.set_level(logging.INFO)
    assert alert("halfway").status == "skipped"
    assert "alerts are switched off" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"title": ""}, "title is ''"),
        ({"title": " \n"}, "title is"),
        ({"title": 5}, "title is 5"),
        ({"title": None}, "title is None"),
        ({"text": 5}, "text is 5"),
        ({"level": "loud"}, "level is 'loud': give one of info, success, warning, error"),
        ({"level": object()}, "level is a object"),
        ({"wait_duration": -1}, "wait_duration is -1"),
        ({"wait_duration": math.nan}, "wait_duration is nan"),
        ({"wait_duration": "60"}, "wait_duration is '60'"),
        ({"wait_duration": True}, "wait_duration is True"),
        ({"wait_duration": timedelta(seconds=-1)}, "wait_duration is a timedelta"),
    ],
)
def test_wrong_arguments_are_errors(arguments: dict[str, Any], part: str) -> None:
    """Each says what to give."""
    told = RecordingNotifier()
    with pytest.raises(ArgumentError, match=part.replace("'", ".")):
        alert(**{"title": "halfway", "notifier": told, **arguments})
    with pytest.raises(ArgumentError):
        TrainingRun(told).alert(**{"title": "halfway", **arguments})
    assert titles(told) == []


def fail(message: str) -> None:
    raise RuntimeError("https://host/SEC0123456789abcdef")


@pytest.mark.parametrize(
    "notifier", [fail, 5, "https://host", lambda message: 1 / 0], ids=["raises", "5", "text", "bad"]
)
@pytest.mark.parametrize("level", ["info", "error"])
def test_it_raises_nothing(notifier: Any, level: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the notifier is, or does. The log shows nothing of its secrets."""
    alert("halfway", level=level, notifier=notifier)
    assert background.flush(30)
    assert "SEC0123" not in caplog.text


def test_without_a_notifier_it_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    """And sends nothing."""
    statuses = [alert(f"halfway {number}").status for number in range(3)]
    assert statuses == ["skipped"] * 3
    assert [
        record.getMessage().partition(":")[0] for record in caplog.records if record.levelno >= logging.WARNING
    ] == ["no alert will be sent for this run"]


def test_the_notifier_that_is_set_up(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", f"{inbox.url}&secret=SEC0123456789abcdef")
    assert alert("halfway", level="error").status == "sent"
    assert [message.title for message in inbox.messages] == ["sft: halfway"]


def test_what_it_is_given_is_harmless(hostile: str, harm: Callable[[str], list[str]]) -> None:
    """Short, without live marks and escapes; its lines stay lines, of which none is a heading."""
    alert(hostile, hostile, notifier=(told := RecordingNotifier()))
    [title] = titles(told)
    assert [found for found in harm(title) if found != "://" and not found.startswith("www")] == []
    assert len(title) < 150
    assert len(told.messages[0]) < 3_000
    assert [line for line in told.messages[0].splitlines()[1:] if line.startswith(("#", "```", ">"))] == []


def test_secrets_are_masked() -> None:
    """Where somebody puts the environment into it."""
    secret = "password=hunter2-hunter2"
    alert(f"env {secret}", f"it was\n{secret}", notifier=(told := RecordingNotifier()))
    assert titles(told)
    assert "hunter2" not in told.messages[0]


def test_many_titles_are_remembered_up_to_a_bound() -> None:
    """And none waits for another."""
    for number in range(2_000):
        alert(f"step {number}", notifier=None)
        by_hand._is_due(("", str(number), ""), 60)
    assert len(by_hand._last) == 1_000


def test_at_the_end_of_a_process_it_is_still_sent(inbox: Inbox, tmp_path: Any) -> None:
    """Though it was in the background."""
    code = (
        "import twinkle_notifier as t; t.alert('halfway', notifier=t.DingNotifier('env:DING_URL', 'env:DING_SECRET'))"
    )
    env = {**os.environ, "DING_URL": inbox.url, "DING_SECRET": "SEC0123456789abcdef"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=tmp_path, timeout=120)
    assert [message.title for message in inbox.messages] == ["sft: halfway"]


def test_ctrl_c_ends_the_wait() -> None:
    """It is the user's, as is what a handler of SIGTERM raises; the alert is sent all the same."""
    go, told = threading.Event(), list[str]()
    here = threading.main_thread().ident
    assert here is not None
    watcher = threading.Thread(target=lambda: (go.wait(60), signal.pthread_kill(here, signal.SIGINT)))
    watcher.start()

    def slow(message: str) -> None:
        go.set()
        time.sleep(2)
        told.append(message)

    with pytest.raises(KeyboardInterrupt):
        alert("out of disk", level="error", notifier=slow)
    watcher.join()
    deadline = time.monotonic() + 60
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(told) == 1
