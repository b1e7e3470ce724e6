"""Calls of code that may raise, exit, hang, or find no thread."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from twinkle_notifier.isolation import Answer, Helper, call, remaining, start, tried
from twinkle_notifier.isolation import threads as ours
from twinkle_notifier.isolation.threads import Stoppable


def leave() -> None:
    sys.exit(3)


def interrupt() -> None:
    raise KeyboardInterrupt


def fail() -> None:
    raise ValueError("x")


def test_gives_the_value() -> None:
    """And nothing else."""
    assert vars(call(lambda: "value", 60)) == {"value": "value", "error": None, "returned": True}


def test_none_is_a_value() -> None:
    """It differs from no answer."""
    assert call(lambda: None, 60).returned


@pytest.mark.parametrize(("work", "kind"), [(fail, ValueError), (leave, SystemExit), (interrupt, KeyboardInterrupt)])
def test_gives_what_was_raised(work: Callable[[], None], kind: type[BaseException]) -> None:
    """Whatever it is; nothing is raised here."""
    answer = call(work, 60)
    assert type(answer.error) is kind
    assert not answer.returned


def test_what_hangs_is_left() -> None:
    """After the given time, without an answer."""
    release, began = threading.Event(), time.monotonic()
    answer = call(lambda: release.wait(60), 0.1)
    took = time.monotonic() - began
    release.set()
    assert answer.error is None
    assert 0.1 <= took < 30


def test_hurry_ends_the_waiting() -> None:
    """Though the time is not over."""
    release, began = threading.Event(), time.monotonic()
    called = threading.Event()
    call(lambda: called.set() or release.wait(60), 60, hurry=called.is_set)
    took = time.monotonic() - began
    release.set()
    assert took < 30


def test_a_deep_caller_leaves_it_a_stack() -> None:
    """A notifier works for an exception that was met near the limit of recursion."""

    def depth(levels: int) -> int:
        return depth(levels - 1) + 1 if levels else 0

    def near_the_end(left: int) -> Answer[int]:
        return near_the_end(left - 1) if left else call(lambda: depth(sys.getrecursionlimit() // 2), 60)

    used = 0
    frame = sys._getframe()
    while frame.f_back is not None:
        frame, used = frame.f_back, used + 1
    assert near_the_end(sys.getrecursionlimit() - used - 100).value == sys.getrecursionlimit() // 2


def test_without_a_thread_it_is_done_right_here() -> None:
    """In a process that has no memory for another thread's stack."""
    code = """
import resource, threading
from twinkle_notifier.isolation import call
threading.stack_size(1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
print(call(threading.current_thread, 5).value is threading.main_thread(), call(lambda: 1 / 0, 5).error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, cwd="/")
    assert done.stdout.strip() == "True division by zero", done.stderr


# Its threads


def gone(*threads: threading.Thread) -> bool:
    """Whether they end within a time in which none of them could wait for another call."""
    for thread in threads:
        thread.join(5)
    return not any(thread.is_alive() for thread in threads)


def test_a_call_leaves_no_thread() -> None:
    """Nor do the calls within it; none waits for a call that may never come."""

    def inner() -> set[threading.Thread]:
        return {call(threading.current_thread, 60).result() for _ in range(20)}

    threads = call(inner, 60).result()
    assert gone(*threads, call(threading.current_thread, 60).result())


@pytest.mark.parametrize("seconds", [60, 0.2], ids=["interrupted", "given up"])
def test_no_thread_waits_after_a_call_that_was_left(seconds: float) -> None:
    """It is left while it hangs; once it comes back it ends, and so does what it calls then."""
    go_on, began, threads = threading.Event(), threading.Event(), []

    def hang() -> None:
        threads.append(threading.current_thread())
        threads.append(call(threading.current_thread, 60).result())
        began.set()
        go_on.wait(60)
        threads.append(call(threading.current_thread, 60).result())

    def hurry() -> bool:
        if seconds == 60 and began.is_set():
            raise KeyboardInterrupt
        return False

    with contextlib.suppress(KeyboardInterrupt):
        call(hang, seconds, hurry)
    assert began.wait(60)
    assert gone(*threads[1:])
    go_on.set()
    threads[0].join(60)
    assert (len(threads), gone(*threads)) == (3, True)


ALARMS = """
import random, signal, threading, time
from twinkle_notifier.isolation import calls as foreign

