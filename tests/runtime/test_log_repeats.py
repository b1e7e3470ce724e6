"""Lines of the log that repeat."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from twinkle_notifier import notify_exception
from twinkle_notifier.isolation.background import Background
from twinkle_notifier.runtime import log_repeats

log = logging.getLogger("twinkle_notifier")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Lets time pass for the counts alone."""
    passed = [float(int(time.monotonic()))]  # whole seconds add up exactly
    fresh = log_repeats.Repeats()
    monkeypatch.setattr(log, "filters", [fresh])

    class Clock:
        monotonic = staticmethod(lambda: passed[0])

    monkeypatch.setattr("twinkle_notifier.runtime.log_repeats.time", Clock)
    yield lambda seconds: passed.__setitem__(0, passed[0] + seconds)
    fresh.forget()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "twinkle_notifier"]


def test_a_full_queue_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many messages it puts aside in a second; their number is logged at the end."""
    began, hold = threading.Event(), threading.Event()
    background = Background()
    background.post(lambda: began.set() or hold.wait(60))
    assert began.wait(30)
    aside: list[int] = []
    for number in range(760):
        background.post(lambda: None, lambda number=number: aside.append(number))
    hold.set()
    assert background.flush(30)
    log_repeats.repeats.say()
    line = "100 messages wait in the background already: the oldest is put aside"
    assert (lines(caplog), len(aside)) == ([line, f"{line} (659 more like it)"], 660)


def test_what_repeats_is_counted_and_what_differs_is_written(caplog: pytest.LogCaptureFixture, clock: Any) -> None:
    """By the text as it is written, and by the level."""
    for number in (1, 1, 2, 1, 2):
        log.warning("folder %d is gone", number)
    log.error("folder 1 is gone")
    assert lines(caplog) == ["folder 1 is gone", "folder 2 is gone", "folder 1 is gone"]


def test_counts_are_told_after_a_minute_with_the_next_line(caplog: pytest.LogCaptureFixture, clock: Any) -> None:
    """Whichever that is; and ever more seldom, as long as it goes on."""
    for _ in range(4):
        log.warning("gone")
    clock(59)
    log.warning("another")
    clock(1)
    log.warning("a third")
    assert lines(caplog) == ["gone", "another", "gone (3 more like it)", "a third"]
    caplog.clear()
    for _ in range(400):
        clock(1)
        log.warning("gone")
    assert lines(caplog) == ["gone (119 more like it)", "gone (240 more like it)"]


def test_a_line_that_is_rare_is_written_each_time(caplog: pytest.LogCaptureFixture, clock: Any) -> None:
    """A second run an hour later has its own warnings."""
    for _ in range(3):
        log.warning("nobody will be told")
        clock(61)
    assert lines(caplog) == ["nobody will be told"] * 3


def test_every_incident_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    """Two alerts that were not sent have the same line, and are two."""

    def broken(message: str) -> None:
        raise RuntimeError

    for name in ("first", "second", "second"):
        notify_exception(broken, context="step", exc=ValueError("x"), name=name)
    assert len([line for line in lines(caplog) if line.startswith("alert not sent for ValueError")]) >= 2


def test_no_line_is_lost_among_threads(caplog: pytest.LogCaptureFixture) -> None:
    """One is written, and all others are counted."""
    threads = [threading.Thread(target=lambda: [log.warning("gone") for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log_repeats.repeats.say()
    assert lines(caplog) == ["gone", "gone (1599 more like it)"]


def test_what_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str], caplog: Any) -> None:
    """As without us: the handler says that the line is broken."""

    class Hostile:
        def __str__(self) -> str:
            raise SystemExit

    with caplog.at_level(logging.ERROR + 1):  # its handler would raise
        assert log_repeats.repeats.filter(logging.LogRecord("twinkle_notifier", 30, "", 0, "%s", (Hostile(),), None))
        assert log_repeats.repeats.filter(logging.LogRecord("twinkle_notifier", 30, "", 0, "%d", ("x",), None))


def test_many_different_lines_take_bounded_room(caplog: pytest.LogCaptureFixture, clock: Any) -> None:
    """What is forgotten is logged before."""
    log.warning("gone")
    log.warning("gone")
    for number in range(2_000):
        log.warning("line %d", number)
    (counting,) = log.filters
    assert len(vars(counting)["_lines"]) <= 501
    assert [line for line in lines(caplog) if "gone" in line] == ["gone", "gone (1 more like it)"]


def test_a_process_tells_its_counts_at_its_end(run: Callable[..., Any]) -> None:
    """A forked child and a child of multiprocessing their own, each once."""
    source = """
import logging, multiprocessing, os, sys, time
import twinkle_notifier
logging.basicConfig(stream=sys.stdout, format="%(message)s")
log = logging.getLogger("twinkle_notifier")
def work(name):
    for _ in range(3):
        log.warning("gone in %s", name)
if __name__ == "__main__":
    work("parent")
    child = multiprocessing.get_context("fork").Process(target=work, args=("child",))
    child.start()
    child.join()
    log.warning("gone in parent")
"""
    done = run(source)
    assert sorted(done.stdout.splitlines()) == sorted(
        ["gone in parent", "gone in parent (3 more like it)", "gone in child", "gone in child (2 more like it)"]
    ), done.stderr


def test_a_count_is_written_though_the_level_was_raised_since(caplog: pytest.LogCaptureFixture) -> None:
    """With the place of the line that it counts."""
    logger = logging.getLogger("twinkle_notifier")
    for _ in range(3):
        logger.warning("the disk is slow")
    before = logger.level
    try:
        logger.setLevel(logging.CRITICAL)
        log_repeats.repeats.say()
    finally:
        logger.setLevel(before)
    last = caplog.records[-1]
    assert (last.getMessage(), last.filename) == ("the disk is slow (2 more like it)", "test_log_repeats.py")
