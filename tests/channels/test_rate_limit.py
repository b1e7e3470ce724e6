"""What a robot takes a minute, counted by all who write to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from twinkle_notifier import DeliveryError, DingNotifier
from twinkle_notifier.channels import rate_limit as rate_module
from twinkle_notifier.channels.rate_limit import Rate
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime import state_dir


@pytest.fixture
def rate(monkeypatch: pytest.MonkeyPatch) -> Rate:
    monkeypatch.setattr(rate_module, "_known_here", {})
    return Rate("https://robot.example/?access_token=secret-token", 3, 600.0)


def test_so_many_may_go_and_no_more(rate: Rate) -> None:
    """The next has to wait for the first one's minute to be over; robots are counted apart."""
    assert [rate.take() for _ in range(3)] == [0.0] * 3
    assert 50 < rate.take() <= 61
    assert Rate("another", 3, 600.0).take() == 0.0


def test_a_minute_later_they_may_go_again(rate: Rate, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as before."""
    monkeypatch.setattr(rate_module, "_MINUTE", 0.3)
    assert [rate.take() > 0 for _ in range(4)] == [False] * 3 + [True]
    time.sleep(0.31)
    assert [rate.take() > 0 for _ in range(4)] == [False] * 3 + [True]


def test_nobody_sends_during_a_penalty(rate: Rate) -> None:
    """Neither this process nor another."""
    rate.exceeded()
    assert 590 < rate.take() <= 600
    code = f"from twinkle_notifier.channels.rate_limit import Rate; print(Rate({rate.robot!r}, 3, 600.0).take() > 500)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/").stdout == "True\n"


def test_all_processes_count_together(rate: Rate) -> None:
    """Eight at once, of which three may send."""
    code = f"from twinkle_notifier.channels.rate_limit import Rate; print(Rate({rate.robot!r}, 3, 600.0).take() == 0)"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd="/") for _ in range(8)
    ]
    assert sorted(process.communicate(timeout=180)[0] for process in running) == ["False\n"] * 5 + ["True\n"] * 3


def test_without_a_folder_a_process_counts_on_its_own(rate: Rate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is none, or it is damaged."""

    def none(*_: object) -> Path:
        raise OSError("no folder")

    monkeypatch.setattr("twinkle_notifier.runtime.state_dir.within", none)
    assert [rate.take() > 0 for _ in range(4)] == [False] * 3 + [True]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"sent": 5, "closed_until": null}', b"x" * 500, b"[" * 9999, b"1" * 400]
)
def test_a_damaged_file_stops_nothing(content: bytes, rate: Rate) -> None:
    """It is written anew."""
    rate.take()
    [path] = Path(os.environ["TMPDIR"]).rglob("rate/*")
    path.write_bytes(content)
    assert [rate.take() > 0 for _ in range(4)] == [False] * 3 + [True]
    assert len(json.loads(path.read_bytes().splitlines()[0])["sent"]) == 3


def test_who_cannot_count_does_not_send(rate: Rate) -> None:
    """Others hold the lock all the time: rather later than into the penalty."""
    rate.take()
    [path] = Path(os.environ["TMPDIR"]).rglob("rate/*")
    with state_dir.locked(path, 0.0):
        assert rate.take() == 5.0


def test_a_clock_that_was_set_back_ends_a_penalty(rate: Rate) -> None:
    """Nobody knows how long it has lasted."""
    rate.take()
    [path] = Path(os.environ["TMPDIR"]).rglob("rate/*")
    path.write_text(json.dumps({"sent": [], "closed_until": time.time() + 86400}))
    assert rate.take() == 0.0


def test_a_clock_that_was_set_back_holds_nothing_up(rate: Rate) -> None:
    """What was sent in the future does not count, and no penalty is longer than it can be."""
    rate.take()
    [path] = Path(os.environ["TMPDIR"]).rglob("rate/*")
    path.write_text(json.dumps({"sent": [time.time() + 9999] * 3, "closed_until": 0.0}))
    assert rate.take() == 0.0


def test_holds_no_secret(rate: Rate) -> None:
    """Only a hash names the robot."""
    rate.take()
    for path in Path(os.environ["TMPDIR"]).rglob("*"):
        assert "secret-token" not in str(path)
        assert path.is_dir() or b"secret-token" not in path.read_bytes()


def test_a_burst_of_threads_runs_into_no_penalty(ding: DingNotifier, inbox: Inbox) -> None:
    """64 at once: what the robot takes is accepted, and each other caller gets an error that says so."""
    fates: list[str] = []

    def send(number: int) -> None:
        try:
            ding(f"### message {number}")
            fates.append("sent")
        except DeliveryError as error:
            fates.append(error.fate)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(fates) == ["sent"] * 18 + ["throttled"] * 46
    assert (len(inbox.messages), inbox.requests) == (18, 18)
