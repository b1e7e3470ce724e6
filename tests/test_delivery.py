"""How a message gets out: what became of a send, and the background with its end."""

from __future__ import annotations

import copy
import logging
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message, Notifier, Outcome
from twinkle_notifier.delivery import Background, send
from twinkle_notifier.inbox import Inbox

DING = """
import atexit, os, sys, threading, time
import twinkle_notifier as t
from twinkle_notifier.delivery import background
class Hanging(t.Notifier):
    def __call__(self, message): time.sleep(60)
def run(**options): return t.TrainingRun(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", **options)
"""


class Acting(Notifier):
    """Does `how` when called."""

    def __init__(self, how: Callable[[], object]) -> None:
        self.how = how

    def __call__(self, message: str) -> None:
        self.how()


def raising(error: BaseException) -> Acting:
    def fail() -> None:
        raise error

    return Acting(fail)


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """What hangs on it goes on after the test."""
    event = threading.Event()
    yield event
    event.set()


# Messages


def test_a_message_is_a_text() -> None:
    """With an id of its own."""
    message = Message("### hello", "id-1")
    assert (message, message.id, message.upper()) == ("### hello", "id-1", "### HELLO")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda message: pickle.loads(pickle.dumps(message))])
def test_a_message_is_copied_as_a_text_is(copied: Callable[[Message], Message]) -> None:
    """A notifier may hand it to another process."""
    message = copied(Message("### hello", "id-1"))
    assert (message, message.id) == ("### hello", "id-1")


# One send


def test_what_returns_has_sent() -> None:
    """Whatever it returns; a plain function does, too."""
    messages: list[str] = []
    assert send(messages.append, "hello", 60) == Outcome("sent")
    assert send(lambda _: False, "hello", 60) == Outcome("sent")
    assert messages == ["hello"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DeliveryError("gone", final=True), Outcome("failed", "gone", True)),
        (DeliveryError("too fast", fate="throttled"), Outcome("throttled", "too fast")),
        (DeliveryError("no answer", fate="unknown"), Outcome("unknown", "no answer")),
    ],
)
def test_a_delivery_error_says_what_became_of_it(error: DeliveryError, outcome: Outcome) -> None:
    """Its fate, its reason, and whether it is final."""
    assert send(raising(error), "hello", 60) == outcome


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_another_error_is_told_by_its_type_and_place(kind: type[BaseException]) -> None:
    """Not by its text, which may hold a secret."""
    outcome = send(raising(kind("https://hooks.example/secret-token")), "hello", 60)
    assert (outcome.status, outcome.final) == ("failed", False)
    assert f"Acting raised {kind.__name__} at test_delivery.py:" in outcome.reason
    assert "secret" not in outcome.reason


def test_what_is_no_notifier_has_failed() -> None:
    """As a call of it does."""
    assert "TypeError" in send(None, "hello", 60).reason  # type: ignore[arg-type]


def test_no_answer_in_time_is_unknown(hang: threading.Event) -> None:
    """The message may be there."""
    began = time.monotonic()
    assert send(Acting(lambda: hang.wait(60)), "hello", 0.1) == Outcome("unknown", "Acting gave no answer within 0.1 s")
    assert time.monotonic() - began < 30


# The background


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


def test_flush_of_nothing_returns_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Without a thread or a log line."""
    assert Background().flush(0.0)
    assert caplog.text == ""


def test_a_full_queue_drops_with_a_log_line(hang: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    """100 may wait; one more is dropped, and those are done."""
    background, done, began = Background(), [], threading.Event()
    background.post(lambda: began.set() or hang.wait(60))
    assert began.wait(30)
    for number in range(102):
        background.post(lambda number=number: done.append(number))
    hang.set()
    assert background.flush(30)
    assert done == list(range(100))
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


def test_without_a_thread_it_is_done_now(start: Any) -> None:
    """In a process that has no memory for another thread's stack."""
    script = """
    import resource, threading
    from twinkle_notifier.delivery import Background
    threading.stack_size(1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
    background = Background()
    for _ in range(2):
        background.post(lambda: print(threading.current_thread() is threading.main_thread()))
    print(background.flush(0))
    """
    assert start(script).result(60).stdout.split() == ["True"] * 3


# The end of a process


def ends(start: Any, source: str, inbox: Inbox, count: int) -> None:
    """What `source` ends with is there when its process is gone."""
    done = start(DING + source).result(60)
    assert len(inbox.messages) == count, done.stderr


@pytest.mark.parametrize(
    "end", ["", "sys.exit(3)", "raise ValueError", "threading.Thread(target=time.sleep, args=(0.3,)).start()"]
)
def test_a_message_is_there_though_the_process_ends_at_once(end: str, start: Any, inbox: Inbox) -> None:
    """However it ends."""
    ends(start, f"run().ended()\n{end}", inbox, 1)


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
    done = start(DING + source).result(60)
    assert done.stdout == "True\n"
    assert len(inbox.messages) == 1


def test_a_child_forked_meanwhile_can_import_what_a_notifier_does(start: Any) -> None:
    """A DataLoader's workers are forked when the training has just begun; a lock of ours must not hang them."""
    source = """
import signal
run(on_start=True).started()
children = []
for _ in range(8):
    if (child := os.fork()) == 0:
        signal.alarm(10)
        import requests
        os._exit(0)
    children.append(child)
    time.sleep(0.01)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""
    assert start(DING + source).result(60).stdout == f"{[0] * 8}\n"


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
    assert start(DING + source).result(60).stdout == "True\n"


def test_a_hanging_notifier_holds_the_end_up_shortly(start: Any) -> None:
    """2 s are promised; it hangs for 60, and a log line says that the message was not delivered."""
    started = start(DING + "t.TrainingRun(Hanging()).ended()\nprint('end', flush=True)")
    assert started.process.stdout.readline() == "end\n"
    began = time.monotonic()
    done = started.result(60)
    assert time.monotonic() - began < 15
    assert done.returncode == 0
    assert "1 message(s)" in done.stderr


def test_a_failing_work_stops_nothing_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs a log line at most."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    background, done = Background(), []
    background.post(lambda: sys.exit(3))
    background.flush(30)
    background.post(lambda: done.append("second"))
    assert background.flush(2)
    assert done == ["second"]
