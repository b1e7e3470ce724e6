"""The contract of a notifier, its registry, and the walk of an exception."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import (
    DeliveryError,
    DingNotifier,
    Notifier,
    TrainingRun,
    UnknownNotifierError,
    notify_exception,
    watch,
)
from twinkle_notifier.claims.stores.memory import MemoryStore
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.testing import RecordingNotifier


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


# The registry


def test_subclasses_register_themselves() -> None:
    """A user's class is restored by its name."""

    class BuzzerNotifier(Notifier):
        def __init__(self, number: str, retries: int = 2) -> None:
            self.number, self.retries = number, retries

        def to_dict(self) -> dict[str, Any]:
            return {"class": "BuzzerNotifier", "number": self.number, "retries": self.retries}

    restored = Notifier.from_dict({"class": "BuzzerNotifier", "number": "110"})
    assert isinstance(restored, BuzzerNotifier)
    assert (restored.number, restored.retries) == ("110", 2)


def test_a_class_defined_again_replaces_the_first(caplog: pytest.LogCaptureFixture) -> None:
    """As when a notebook's cell is run twice; silently."""
    made = [type("TwiceNotifier", (Notifier,), {"__module__": "notebook", "n": n}) for n in (1, 2)]
    assert type(Notifier.from_dict({"class": "TwiceNotifier"})) is made[1]
    assert caplog.text == ""


def test_another_modules_class_replaces_it_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Both modules are named."""
    for module in ("one", "two"):
        type("SharedNotifier", (Notifier,), {"__module__": module})
    assert "SharedNotifier of two replaces that of one" in caplog.text


def test_an_unknown_class_is_named() -> None:
    """With the known ones, and what to do."""
    with pytest.raises(UnknownNotifierError, match=r"'NoNotifier'.*DingNotifier.*import the module"):
        Notifier.from_dict({"class": "NoNotifier"})


def test_an_unknown_class_imports_nothing() -> None:
    """A name that looks like a module's is a name."""
    with pytest.raises(UnknownNotifierError):
        Notifier.from_dict({"class": "antigravity.NoNotifier"})
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "DingNotifier",
        {},
        {"class": 5},
        {"class": "DingNotifier"},
        {"class": "ConsoleNotifier", "robot": "x"},
    ],
)
def test_what_is_no_notifier_is_refused(data: Any) -> None:
    """With how it should look."""
    with pytest.raises(ValueError, match="to_dict"):
        Notifier.from_dict(data)


def test_an_entry_point_is_asked(tmp_path: Any) -> None:
    """An installed package's notifier is found without importing the package first."""
    (tmp_path / "their_package.py").write_text(
        "from twinkle_notifier import Notifier\nclass TheirNotifier(Notifier): pass"
    )
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[twinkle_notifier.notifiers]\nTheirNotifier = their_package:TheirNotifier\n"
    )
    code = "from twinkle_notifier import Notifier; print(type(Notifier.from_dict({'class': 'TheirNotifier'})))"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == "<class 'their_package.TheirNotifier'>", done.stderr


# notify_exception


def test_tells_all_that_is_promised() -> None:
    """Type, message, traceback with its cause, host, PID, Python, time with zone, run, context."""
    told = RecordingNotifier()
    try:
        try:
            raise KeyError("the cause")
        except KeyError as cause:
            raise ValueError("the error") from cause
    except ValueError as error:
        outcome = notify_exception(told, context="forward_backward", exc=error, name="sft_train")
    assert outcome.status == "sent"
    [message] = told.messages
    expected = [
        "### sft_train failed: ValueError: the error\n",
        "- Run: sft_train\n",
        "- Context: forward_backward\n",
        "- At: test_api.py:",
        'in test_tells_all_that_is_promised: `raise ValueError("the error") from cause`\n',
        f"- Host: {socket.gethostname()}, PID {os.getpid()}, Python {sys.version.split()[0]}\n",
        f"- Time: {time.strftime('%Y-%m-%d')}",
        time.strftime("%z"),
        "KeyError: 'the cause'",
        "The above exception was the direct cause",
        "ValueError: the error",
    ]
    assert [text for text in expected if text not in message] == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_tells_the_members_of_a_group() -> None:
    """Each with its own text."""
    told = RecordingNotifier()
    group = raised(ExceptionGroup("two", [ValueError("first"), KeyError("second")]))  # noqa: F821
    notify_exception(told, exc=group)
    assert "ValueError: first" in told.messages[0]
    assert "KeyError: 'second'" in told.messages[0]


