"""The background: its order, its bounds, and the end of a process."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import Background

DING = """
import atexit, os, sys, threading, time
import twinkle_notifier as t
from twinkle_notifier.isolation.background import background
class Hanging(t.Notifier):
    def __call__(self, message): time.sleep(60)
def run(**options): return t.TrainingRun(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", **options)
"""


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """What hangs on it goes on after the test."""
    event = threading.Event()
    yield event
    event.set()


def test_the_background_keeps_the_order() -> None:
    """And is done when `flush` says so."""
    background, done = Background(), []
    for number in range(50):
        background.post(lambda number=number: done.append(number))
    assert background.flush(30)
    assert done == list(range(50))


def test_nobody_waits_for_the_background(hang: threading.Event) -> None:
    """`post` returns while the work goes on; `flush` gives it up after its time, with a log line."""
    background, began = Background(), time.monotonic()
    background.post(lambda: hang.wait(60))
    posted = time.monotonic() - began
    assert not background.flush(0.2)
    assert posted < 30
    assert time.monotonic() - began < 30


def test_flush_tells_what_is_lost(hang: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    """By their number."""
    background = Background()
    for _ in range(3):
        background.post(lambda: hang.wait(60))
    background.flush(0.1)
    assert "3 message(s)" in caplog.text


def test_what_is_lost_at_the_end_is_put_aside(hang: threading.Event) -> None:
    """What is being done, and what waits for it; not what is due later."""
    background, aside = Background(), []
    background.post(lambda: hang.wait(60), lambda: aside.append("being done"))
    background.post(lambda: None, lambda: aside.append("waiting"))
    background.post(lambda: None, lambda: aside.append("later"), after=60)
    assert not background.flush(0.2)
    assert aside == ["being done", "waiting"]


def test_work_may_be_due_later() -> None:
    """It holds up nothing that is due before."""
    background, done = Background(), []
    background.post(lambda: done.append("later"), after=0.3)
    background.post(lambda: done.append("now"))
    assert background.flush(30)
    assert done == ["now"]
    deadline = time.monotonic() + 30
    while len(done) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == ["now", "later"]


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "twinkle-notifier-background"]


def ended(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(10)
    return not any(thread.is_alive() for thread in threads)


def test_its_thread_ends_when_nothing_waits() -> None:
    """And the next piece of work starts another: none is lost, however quickly they come."""
    background, done = Background(), []
    before = workers()
    for number in range(99):  # more could be put aside
        background.post(lambda number=number: done.append(number))
        if number % 3 == 0:
            time.sleep(0.0005)  # the thread is about to end
    assert background.flush(30)
    assert done == list(range(99))
    assert ended([thread for thread in workers() if thread not in before])


def test_its_thread_waits_for_what_is_due_later() -> None:
    """Then it ends."""
    background, done = Background(), threading.Event()
    before = workers()
    background.post(done.set, after=0.3)
    background.post(lambda: None)
    assert background.flush(30)
    mine = [thread for thread in workers() if thread not in before]
    assert done.wait(30)
    assert ended(mine)


def test_its_thread_can_be_stopped() -> None:
    """What is due is done; what is due later, such as another try of what lies on the disk, is forgotten."""
    background, done = Background(), []
    before = workers()
    background.post(lambda: time.sleep(0.2))
    background.post(lambda: background.post(lambda: done.append("another try"), after=600))
    background.post(lambda: done.append("due"))
    background.post(lambda: done.append("later"), after=600)
    [thread] = [thread for thread in workers() if thread not in before]
    thread.stop()  # type: ignore[attr-defined]
    assert not thread.is_alive()
    background.post(lambda: done.append("next"))
    assert background.flush(30)
    assert done == ["due", "next"]


def test_flush_of_nothing_returns_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Without a thread or a log line."""
    assert Background().flush(0.0)
    assert caplog.text == ""


def test_a_full_queue_puts_the_oldest_aside(hang: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    """100 may wait; one more costs the oldest, which is put aside and counted, and the others are done."""
    background, done, began = Background(), [], threading.Event()
    background.post(lambda: began.set() or hang.wait(60))
    assert began.wait(30)
    aside: list[int] = []
    for number in range(102):
        background.post(lambda number=number: done.append(number), lambda number=number: aside.append(number))
    hang.set()
    assert background.flush(30)
    assert (aside, done, background.dropped) == ([0, 1], list(range(2, 102)), 2)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]  # the second is only counted


def test_without_a_thread_it_is_done_now(start: Any) -> None:
    """In a process that has no memory for another thread's stack."""
    script = """
    import resource, threading
    from twinkle_notifier.isolation.background import Background
    threading.stack_size(1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
    background = Background()
    for _ in range(2):
        background.post(lambda: print(threading.current_thread() is threading.main_thread()))
    print(background.flush(0))
    """
    assert start(script).result().stdout.split() == ["True"] * 3


# The end of a process


def ends(start: Any, source: str, inbox: Inbox, count: int) -> None:
    """What `source` ends with is there when its process is gone."""
    done = start(DING + source).result()
    assert len(inbox.messages) == count, done.stderr


@pytest.mark.parametrize(
    "end", ["", "sys.exit(3)", "raise ValueError", "threading.Thread(target=time.sleep, args=(0.3,)).start()"]
)
def test_a_message_is_there_though_the_process_ends_at_once(end: str, start: Any, inbox: Inbox) -> None:
    """However it ends."""
    ends(start, f"run().ended()\n{end}", inbox, 1)


def test_the_end_of_a_process_waits_no_longer_than_for_its_message(start: Any, inbox: Inbox) -> None:
    """A message that is out is neither waited for nor kept, to be reported again by the next process."""
    for messages in (1, 2):
        done = start(DING + "r = run(); r.started(); r.ended()").result()
        assert (done.stderr, inbox.requests) == ("", messages)


def test_an_end_in_an_atexit_handler_is_told(start: Any, inbox: Inbox) -> None:
    """Though no thread may start, or go on, by then."""
    ends(start, "atexit.register(lambda: run().ended())", inbox, 1)


def test_a_second_message_in_an_atexit_handler_is_told(start: Any, inbox: Inbox) -> None:
    """Though the background was waited for already."""
    ends(start, "atexit.register(lambda: run().ended())\nrun(on_start=True).started()", inbox, 2)


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_children_of_multiprocessing_tell(method: str, start: Any, inbox: Inbox) -> None:
    """Python runs no atexit handlers in them."""
    source = f"""
import multiprocessing
def work(): run().ended()
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    run(on_start=True).started()
    background.flush(30)
    children = [context.Process(target=work) for _ in range(2)]
    [child.start() for child in children]
    [child.join() for child in children]
    sys.exit(any(child.exitcode for child in children))
"""
    ends(start, source, inbox, 3)


def test_a_forked_child_has_a_background_of_its_own(start: Any, inbox: Inbox) -> None:
    """What hangs in its parent does not hold it up, is not done twice, and is not waited for."""
    source = """
background.post(lambda: time.sleep(60))
background.post(lambda: os.write(1, b"parent"))
if os.fork() == 0:
    run().ended()
    print(background.flush(30), flush=True)
    os._exit(0)
os.wait()
os._exit(0)
"""
    done = start(DING + source).result()
    assert done.stdout == "True\n"
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    "made", ["run(on_start=True)", "t.TrainingRun(lambda _: None)"], ids=["DingTalk", "a function"]
)
def test_a_child_forked_meanwhile_can_import_what_a_notifier_does(made: str, start: Any) -> None:
    """A DataLoader's workers are forked when the training has just begun; a lock of ours must not hang them."""
    source = f"""
import signal
{made}.started()
children = []
for _ in range(16):
    if (child := os.fork()) == 0:
        signal.alarm(10)
        import requests
        os._exit(0)
    children.append(child)
    time.sleep(0.005)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""
    assert start(DING + source).result().stdout == f"{[0] * 16}\n"


def test_a_forked_child_waits_for_nothing_of_its_parent(start: Any) -> None:
    """It has posted nothing, and so there is nothing to lose."""
    source = """
