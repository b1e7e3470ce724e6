"""Real signals that arrive while a message is on its way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from twinkle_notifier.isolation.signals import deferred


@pytest.fixture
def order() -> Iterator[list[str]]:
    """What happened, with handlers of the user's that note each signal."""
    seen: list[str] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda n, _: seen.append(signal.Signals(n).name)) for number in numbers]
    yield seen
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def me(number: int) -> None:
    os.kill(os.getpid(), number)


def test_signals_take_effect_after_the_block(order: list[str]) -> None:
    """Each once, by the user's own handler, in the order that they came."""
    with deferred():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            me(number)
        order.append("sent")
    assert order == ["sent", "SIGTERM", "SIGINT"]


def test_without_a_signal_nothing_changes(order: list[str]) -> None:
    """The handlers are those from before, though the block raised."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with suppress(KeyError), deferred():
        assert signal.getsignal(signal.SIGTERM) not in before
        raise KeyError
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert order == []


def test_only_ctrl_c_interrupts(order: list[str]) -> None:
    """A launcher's SIGTERM does not end the waiting."""
    with deferred() as pending:
        me(signal.SIGTERM)
        assert not pending.interrupted()
        me(signal.SIGINT)
        assert pending.interrupted()
    assert len(order) == 2


def test_what_is_ignored_stays_ignored(order: list[str]) -> None:
    """As under nohup."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred() as pending:
        me(signal.SIGINT)
    assert pending.signals == []


def test_blocks_within_one_another_deliver_once(order: list[str]) -> None:
    """After the outer one."""
    with deferred():
        with deferred():
            me(signal.SIGTERM)
        order.append("inner")
    assert order == ["inner", "SIGTERM"]


def test_another_thread_defers_nothing(order: list[str]) -> None:
    """Python allows it no handlers; the main thread's act."""
    before = signal.getsignal(signal.SIGTERM)
    handlers: list[object] = []

    def work() -> None:
        with deferred():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("SIGTERM", lambda done: done.returncode == -signal.SIGTERM),
        ("SIGINT", lambda done: "KeyboardInterrupt" in done.stderr),
    ],
)
def test_a_process_without_handlers_ends_after_the_block(
    name: str, ends: Callable[[subprocess.CompletedProcess[str]], bool]
) -> None:
    """By the signal itself, as its launcher expects."""
    code = f"""
import os, signal, time
from twinkle_notifier.isolation.signals import deferred
signal.signal(signal.SIGINT, signal.default_int_handler)
with deferred():
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.1)
    print("sent", flush=True)
print("never")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, cwd="/")
    assert done.stdout == "sent\n"
    assert ends(done)


def test_ctrl_c_swallows_no_sigterm(start: Any) -> None:
    """Its handler raises, and so it comes last."""
    source = """
    import os, signal
    from twinkle_notifier.isolation.signals import deferred
    signal.signal(signal.SIGTERM, lambda *_: print("terminated", flush=True))
    try:
        with deferred():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    """
    assert start(source).result().stdout == "terminated\ninterrupted\n"


def test_an_alarm_gives_the_users_own_back(start: Any) -> None:
    """With the time that it still has."""
    source = """
    import signal, time
    from twinkle_notifier.isolation.signals import alarm
    signal.signal(signal.SIGALRM, lambda *_: print("mine", flush=True))
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        with alarm(0.1):
            time.sleep(60)
    except TimeoutError:
        print("ours", flush=True)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    print(50 < left < 60)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(1)
    """
    assert start(source).result().stdout == "ours\nTrue\nmine\n"