def test_without_a_notifier_nothing_happens() -> None:
    """None is a way to switch it off."""
    assert notify_exception(None, context="x", exc=ValueError(), name="y").status == "skipped"


@pytest.mark.parametrize("arguments", [("with arguments",), ()])
def test_the_same_exception_is_told_once_however_it_travels(arguments: tuple[str, ...]) -> None:
    """Through nested handlers with other contexts and names."""
    told = RecordingNotifier()
    with pytest.raises(ValueError), watch(told, "outer"), watch(told, "inner", name="other"):
        raise ValueError(*arguments)
    assert len(told.messages) == 1


def test_an_equal_exception_in_a_loop_is_told_once() -> None:
    """A loop that goes on after each error does not flood."""
    told = RecordingNotifier()
    for _ in range(5):
        notify_exception(told, context="step", exc=raised(ValueError("again")))
    assert len(told.messages) == 1


def test_different_exceptions_are_each_told() -> None:
    """Raised at other places, or of another type."""
    told = RecordingNotifier()
    notify_exception(told, exc=raised(ValueError("x")))
    notify_exception(told, exc=raised(KeyError("x")))
    try:
        raise ValueError("x")
    except ValueError as error:
        notify_exception(told, exc=error)
    assert len(told.messages) == 3


def test_two_channels_both_tell() -> None:
    """What one has reported does not silence another."""
    told, other, error = RecordingNotifier(), DingNotifier("http://127.0.0.1:9/robot/send"), raised(ValueError("both"))
    assert notify_exception(other, exc=error).status == "spooled"
    assert notify_exception(told, exc=error).status == "sent"


