"""`watch` in all its forms, and which of several errors are reported."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import copy
import functools
import inspect
import json
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, DingNotifier, Notifier, TrainingRun, notify_exception, watch
from twinkle_notifier.alerts import dedupe
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.testing import RecordingNotifier

SECRET = "SEC0123456789abcdef"


def fail(*_: object) -> None:
    raise ValueError("the same each time")


# Blocks


def blocks(told: Any, count: int = 1, context: str = "train", action: Callable[..., object] = fail) -> None:
    for _ in range(count):
        with contextlib.suppress(ValueError), watch(told, context, "sft"):
            action()


def test_each_training_of_a_process_is_told() -> None:
    """Each enters a block of its own; the second says that it is not the first."""
    told = RecordingNotifier()
    blocks(told, 3)
    assert [message.count("- Again: ") for message in told.messages] == [0, 1, 1]


def test_a_decorated_function_that_is_called_again_is_told_again() -> None:
    """Each call is a block, and so is one that it makes itself of the same function."""
    told = RecordingNotifier()

    @watch(told, "train", "sft")
    def train(depth: int) -> None:
        if depth:
            with contextlib.suppress(ValueError):
                train(depth - 1)
        fail()

    for depth in (0, 1):
        with contextlib.suppress(ValueError):
            train(depth)
    assert len(told.messages) == 2  # of the last two, the outer block was entered before the inner one was told


def test_a_loop_of_failing_blocks_is_no_flood() -> None:
    """It is a crash loop as one over several runs is, and the messages say how many they stand for."""
    told = RecordingNotifier()
    blocks(told, 20)
    assert len(told.messages) == 6  # the 1st, 2nd, 3rd, 5th, 9th and 17th
    assert "- Crash loop: this message stands for 8 crashes; " in told.messages[-1]


def test_a_loop_within_one_block_is_told_once() -> None:
    """And once more in the next block."""
    told = RecordingNotifier()

    def loop() -> None:
        for _ in range(5):
            try:
                fail()
            except ValueError as error:
                notify_exception(told, "step", error, "sft")

    blocks(told, 2, action=loop)
    assert len(told.messages) == 2


@pytest.mark.parametrize("arguments", [("x",), ()])
def test_one_exception_out_of_several_blocks_is_told_once(arguments: tuple[str, ...]) -> None:
    """Whatever they are called, each time that it happens, with other reports between them."""
    told = RecordingNotifier()

    def nested() -> None:
        with watch(told, "inner"), watch(told, "innermost", "other"):
            try:
                raise ValueError(*list(arguments))
            except ValueError as error:
                notify_exception(told, "by hand", error)
                raise

    blocks(told, 3, "outer", nested)
    contexts = [line for message in told.messages for line in message.splitlines() if line.startswith("- Context")]
    assert contexts == ["- Context: by hand"] * 3


def test_threads_that_fail_in_their_blocks_at_once_tell_once() -> None:
    """They had entered them before the alert was sent."""
    told, together = RecordingNotifier(), threading.Barrier(16)

    def work() -> None:
        blocks(told, 1, "work", lambda: (together.wait(20), fail()))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told.messages) == 1


def test_a_new_recorder_is_told_anew() -> None:
    """As each parametrized test has one of its own; also of what is met without a block, and of a method or a list."""
    recorders = [RecordingNotifier() for _ in range(6)]
    lists: list[list[str]] = [[] for _ in range(6)]
    for recorder, plain in zip(recorders, lists, strict=True):
        for _ in range(2):  # of which the second is an equal error in a loop
            for notifier in (recorder, plain.append):
                try:
                    fail()
                except ValueError as error:
                    notify_exception(notifier, exc=error)
    assert [len(recorder.messages) for recorder in recorders] == [1] * 6
    assert [len(plain) for plain in lists] == [1] * 6


def test_a_new_recorder_of_a_callback_is_told_anew() -> None:
    """In a loop of tests of a trainer."""
    recorders = [RecordingNotifier() for _ in range(6)]
    for recorder in recorders:
        run = TrainingRun(recorder, name="sft")
        run.started()
        try:
            fail()
        except ValueError as error:
            run.failed(error, "fit")
    assert [len(recorder.messages) for recorder in recorders] == [1] * 6


def test_one_exception_for_two_recorders_is_one() -> None:
    """Of two blocks, one within the other."""
    inner, outer = RecordingNotifier(), RecordingNotifier()
    with pytest.raises(ValueError), watch(outer), watch(inner):
        fail()
    assert (len(inner.messages), len(outer.messages)) == (1, 0)


def test_a_robot_that_is_made_anew_in_a_loop_is_not_flooded(inbox: Inbox) -> None:
    """Its chat had the alert: there, a loop of errors is a crash loop."""
    for _ in range(9):
        try:
            fail()
        except ValueError as error:
            notify_exception(DingNotifier(inbox.url, SECRET), "step", error, "sft")
    assert len(inbox.messages) == 5  # the 1st, 2nd, 3rd, 5th and 9th


def test_threads_with_robots_of_their_own_tell_once(inbox: Inbox) -> None:
    """Of an error that all meet while it is being sent."""
    together = threading.Barrier(8)

    def work() -> None:
        try:
            together.wait(20)
            fail()
        except ValueError as error:
            notify_exception(DingNotifier(inbox.url, SECRET), "work", error, "sft")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(inbox.messages) <= 3  # one that is late meets what is told already


RANKS = """
import contextlib, os, time, twinkle_notifier as t
ding, rank = t.DingNotifier("env:DING_URL", "env:DING_SECRET"), int(os.environ["RANK"])
for training in range(2):
    time.sleep(rank * 1.5 if training == 0 else (1 - rank) * 1.5)
    with contextlib.suppress(ValueError), t.watch(ding, "train", "sft"):
        raise ValueError(f"lost on rank {rank}")