class Late(Exception): ...

def ring(*_): raise Late
signal.signal(signal.SIGALRM, ring)
for seed in range(600):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, 2e-5 + seed * 1e-6)
            for _ in range(20):
                foreign.call(lambda: None, 5)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (Late, RuntimeError, KeyError):  # Python's own locks, and its list of threads, may be caught halfway, too
        pass
until = time.monotonic() + 20
while (alive := [one for one in threading.enumerate() if one.ident and one.daemon]) and time.monotonic() < until:
    time.sleep(0.05)
print(len(alive) < 60)
"""


def test_a_handler_that_raises_leaves_few_threads(run: Callable[..., Any]) -> None:
    """Each of 600 interrupts a call somewhere; only where it falls into Python's own start of a thread one may stay."""
    assert run(ALARMS).stdout == "True\n"


def test_a_thread_of_ours_can_be_stopped() -> None:
    """As Lightning's tests do with what a test leaves: what it does is waited for."""
    release, threads = threading.Event(), []
    call(lambda: threads.append(threading.current_thread()) or release.wait(60), 1)  # type: ignore[func-returns-value]
    [thread] = threads
    assert thread.daemon
    release.set()
    thread.stop()  # type: ignore[attr-defined]
    assert not thread.is_alive()


def test_a_thread_that_is_about_to_start_can_be_stopped() -> None:
    """It is among `threading.enumerate` before it is started."""
    done = threading.Event()
    thread = Stoppable(done.set)
    threading.Timer(0.2, thread.start).start()
    thread.stop()
    assert (done.is_set(), thread.is_alive()) == (True, False)


def test_a_thread_that_hangs_is_not_waited_for_by_the_next_call() -> None:
    """Nor once it is free."""
    release = threading.Event()
    call(lambda: release.wait(60), 0.05)
    assert call(lambda: "value", 60).value == "value"
    release.set()
    assert call(lambda: "value", 60).value == "value"