def test_threads_with_one_error_tell_once() -> None:
    """Sixteen threads at once meet the same error."""
    told = RecordingNotifier()

    def fail(number: int) -> None:
        try:
            raise ValueError(f"thread {number}")
        except ValueError as error:
            notify_exception(told, context="threads", exc=error)

    threads = [threading.Thread(target=fail, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told.messages) == 1


class BadNotifier(Notifier):
    """Does `how` when called, and when described."""

    def __init__(self, how: Any) -> None:
        self.how = how

    def __call__(self, message: str) -> None:
        self.how()

    def to_dict(self) -> dict[str, Any]:
        self.how()
        return {}


def _leave() -> None:
    sys.exit(3)


def _fail() -> None:
    raise RuntimeError("https://hooks.example/secret-token")


def _refuse() -> None:
    raise DeliveryError("the robot is gone", final=True)


@pytest.mark.parametrize("how", [_leave, _fail, _refuse])
def test_a_bad_notifier_costs_a_log_line(how: Any, caplog: pytest.LogCaptureFixture) -> None:
    """And shows no secret that its error holds; the message is kept."""
    assert notify_exception(BadNotifier(how), exc=raised(ValueError("x"))).status == "spooled"
    assert "alert not sent for ValueError" in caplog.text
    assert "secret-token" not in caplog.text


def test_a_hanging_notifier_is_left_after_eight_seconds() -> None:
    """The budget of a send in the crash path."""
    began = time.monotonic()
    assert notify_exception(BadNotifier(lambda: time.sleep(60)), exc=raised(ValueError("x"))).status == "spooled"
    assert 8 <= time.monotonic() - began < 8 + 3 + 4  # its own to_dict hangs, too


class Mute(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_a_broken_str_is_told() -> None:
    """The type and the traceback are still there."""
    told = RecordingNotifier()
    assert notify_exception(told, exc=raised(Mute())).status == "sent"
    assert "Mute" in told.messages[0]
    assert "its __str__ raised RuntimeError" in told.messages[0]


@pytest.mark.parametrize("odd", [5, ["x"], Path("a/b")])
def test_odd_names_and_contexts_are_told_all_the_same(odd: Any) -> None:
    """As their texts."""
    told = RecordingNotifier()
    assert notify_exception(told, context=odd, exc=raised(ValueError("x")), name=odd).status == "sent"
    assert str(odd) in told.messages[0]


class Gone(ValueError):
    def __str__(self) -> str:
        raise SystemExit(3)


def test_an_exit_in_str_is_no_exit() -> None:
    """Nor the end of the message."""
    told = RecordingNotifier()
    assert notify_exception(told, exc=raised(Gone())).status == "sent"


class Odd(ValueError):
    """Cannot be looked at."""

    @property
    def exceptions(self) -> object:
        raise KeyError("x")


class Endless(ValueError):
    def __getattr__(self, name: str) -> Any:
        return getattr(self, name + "_")


@pytest.mark.parametrize("kind", [Odd, Endless])
def test_what_cannot_be_looked_at_is_told(kind: type[Exception]) -> None:
    """At least by its type."""
    told = RecordingNotifier()
    assert notify_exception(told, exc=raised(kind("x"))).status == "sent"
    assert kind.__qualname__ in told.messages[0]


class BadText:
    def __str__(self) -> str:
        raise KeyError("x")


def test_a_name_without_a_text_never_raises() -> None:
    """The user's exception must not be replaced by it, nor its message be lost."""
    outcome = notify_exception(RecordingNotifier(), BadText(), raised(ValueError("x")), BadText())  # type: ignore[arg-type]
    assert outcome.status == "sent"


@pytest.mark.parametrize("function", ["Past.load", "_room"])
def test_a_dead_folder_of_the_past_costs_no_message(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a mount whose server is gone."""
    monkeypatch.setattr(f"twinkle_notifier.alerts.crash_loop.{function}", lambda *_: time.sleep(60))
    told, began = RecordingNotifier(), time.monotonic()
    assert notify_exception(told, exc=raised(ValueError("x"))).status == "sent"
    assert len(told.messages) == 1
    assert time.monotonic() - began < 20


class Calls:
    """Counts what a store is asked."""

    def __init__(self) -> None:
        self.store, self.asked = MemoryStore(), Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self.store, name)


def test_a_single_process_waits_for_nobody() -> None:
    """It does not ask who else has met the error."""
    store = Calls()
    assert notify_exception(RecordingNotifier(), exc=raised(ValueError("x")), store=store).status == "sent"
    assert store.asked["append"] == 2
    assert store.asked["members"] == 0


def helpers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "twinkle-notifier-helper"}


def test_no_helper_thread_waits_for_a_garbage_collection() -> None:
    """The error of a failed connection refers to itself, so the frames of the call live until a collection."""

    refused = DingNotifier("http://127.0.0.1:9/robot/send?access_token=x")
    before = helpers()
    gc.disable()
    try:
        outcome = notify_exception(refused, exc=raised(ValueError("x")), store=MemoryStore())
        assert outcome.status == "spooled"
        for thread in helpers() - before:
            thread.join(10)
        assert helpers() - before == set()
    finally:
        gc.enable()


def test_a_failed_message_is_tried_by_the_next_handler() -> None:
    """Further out, where the network may be back."""
    told, error = RecordingNotifier(), raised(ValueError("x"))

    class Flaky(Notifier):
        tries = 0

        def __call__(self, message: str) -> None:
            Flaky.tries += 1
            if Flaky.tries == 1:
                raise DeliveryError("no network")
            told(message)

    assert [notify_exception(Flaky(), exc=error).status for _ in range(3)] == ["spooled", "sent", "duplicate"]


def test_a_throttled_robot_is_asked_once(run: Any, inbox: Inbox) -> None:
    """Not by each of its ranks."""
    inbox.script(*[{"errcode": 130101, "errmsg": "send too fast"}] * 10)
    run(RAISE, ranks=2)
    assert (len(inbox.messages), inbox.requests) == (0, 1)


def test_a_module_named_ray_is_not_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own may have any name."""
    told = RecordingNotifier()
    monkeypatch.setitem(sys.modules, "ray", types.ModuleType("ray"))
    assert notify_exception(told, exc=raised(ValueError("x"))).status == "sent"
    TrainingRun(told).started()


def test_a_line_of_a_thousand_keys_costs_no_time(ding: DingNotifier, inbox: Inbox) -> None:
    """As torch writes it when a state dict does not fit; and where and when still stand in the message."""
    keys = ", ".join(f'"_orig_mod.layers.{n}.weight"' for n in range(5000))
    began = time.monotonic()
    assert notify_exception(ding, exc=raised(RuntimeError(f"Missing key(s) in state_dict: {keys}"))).status == "sent"
    assert time.monotonic() - began < 8
    assert "- Host: " in inbox.messages[0].text
    assert "- Time: " in inbox.messages[0].text


def test_without_a_notifier_the_one_that_is_set_up_sends(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As for `watch`. Where none is, the log says how to set one up."""
    error = raised(ValueError("x"))
    assert notify_exception(context="train", exc=error).status == "skipped"
    assert (
        "no alert will be sent for this run: give `notify_exception` a notifier, or set TWINKLE_NOTIFIER_URL"
        in caplog.text
    )
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", f"{inbox.url}&secret=SEC0123456789abcdef")
    assert notify_exception(context="train", exc=error, name="sft").status == "sent"
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: x"]


def test_the_one_that_is_set_up_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has why, and that this alert is not sent. What is no failure makes none."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", "https://example.org/hook?token=abcdef")
    pruned = type("TrialPruned", (Exception,), {"__module__": "optuna.exceptions"})
    assert (notify_exception(exc=raised(pruned())).status, caplog.text) == ("skipped", "")
    outcome = notify_exception(exc=raised(ValueError("x")))
    assert (outcome.status, outcome.final) == ("failed", False)
    assert "alert not sent for ValueError: TWINKLE_NOTIFIER_URL holds neither " in caplog.text
    assert "give `notify_exception`" not in caplog.text
    assert "abcdef" not in caplog.text


def test_ctrl_c_while_the_one_that_is_set_up_is_made_replaces_no_exception(tmp_path: Path, inbox: Inbox) -> None:
    """It takes effect when the alert is out."""
    code = """
import os, signal, threading, time
from twinkle_notifier import notify_exception, settings
made = settings.set_up
def slow():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    return made()
settings.set_up = slow
try:
    raise ValueError("x")
except ValueError as error:
    try:
        print(notify_exception(exc=error, name="sft").status)
    except KeyboardInterrupt:
        print("Ctrl-C")
"""
    env = {**os.environ, "TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=180
    )
    assert done.stdout == "Ctrl-C\n", done.stderr
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: x"]


@pytest.mark.parametrize("notifier", ["https://oapi.dingtalk.com/robot/send?access_token=abcdef", 7])
def test_what_cannot_send_is_no_notifier(notifier: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The log says what to give instead, and shows no URL."""
    outcome = notify_exception(notifier, exc=raised(ValueError("x")))
    assert (outcome.status, outcome.final) == ("failed", True)
    assert "no alert is sent: the notifier of notify_exception is " in caplog.text
    assert "DingNotifier(" in caplog.text
    assert "abcdef" not in caplog.text


@pytest.mark.parametrize(
    ("notifier", "exc"),
    [(5, ValueError()), ("x", ValueError()), (RecordingNotifier(), None), (RecordingNotifier(), "text")],
)
def test_bad_arguments_never_raise(notifier: Any, exc: Any, caplog: pytest.LogCaptureFixture) -> None:
    """They are logged."""
    assert notify_exception(notifier, context="x", exc=exc).status in ("failed", "spooled")
    assert caplog.text


def test_deep_in_a_recursion_it_is_told(run: Any, inbox: Inbox) -> None:
    """Where almost no stack is left."""
    done = run(
        """
        import twinkle_notifier as t
        ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
        def dive():
            try:
                dive()
            except RecursionError as error:
                t.notify_exception(ding, exc=error)
                raise
        dive()
        """
    )
    assert "RecursionError" in done.stderr
    [message] = inbox.messages
    assert "RecursionError" in message.title
    assert len(message.text) < 20_000


def test_the_exception_is_neither_written_to_nor_kept() -> None:
    """Its frames, and the tensors in them, go when the user lets go of it."""
    error = raised(ValueError("x"))
    before = (dict(vars(error)), error.args, error.__cause__, error.__context__, sys.getrefcount(error))
    notify_exception(RecordingNotifier(), exc=error)
    deadline = time.monotonic() + 10  # on a busy machine a thread of ours may end later
    while sys.getrefcount(error) > before[-1] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (dict(vars(error)), error.args, error.__cause__, error.__context__, sys.getrefcount(error)) == before


def test_signals_wait_for_the_message() -> None:
    """SIGTERM while sending takes effect after it, by the user's own handler."""
    order: list[str] = []

    def slow() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
        order.append("sent")

    before = signal.signal(signal.SIGTERM, lambda *_: order.append("SIGTERM"))
    try:
        notify_exception(BadNotifierThatTells(slow), exc=raised(ValueError("x")))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert order == ["sent", "SIGTERM"]


class BadNotifierThatTells(Notifier):
    def __init__(self, how: Any) -> None:
        self.how = how

    def __call__(self, message: str) -> None:
        self.how()


def test_ctrl_c_ends_the_waiting() -> None:
    """And is the user's own KeyboardInterrupt after it."""
    began = time.monotonic()

    def hang() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        notify_exception(BadNotifierThatTells(hang), exc=raised(ValueError("x")))
    assert time.monotonic() - began < 5


# watch


def test_watch_decorates_functions_and_coroutines() -> None:
    """The exception goes on; a coroutine is watched while it runs."""
    told = RecordingNotifier()

    @watch(told, "function")
    def function() -> None:
        raise ValueError("function")

    @watch(told, "coroutine")
    async def coroutine() -> None:
        await asyncio.sleep(0)
        raise ValueError("coroutine")

    with pytest.raises(ValueError, match="function"):
        function()
    with pytest.raises(ValueError, match="coroutine"):
        asyncio.run(coroutine())
    assert len(told.messages) == 2


@pytest.mark.parametrize(("code", "count"), [(0, 0), (None, 0), (1, 1), ("broken", 1)])
def test_a_clean_exit_is_no_failure(code: Any, count: int) -> None:
    """sys.exit() and sys.exit(0) are silent."""
    told = RecordingNotifier()
    with pytest.raises(SystemExit), watch(told, "main"):
        sys.exit(code)
    assert len(told.messages) == count


# Over ranks


CRASH = """
import os, time, twinkle_notifier as t
ding = t.DingNotifier("env:DING_URL", os.environ["DING_SECRET"] and "env:DING_SECRET")
try:
    {action}
except Exception as e:
    outcome = t.notify_exception(ding, context="step", exc=e, name=os.environ.get("NAME", "sft"))
    print(outcome.status)
    raise
"""
RAISE = CRASH.format(action="raise ValueError('lost on rank ' + os.environ.get('RANK', '?'))")


@pytest.mark.stress
def test_three_runs_in_one_folder_tell_three_times(run: Any, inbox: Inbox) -> None:
    """One message each, with and without a launcher."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for ranks in (0, 0, 0, 2, 2, 2):
        assert run(RAISE, ranks=ranks, torchrun=(f"--master-port={port}",), NAME=f"run-{ranks}").returncode == 1
    assert len(inbox.messages) == 6


@pytest.mark.stress
def test_two_runs_at_once_tell_each(start: Any, inbox: Inbox) -> None:
    """Under different names."""
    for started in [start(RAISE, ranks=2, name=f"{name}.py", NAME=name) for name in ("one", "two")]:
        started.result()
    assert sorted(message.title.split()[0] for message in inbox.messages) == ["one", "two"]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_multiprocessing_children_tell_once(method: str, run: Any, inbox: Inbox) -> None:
    """Ranks that a script starts itself, without any launcher's variables."""
    done = run(
        f"""
        import multiprocessing, twinkle_notifier as t
        def work(rank):
            try:
                raise ValueError(f"rank {{rank}}")
            except ValueError as e:
                t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), context="work", exc=e)
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            children = [context.Process(target=work, args=(rank,)) for rank in range(4)]
            [child.start() for child in children]
            [child.join() for child in children]
        """
    )
    assert done.returncode == 0, done.stderr
    assert len(inbox.messages) == 1