"""


def test_ranks_that_enter_at_different_times_tell_once_for_each_training(start: Any, inbox: Inbox) -> None:
    """The later one enters its block after the alert was sent. Each has two, so there are two messages."""
    env = {"WORLD_SIZE": "2", "MASTER_PORT": "29533", "MASTER_ADDR": "127.0.0.1", "LOCAL_WORLD_SIZE": "2"}
    both = [start(RANKS, RANK=str(rank), LOCAL_RANK=str(rank), **env) for rank in range(2)]
    assert [one.result().returncode for one in both] == [0, 0]
    assert [message.title.partition(" on rank")[0] for message in inbox.messages] == [
        "sft failed: ValueError: lost"
    ] * 2


def test_a_restart_counts_anew(run: Any, inbox: Inbox) -> None:
    """Its blocks are numbered as those of the first start were, and are reported."""
    source = RANKS.replace('int(os.environ["RANK"])', "0")
    for _ in range(2):
        assert run(source).returncode == 0
    assert len(inbox.messages) == 3  # the fourth of a crash loop is counted into the next


# Forms


@pytest.fixture
def robot(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The one that the environment describes."""
    described = {"class": "DingNotifier", "ding_url": inbox.url, "secret": SECRET}
    monkeypatch.setenv("TWINKLE_NOTIFIER", json.dumps(described))
    return inbox


@watch
def at_the_top(number: int, *, times: int = 1) -> int:
    """Says what it does."""
    return 12 // (number - 3) * times


class Trainer:
    @watch
    def method(self, number: int) -> int:
        return at_the_top(number)

    @watch
    @staticmethod
    def static(number: int) -> int:
        return at_the_top(number)

    @staticmethod
    @watch()
    def inner_static(number: int) -> int:
        return at_the_top(number)

    @watch(context="class")
    @classmethod
    def of_class(cls, number: int) -> int:
        return at_the_top(number)


@watch
async def coroutine(number: int) -> int:
    await asyncio.sleep(0)
    return at_the_top(number)


@watch
def generator(number: int) -> Generator[int, int, int]:
    sent = yield number
    return at_the_top(sent)


def drained(number: int) -> int:
    steps = generator(7)
    assert next(steps) == 7
    try:
        steps.send(number)
    except StopIteration as stop:
        return int(stop.value)
    raise AssertionError


def wrapped_by_name(number: int) -> int:
    return at_the_top(number)