def test_many_threads_call_at_once() -> None:
    """Each gets the answer to its own call, within another."""
    answers: dict[int, int] = {}

    def caller(number: int) -> None:
        for _ in range(50):
            answers[number] = call(lambda: call(lambda: number, 60).result(), 60).result()

    callers = [threading.Thread(target=caller, args=(number,)) for number in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert answers == {number: number for number in range(8)}


def test_a_forked_child_has_threads_of_its_own() -> None:
    """Those of its parent are not there."""
    code = """
import os
from twinkle_notifier.isolation import call
call(lambda: 1, 5)
if not os.fork():
    os._exit(0 if call(lambda: 2, 5).value == 2 else 1)
print(os.wait()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, cwd="/")
    assert done.stdout.strip() == "0", done.stderr


def test_a_thread_keeps_nothing_of_what_it_did() -> None:
    """What a call held is free once the call is done."""

    class Thing:
        pass

    def inner() -> bool:
        thing = Thing()
        kept = weakref.ref(thing)
        call(lambda thing=thing: None, 60)
        del thing
        deadline = time.monotonic() + 30
        while kept() is not None and time.monotonic() < deadline:
            time.sleep(0.001)
        return kept() is None

    assert call(inner, 60).value


# A helper


def test_a_helper_does_all_calls_in_one_thread() -> None:
    """One after the other; what they raise is an answer."""
    helper = Helper()
    threads = {helper.call(threading.get_ident, 60).result() for _ in range(3)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert isinstance(helper.call(leave, 60).error, SystemExit)
    assert helper.call(threading.get_ident, 60).result() in threads


def test_a_call_that_hangs_does_not_hold_up_the_next() -> None:
    """It keeps its thread to itself."""
    release, helper = threading.Event(), Helper()
    assert vars(helper.call(release.wait, 0.1)) == {"value": None, "error": None, "returned": False}
    assert helper.call(lambda: "next", 60).value == "next"
    release.set()


def test_a_helper_nobody_needs_ends() -> None:
    """Its thread goes with it."""
    helper = Helper()
    thread = helper.call(threading.current_thread, 60).result()
    del helper
    thread.join(60)
    assert not thread.is_alive()


def test_a_closed_helper_has_no_thread() -> None:
    """And may be used again."""
    helper = Helper()
    thread = helper.call(threading.current_thread, 60).result()
    helper.close()
    thread.join(60)
    assert not thread.is_alive()
    assert helper.call(threading.current_thread, 60).result() is not thread
    helper.close()


# How long


def test_what_is_called_knows_how_long_it_has() -> None:
    """The innermost call counts, and no call outlives the one around it."""
    assert remaining() == math.inf
    assert 30 < call(remaining, 60).result() <= 60
    assert call(lambda: call(remaining, 60).result(), 10).result() <= 10
    assert Helper().call(remaining, 60).result() <= 60
    assert remaining() == math.inf


@pytest.mark.linux  # alarms
def test_an_alarm_ends_what_runs_right_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can start; and a user's own alarm handler is back afterwards."""

    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    handler = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    assert isinstance(call(lambda: time.sleep(60), 0.1).error, TimeoutError)
    assert time.monotonic() - began < 30
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.linux  # alarms
def test_an_alarm_within_an_alarm_leaves_the_outer_one_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the inner call took counts for the outer one, too."""

    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def twice() -> None:
        call(lambda: time.sleep(60), 2.0)
        time.sleep(60)

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    began = time.monotonic()
    assert isinstance(call(twice, 2.5).error, TimeoutError)
    assert time.monotonic() - began < 4.3


def test_a_helper_helps_at_the_interpreters_end(run: Callable[..., Any]) -> None:
    """What the background still does then asks a store."""
    source = """
import atexit
from twinkle_notifier.isolation import Helper
helper = Helper()
atexit.register(lambda: print(helper.call(lambda: "helped", 5).value))
helper.call(int, 5)
"""
    assert run(source).stdout == "helped\n"


def test_what_is_begun_goes_on_meanwhile() -> None:
    """Its answer is there for whoever waits, however often; it need not be there yet."""
    go_on = threading.Event()
    wait = start(lambda: go_on.wait(60))
    assert vars(wait(0.1)) == {"value": None, "error": None, "returned": False}
    go_on.set()
    assert vars(wait(60)) == vars(wait(60)) == {"value": True, "error": None, "returned": True}


def test_what_is_begun_may_fail() -> None:
    """As any call."""
    assert type(start(leave)(60).error) is SystemExit


def test_what_cannot_begin_is_done_when_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can start any more."""
    monkeypatch.setattr("twinkle_notifier.isolation.threads.begin", lambda _: None)
    wait = start(lambda: "value")
    assert vars(wait(60)) == vars(wait(60)) == {"value": "value", "error": None, "returned": True}


def test_what_is_tried_may_raise_anything() -> None:
    """In this very thread."""
    assert tried(threading.get_ident).value == threading.get_ident()
    assert [type(tried(what).error) for what in (leave, interrupt, fail)] == [SystemExit, KeyboardInterrupt, ValueError]


def test_a_call_while_the_interpreter_goes(run: Callable[..., Any]) -> None:
    """Threads that wait are frozen by then, and none can start."""
    source = """
import builtins, time
from twinkle_notifier.isolation import calls as foreign
foreign.call(int, 5)
class Last:
    def __del__(self, call=foreign.call, helper=foreign.Helper(), clock=time.monotonic, print=print):
        began = clock()
        print(call(lambda: "called", 30).value, helper.call(lambda: "helped", 30).value, clock() - began < 10)
builtins.last = Last()
"""
    assert run(source).stdout == "called helped True\n"


def test_a_fork_within_a_block_without_threads_may_start_some() -> None:
    """The block was another thread's, which the child has not."""
    with ours.no_new():
        child = os.fork()
        if child == 0:
            os._exit(0 if ours.may_start() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not ours.may_start()