background.post(lambda: time.sleep(60))
if os.fork() == 0:
    print(background.flush(0.2), flush=True)
    os._exit(0)
os.wait()
os._exit(0)
"""
    assert start(DING + source).result().stdout == "True\n"


def test_a_hanging_notifier_holds_the_end_up_shortly(start: Any) -> None:
    """2 s are promised; it hangs for 60, and a log line says that the message was not delivered."""
    started = start(DING + "t.TrainingRun(Hanging()).ended()\nprint('end', flush=True)")
    assert started.process.stdout.readline() == "end\n"
    began = time.monotonic()
    done = started.result()
    assert time.monotonic() - began < 15
    assert done.returncode == 0
    # Two waits of 2 s end at one time: that of the end, or that of the send.
    assert re.search(r"1 message\(s\)|Hanging gave no answer within 2 s; it is kept", done.stderr)


def test_a_failing_work_stops_nothing_after_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs a log line."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    background, done = Background(), []
    background.post(lambda: sys.exit(3))
    background.flush(30)
    background.post(lambda: done.append("second"))
    assert background.flush(2)
    assert done == ["second"]
    assert "work in the background failed: SystemExit" in caplog.text


def test_what_hangs_at_the_end_hangs_once(hang: threading.Event) -> None:
    """On a dead disk, putting many pieces aside has one bound for all."""
    background, began = Background(), time.monotonic()
    for _ in range(8):
        background.post(lambda: hang.wait(60), lambda: hang.wait(60))
    assert not background.flush(0.1)
    assert time.monotonic() - began < 12


ENDING = """
import threading, time
from twinkle_notifier.isolation.background import at_exit, background

done = threading.Event()

def other():
    while not at_exit():
        time.sleep(0.01)
    background.post(lambda: print("posted", flush=True))
    done.set()

threading.Thread(target=other, daemon=True).start()
background.post(lambda: print("waited", done.wait(1.5), flush=True))
"""


def test_at_the_end_a_thread_does_not_wait_for_what_waits_for_it(run: Callable[..., Any]) -> None:
    """As the alert of a stall and its resume do; what the thread posts is done all the same."""
    assert run(ENDING).stdout == "waited True\nposted\n"