FORMS: dict[str, Callable[[int], Any]] = {
    "function": at_the_top,
    "method": Trainer().method,
    "static": Trainer.static,
    "inner static": Trainer().inner_static,
    "class": Trainer().of_class,
    "coroutine": lambda number: asyncio.run(coroutine(number)),
    "generator": drained,
    "by name": watch(wrapped_by_name),
    "partial": watch()(partial(at_the_top, times=1)),
    "called": watch(context="x")(at_the_top),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_bare_watch_runs_what_it_decorates(form: str, robot: Inbox) -> None:
    """With its arguments and its result; what leaves it is reported by the notifier that is set up."""
    assert FORMS[form](6) == 4
    assert robot.messages == []
    with pytest.raises(ZeroDivisionError):
        FORMS[form](3)
    assert len(robot.messages) == 1
    assert "ZeroDivisionError" in robot.messages[0].title


def test_a_decorated_function_stays_one() -> None:
    """For those who ask what it is, or send it to another process."""
    assert (at_the_top.__name__, at_the_top.__doc__) == ("at_the_top", "Says what it does.")
    assert str(inspect.signature(at_the_top)) == "(number: 'int', *, times: 'int' = 1) -> 'int'"
    assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)


def test_a_script_with_a_bare_watch(run: Any, inbox: Inbox) -> None:
    """As a new user writes it: it runs, fails as it would, and is reported."""
    source = """
        from twinkle_notifier import watch

        @watch
        def main(count):
            print("ran", count)
            raise ValueError("the loss is not a number")

        if __name__ == "__main__":
            main(3)
    """
    url = json.dumps({"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"})
    done = run(source, TWINKLE_NOTIFIER=url)
    assert (done.returncode, done.stdout) == (1, "ran 3\n")
    assert "ValueError: the loss is not a number" in done.stderr
    assert [message.title for message in inbox.messages] == ["train.py failed: ValueError: the loss is not a number"]


@pytest.mark.parametrize("form", [watch, watch(), watch(context="x"), watch(name="sft")])
def test_without_a_notifier_it_says_so_once_and_runs(form: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Before anything has gone wrong."""
    decorated = form(lambda number: number + 1) if form is not watch else watch(wrapped_by_name)
    assert [decorated(6) for _ in range(3)] == [decorated(6)] * 3
    assert (
        caplog.text.count("no alert will be sent for this run: give `watch` a notifier, or set TWINKLE_NOTIFIER_URL")
        == 1
    )


@pytest.mark.parametrize("text", ["sft", "https://oapi.dingtalk.com/robot/send?access_token=abcdef"])
def test_a_text_is_no_notifier(text: Any) -> None:
    """Said at once, not when the alert is due: `watch("sft")` is what one writes for a name. No URL is shown."""
    with pytest.raises(ArgumentError, match=r"the notifier of watch is a text: .*watch\(name=\.\.\.") as refused:
        watch(text)
    assert "abcdef" not in str(refused.value)


@pytest.mark.parametrize(("number", "said"), [(signal.SIGTERM, "preempted"), (signal.SIGINT, "interrupted")])
def test_a_handler_that_exits_is_no_clean_exit(number: int, said: str) -> None:
    """It saves, and exits with 0: the work did not end."""
    told = RecordingNotifier()
    before = signal.signal(number, lambda *_: sys.exit(0))
    try:
        with pytest.raises(SystemExit), watch(told, name="sft"):
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)
    assert [message.partition("\n")[0] for message in told.messages] == [f"### sft was {said}"]


def test_only_the_first_rank_has_a_notifier() -> None:
    """As people write it, `watch(is_first and notifier)`."""
    nobody: Any = False
    with pytest.raises(ValueError, match="the same"), watch(nobody, "x"):
        fail()


def test_what_is_wrong_in_the_environment_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without showing it; the exception stays the user's."""
    monkeypatch.setenv("TWINKLE_NOTIFIER", "https://example.org/hook?token=abcdef")
    with pytest.raises(ValueError, match="the same"), watch():
        fail()
    assert "no notifier from the environment: " in caplog.text
    assert "abcdef" not in caplog.text


def test_the_environment_may_be_set_within_the_block(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a file of settings that the program reads first."""
    described = {"class": "DingNotifier", "ding_url": inbox.url, "secret": SECRET}

    def work() -> None:
        monkeypatch.setenv("TWINKLE_NOTIFIER", json.dumps(described))
        fail()

    with pytest.raises(ValueError), watch():
        work()
    assert len(inbox.messages) == 1


def test_none_switches_it_off(robot: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """As for `notify_exception`, without a word."""
    with pytest.raises(ValueError), watch(None, "x"):
        fail()
    assert (robot.messages, caplog.text) == ([], "")


def test_a_function_can_be_the_notifier() -> None:
    """Alone or not, for a block or a function: a local one, a lambda, one that another function gives."""
    told: list[str] = []

    def local(message: str) -> None:
        told.append(message)

    def given() -> Callable[[str], None]:
        def inner(message: str) -> None:
            told.append(message)

        return inner

    notifiers: list[Callable[[str], object]] = [local, lambda message: told.append(message), given(), told.append]
    for notifier in notifiers:
        alone: Any = watch(notifier)
        with contextlib.suppress(ValueError), alone:
            fail()

        @alone
        def failing(_: int) -> None:
            fail()

        with contextlib.suppress(ValueError):
            failing(3)
        with contextlib.suppress(ValueError):
            watch(notifier, "x")(fail)()
    assert len(told) == 8 + 4


class Model:
    """It can be called, as every module of torch can, and describes nothing."""

    def __call__(self, number: int) -> int:
        return 12 // (number - 3)


def trains(model: Callable[[int], int], number: int = 6) -> int:
    return model(number)


def bare(function: Callable[..., object]) -> Callable[..., Any]:
    """A decorator without `functools.wraps`."""
    return lambda *arguments: function(*arguments)


@watch
@functools.lru_cache
def cached(number: int) -> int:
    return at_the_top(number)


@watch
@bare
def replaced(number: int) -> int:
    return at_the_top(number)


class OfDecorated:
    @watch
    @bare
    def method(self, number: int) -> int:
        return at_the_top(number)

    @watch
    @functools.lru_cache  # noqa: B019
    def cached(self, number: int) -> int:
        return at_the_top(number)


ALONE: dict[str, Callable[[int], Any]] = {
    "cached": cached,
    "replaced": replaced,
    "method": OfDecorated().method,
    "cached method": OfDecorated().cached,
    "partial": lambda number: watch(partial(trains, Model()))(number),
    "bound method": watch(Trainer().method),
    "object": watch(Model()),
    "of a function": lambda number: watch(trains)(lambda _: at_the_top(number)),
    "of an object": lambda number: watch(trains)(Model(), number),
}


@pytest.mark.parametrize("form", ALONE)
def test_what_is_passed_alone_runs_when_it_is_called(form: str, robot: Inbox) -> None:
    """Whatever it is, and whatever it is called with; the notifier that is set up reports what leaves it."""
    assert ALONE[form](6) == 4
    with pytest.raises(ZeroDivisionError):
        ALONE[form](3)
    assert len(robot.messages) == 1


def test_a_function_runs_that_gets_nothing_but_a_model(robot: Inbox) -> None:
    """It is not taken for the notifier of what is given to it."""
    assert watch(trains)(Model()) == 4
    assert watch(trains)(Model().__call__) == 4


def test_notifiers_that_a_loop_defines_are_notifiers() -> None:
    """Though each has the code of a function of this very place."""
    told: list[str] = []
    senders = []
    for name in ("a", "b"):

        def send(message: str, name: str = name) -> None:
            told.append(name)

        senders.append(send)
    for sender in senders:
        with contextlib.suppress(ValueError), watch(sender):
            raise ValueError(f"of {sender.__defaults__}")
    assert told == ["a", "b"]


def test_a_notifier_alone_decorates_above_other_decorators() -> None:
    """Also where they give something else than a function."""
    told: list[str] = []

    def send(message: str) -> None:
        told.append(message)

    @watch(send)
    @functools.lru_cache
    def work(number: int) -> int:
        return at_the_top(number)

    assert work(6) == 4
    with pytest.raises(ZeroDivisionError):
        work(3)
    assert len(told) == 1


@pytest.mark.parametrize("form", [watch, watch(print, "x")])
def test_what_it_cannot_watch_is_refused_at_once(form: Any) -> None:
    """Where it is decorated, with what to do; not when it has failed."""

    async def stream() -> Any:
        yield 1

    with pytest.raises(TypeError, match=r"watch cannot decorate a class: decorate its functions"):
        form(Trainer)
    with pytest.raises(TypeError, match=r"an asynchronous generator: .*put `with watch"):
        watch(print, "x")(stream)
    with pytest.raises(TypeError, match=r"cannot decorate 5"):
        watch(print, "x")(5)  # type: ignore[type-var]


def test_a_generator_that_is_left_is_no_failure() -> None:
    """A loop that breaks closes it."""
    told = RecordingNotifier()

    @watch(told)
    def numbers() -> Iterator[int]:
        yield from range(5)

    for number in numbers():
        if number == 2:
            break
    assert told.messages == []


def test_a_notifier_whose_class_is_made_within_the_block_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed when the block began is asked for again."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", '{"class": "MadeWithin"}')
    told: list[str] = []

    @watch
    def main() -> None:
        type("MadeWithin", (Notifier,), {"__call__": lambda _, message: told.append(message)})
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        main()
    assert len(told) == 1


def test_a_notifier_that_has_no_class_to_show_replaces_no_exception() -> None:
    """As a proxy does, once what it stands for is gone."""

    class Proxy(RecordingNotifier):
        gone = False

        @property
        def __class__(self) -> Any:
            if Proxy.gone:
                raise RuntimeError("gone")
            return Proxy

        @__class__.setter
        def __class__(self, kind: type) -> None: ...

    @watch(Proxy(), "x")
    def main() -> None:
        Proxy.gone = True
        raise ValueError("user")

    with pytest.raises(ValueError, match="user"):
        main()


@pytest.mark.parametrize("kind", ["function", "object"])
def test_a_loop_that_makes_notifiers_is_thinned_as_a_crash_loop(kind: str) -> None:
    """Whoever reads them: 12 equal errors without a block are five messages, not twelve."""
    told: list[str] = []

    def made(number: int) -> Any:
        def send(message: str) -> None:
            told.append(f"{number} {message}")

        class Sender:
            def __call__(self, message: str) -> None:
                send(message)

        return send if kind == "function" else Sender()

    kept = [made(number) for number in range(12)]
    for notifier in kept:
        try:
            fail()
        except ValueError as error:
            notify_exception(notifier, exc=error)
    assert len(told) == 5


def _cleaned_up(told: RecordingNotifier, error: Exception) -> None:
    with watch(told, "around"):
        try:
            with watch(told, "inner"):
                raise error
        except Exception:
            with watch(told, "cleanup"), watch(told, "deeper"):
                raise


def test_an_exception_that_a_block_was_entered_with_is_told_once() -> None:
    """A block for the cleanup, in an except clause, raises it once more; without arguments, too."""
    told = RecordingNotifier()
    for error in (ValueError("boom"), AssertionError()):
        with pytest.raises(type(error)):
            _cleaned_up(told, error)
    assert len(told.messages) == 2


def test_a_group_of_exceptions_that_were_told_is_told() -> None:
    """By its parts; with another among them it is news."""
    group = getattr(builtins, "ExceptionGroup", None)
    if group is None:
        pytest.skip("Python 3.11 has groups")
    told = RecordingNotifier()
    errors: list[Exception] = []
    for says in ("one", "two"):
        with contextlib.suppress(ValueError), watch(told, says):
            errors.append(ValueError(says))
            raise errors[-1]
    with contextlib.suppress(Exception), watch(told, "group"):
        raise group("several", errors)
    assert len(told.messages) == 2
    with contextlib.suppress(Exception), watch(told, "group"):
        raise group("several", [*errors, KeyError("three")])
    assert len(told.messages) == 3


def test_a_generator_s_block_does_not_hold_its_caller() -> None:
    """What the caller meets between two steps is its own, and steps in other threads leave nothing behind."""
    told = RecordingNotifier()

    @watch(told, "data")
    def data() -> Iterator[int]:
        yield from range(3)

    for _ in data():
        assert dedupe.innermost.get() is None
    started = data()
    next(started)
    thread = threading.Thread(target=lambda: list(started))
    thread.start()
    thread.join()
    assert dedupe.innermost.get() is None

    @watch(told, "data")
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("lost")

    for _ in range(2):  # each is a block of its own
        with contextlib.suppress(ValueError):
            list(fails())
    assert len(told.messages) == 2


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda block: pickle.loads(pickle.dumps(block))], ids=["copy", "pickle"]
)
def test_a_copy_takes_the_notifier_that_is_set_up(
    copied: Callable[[Any], Any], inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ray and submitit make one of a function and of what decorates it."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", f"{inbox.url}&secret={SECRET}")
    block = copied(watch())
    with pytest.raises(ValueError, match="the same"), block:
        fail()
    assert len(inbox.messages) == 1
