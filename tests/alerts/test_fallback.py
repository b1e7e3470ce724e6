"""A message goes out, or is kept, whatever raises or hangs before it is sent."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from twinkle_notifier import (
    DeliveryError,
    DingNotifier,
    Notifier,
    Outcome,
    Progress,
    TrainingRun,
    notify_exception,
    watch,
)
from twinkle_notifier.claims import Watermark
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import VARIABLE, Mailbox
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.testing import RecordingNotifier


def boom(*_: object, **__: object) -> Any:
    raise RuntimeError("boom")


def hang(*_: object, **__: object) -> Any:
    time.sleep(60)


HOWS = pytest.mark.parametrize("how", [boom, hang])


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def told_twice(exc: BaseException, **about: Any) -> tuple[str, str, int, bool]:
    """What becomes of an exception that is met twice, how many messages there are, and whether they show its place."""
    told = RecordingNotifier()
    first = notify_exception(told, exc=exc, **about)
    second = notify_exception(told, exc=exc, **about)
    return first.status, second.status, len(told.messages), "in raised\n    raise error" in "".join(told.messages)


ONCE = ("sent", "duplicate", 1, True)


@pytest.fixture(autouse=True)
def _nothing_has_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hung in one test is asked again in the next."""
    monkeypatch.setattr("twinkle_notifier.isolation.safe._hung", deque(maxlen=16))


# What the process has loaded

HALF_LOADED = {
    "torch stub": ("torch.distributed", {}),
    "torch raises": ("torch.distributed", {"is_available": boom}),
    "torch hangs": ("torch.distributed", {"is_available": hang}),
    "torch without ranks": ("torch.distributed", {"is_available": lambda: True, "is_initialized": lambda: True}),
    "torch of mocks": ("torch.distributed", MagicMock()),
    "ray stub": ("ray", {"is_initialized": lambda: True}),
    "ray raises": ("ray", {"is_initialized": boom}),
    "ray without a job": ("ray", {"is_initialized": lambda: True, "get_runtime_context": boom}),
    "multiprocessing": ("multiprocessing.process", {}),
    "multiprocessing of nobody": ("multiprocessing.process", {"parent_process": boom}),
}


@pytest.mark.parametrize("case", HALF_LOADED)
def test_modules_that_are_half_loaded(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an exception that is met within the import of one; stubs and mocks of tests, too."""
    name, content = HALF_LOADED[case]
    module: Any = ModuleType(name) if isinstance(content, dict) else content
    if isinstance(content, dict):
        vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)
    assert told_twice(raised(ValueError("x"))) == ONCE


# What the caller gives


class Words:
    """Its text does `how`."""

    def __init__(self, how: Callable[..., Any]) -> None:
        self.how = how

    def __str__(self) -> str:
        return str(self.how())


@HOWS
def test_names_and_contexts_without_a_text(how: Callable[..., Any]) -> None:
    """The script's name stands in for a run's."""
    assert told_twice(raised(ValueError("x")), name=Words(how), context=Words(how)) == ONCE


class Liar(Progress):
    @property
    def metrics(self) -> Any:  # type: ignore[override]
        return {"loss": Words(boom), Words(boom): 1.0}

    def lines(self) -> list[str]:
        return boom()  # type: ignore[no-any-return]


LIAR = Liar()


@pytest.mark.parametrize(
    "about",
    [
        {"progress": MagicMock()},
        {"progress": "step 5"},
        {"progress": Progress(metrics=5, epoch="x", best_checkpoint=Path("a"))},  # type: ignore[arg-type]
        {"progress": Progress(metrics=SimpleNamespace(items=boom))},  # type: ignore[arg-type]
        {"progress": LIAR},
        {"mark": Watermark(Instant("", float("nan"), float("inf")))},
        {"mark": Watermark(5)},  # type: ignore[arg-type]
        {"mark": "yesterday"},
        {"mark": Watermark(process_start(), "x")},  # type: ignore[arg-type]
        {"earlier": [("a", float("nan")), ("b",), 5, None, ("c", "x"), (Words(boom), 1e300)]},
        {"earlier": 5},
        {"store": 5},
    ],
    ids=[
        *("progress mock", "progress text", "progress types", "progress items", "progress liar"),
        *("mark times", "mark type", "mark text", "mark count", "earlier pairs", "earlier type", "store type"),
    ],
)
def test_facts_that_cannot_be_used(about: dict[str, Any]) -> None:
    """Are left out."""
    assert told_twice(raised(ValueError("x")), **about) == ONCE


def test_a_time_that_is_none_does_not_lose_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert has what else is known of the past."""
    told, other = RecordingNotifier(), RecordingNotifier()
    incident = notify_exception(told, exc=raised(ValueError("x"))).incident
    monkeypatch.setattr("twinkle_notifier.alerts.crash_loop._last", lambda _: None)
    times = [(incident, float("nan")), (incident, time.time() - 60)]
    notify_exception(other, exc=raised(ValueError("x")), earlier=times, mark=Watermark(Instant.now()))
    assert ["Again: 2nd time" in message for message in other.messages] == [True]


class OddNotifier(RecordingNotifier):
    how: Callable[..., Any] = boom

    def __getattribute__(self, name: str) -> Any:
        if name in ("__qualname__", "to_dict", "__module__", "__class__"):
            return type.__getattribute__(type(self), "how")()
        return super().__getattribute__(name)


class HangingNotifier(OddNotifier):
    how = hang


@pytest.mark.parametrize("kind", [OddNotifier, HangingNotifier])
def test_a_notifier_that_cannot_be_described(kind: type[OddNotifier]) -> None:
    """It can send, all the same."""
    told, error = kind(), raised(ValueError("x"))
    statuses = [notify_exception(told, exc=error).status for _ in range(2)]
    assert (statuses, len(told.messages)) == (["sent", "duplicate"], 1)


# The walk itself


@pytest.mark.parametrize(
    "place",
    [
        "twinkle_notifier.alerts.event.Event.of",
        "twinkle_notifier.runtime.launcher.Where.here",
        "twinkle_notifier.alerts.pipeline.channel_of",
        "twinkle_notifier.alerts.event.Snapshot.at",
        "twinkle_notifier.alerts.pipeline._Incident._markdown",
        "twinkle_notifier.claims.with_store",
        "twinkle_notifier.claims.node_lease",
        "twinkle_notifier.claims.Claims.claim",
        "twinkle_notifier.alerts.pipeline.mailbox.report",
    ],
)
def test_a_walk_that_raises(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare message goes out, with all that can be seen of the exception, and once."""
    told, error = RecordingNotifier(), raised(ValueError("the error"))
    monkeypatch.setattr(place, boom)
    outcomes = [notify_exception(told, "forward", error, "sft").status for _ in range(2)]
    assert len(told.messages) == 1, outcomes
    assert outcomes[0] == "sent"
    expected = ["failed: ValueError: the error", "- Host: ", "PID ", "in raised\n    raise error"]
    assert [text for text in expected if text not in told.messages[0]] == []


def test_a_walk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes over from it does so once: what the walk does later sends nothing."""
    go_on = threading.Event()

    def late(_: object, __: object) -> None:
        go_on.wait(60)

    monkeypatch.setattr("twinkle_notifier.alerts.pipeline._Incident._announce", late)
    monkeypatch.setattr("twinkle_notifier.alerts.sending.WALK", 0.5)
    told, began = RecordingNotifier(), time.monotonic()
    assert notify_exception(told, "step", raised(ValueError("the error")), "sft").status == "sent"
    assert time.monotonic() - began < 20
    go_on.set()
    time.sleep(0.5)
    assert ["details are missing" in message for message in told.messages] == [True]


def test_what_another_rank_has_been_sending_for_too_long_is_kept(tmp_path: Path) -> None:
    """Nobody knows whether people have it: rather a second message later than none."""
    told = RecordingNotifier()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "twinkle_notifier.alerts.pipeline._Incident._agree_in_node",
            lambda _: Outcome("unknown", "rank 0 has been sending it for too long"),
        )
        outcome = notify_exception(told, "step", raised(ValueError("the error")), "sft")
    assert (outcome.status, told.messages) == ("spooled", [])
    [letter] = tmp_path.rglob("spool/*/*.json")
    assert "sft failed: ValueError: the error" in letter.read_text()


def test_a_send_that_does_not_come_back_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk had begun to send, and hangs: the message that it has made is on the disk."""
    go_on = threading.Event()
    monkeypatch.setattr("twinkle_notifier.alerts.api.PATIENCE", 3.0)
    monkeypatch.setattr("twinkle_notifier.delivery.sender.deliver", lambda *_: go_on.wait(60))
    outcome = notify_exception(RecordingNotifier(), "step", raised(ValueError("the error")), "sft")
    go_on.set()
    assert outcome.status == "spooled"
    [letter] = tmp_path.rglob("spool/*/*.json")
    assert "sft failed: ValueError: the error" in letter.read_text()


def test_what_fails_after_the_send_does_not_unsay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """People have the message: that is what is reported."""
    monkeypatch.setattr("twinkle_notifier.alerts.crash_loop.keep", boom)
    told, error = RecordingNotifier(), raised(ValueError("x"))
    assert notify_exception(told, exc=error).status == "sent"
    assert len(told.messages) == 1


def test_a_bare_message_that_cannot_be_sent_is_kept(ding: DingNotifier, inbox: Inbox, monkeypatch: Any) -> None:
    """And goes out with the next success."""
    monkeypatch.setattr("twinkle_notifier.alerts.event.Snapshot.at", boom)
    nobody = DingNotifier("http://127.0.0.1:9/robot/send", "SEC0123456789abcdef")
    assert notify_exception(nobody, exc=raised(ValueError("x"))).status == "spooled"


class LyingError(DeliveryError):
    def __getattribute__(self, name: str) -> Any:
        return boom() if name in ("fate", "reason", "retry_after") else super().__getattribute__(name)


class LyingNotifier(Notifier):
    def __call__(self, message: str) -> None:
        raise LyingError("x")


def test_an_error_of_delivery_that_lies() -> None:
    """The message is kept."""
    assert notify_exception(LyingNotifier(), exc=raised(ValueError("x"))).status == "spooled"


def test_a_log_handler_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the user's own, and may raise or hang."""
    log = logging.getLogger("twinkle_notifier")
    for how in (boom, hang):
        handler = logging.Handler()
        handler.emit = how  # type: ignore[method-assign]
        log.addHandler(handler)
        try:
            assert notify_exception(LyingNotifier(), exc=raised(ValueError("x"))).status in (
                "spooled",
                "failed",
                "unknown",
            )
        finally:
            log.removeHandler(handler)


# Exceptions that do not want to be looked at


def with_property(name: str, how: Callable[..., Any]) -> BaseException:
    return type("Odd", (ValueError,), {name: property(how)})("x")  # type: ignore[no-any-return]


def with_method(name: str, how: Callable[..., Any]) -> BaseException:
    return type("Odd", (ValueError,), {name: how})("x")  # type: ignore[no-any-return]


def of_a_class(name: str, how: Callable[..., Any]) -> BaseException:
    """Its metaclass does `how` when it is asked for `name`, once there is the exception."""
    armed: list[object] = []

    def get(cls: type, asked: str) -> Any:
        return how() if armed and asked == name else type.__getattribute__(cls, asked)

    def method(cls: type, *args: Any) -> Any:
        return how() if armed else getattr(type, name)(cls, *args)

    special = {} if name in ("__qualname__", "__name__", "__mro__", "__module__", "__dict__") else {name: method}
    made = type("Meta", (type,), {"__getattribute__": get, **special})("Odd", (ValueError,), {})("x")
    armed.append(True)
    return made  # type: ignore[no-any-return]


FIELDS = ("args", "__cause__", "__context__", "__traceback__", "__notes__", "__class__", "__dict__", "exceptions")
METHODS = ("__getattribute__", "__bool__", "__len__", "__eq__", "__hash__", "__repr__", "__getattr__")
OF_CLASSES = ("__qualname__", "__name__", "__mro__", "__module__", "__dict__", "__str__", "__eq__", "__hash__")


@HOWS
@pytest.mark.parametrize(
    ("make", "name"),
    [
        *((with_property, name) for name in FIELDS),
        *((with_method, name) for name in METHODS),
        *((of_a_class, name) for name in OF_CLASSES),
    ],
)
def test_exceptions_that_raise_or_hang(make: Callable[..., BaseException], name: str, how: Callable[..., Any]) -> None:
    """The alert has what Python itself keeps, with the traceback, once."""
    began = time.monotonic()
    assert told_twice(raised(make(name, how))) == ONCE
    assert time.monotonic() - began < 20


@HOWS
def test_a_cause_that_raises_or_hangs(how: Callable[..., Any]) -> None:
    """It is shown under the exception that it caused."""
    told, error = RecordingNotifier(), ValueError("x")
    error.__cause__ = raised(of_a_class("__qualname__", how))
    assert told_twice(raised(error)) == ONCE
    notify_exception(told, context="other", exc=error)
    assert notify_exception(told, context="again", exc=error).status == "duplicate"


@pytest.mark.parametrize("error", [ValueError(10**5000), SystemExit(10**5000), KeyError(10**5000, "x")], ids=type)
def test_a_number_too_long_to_be_printed(error: BaseException) -> None:
    """Python refuses to, for more than 4,300 digits."""
    assert told_twice(raised(error)) == ONCE


def test_false_causes_are_causes() -> None:
    """An exception may be a container, and empty."""
    told, error = RecordingNotifier(), ValueError("x")
    error.__cause__ = raised(with_method("__bool__", lambda _: False))
    notify_exception(told, exc=raised(error))
    assert "The above exception was the direct cause" in told.messages[0]


@pytest.mark.parametrize(("make", "count"), [(lambda: OddExit(0), 0), (lambda: OddExit(1), 1)])
def test_watch_asks_python_for_the_exit_code(make: Callable[[], BaseException], count: int) -> None:
    """Not the exception's own `code`."""
    told = RecordingNotifier()
    with pytest.raises(SystemExit), watch(told, "main"):
        raise make()
    assert len(told.messages) == count


class OddExit(SystemExit):
    code = property(boom)  # type: ignore[assignment]


class Unequal:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]


def test_an_exit_code_that_cannot_be_compared_is_told() -> None:
    """As an array's: it is no clean end."""
    told = RecordingNotifier()
    with pytest.raises(SystemExit), watch(told, "main"):
        sys.exit(Unequal())  # type: ignore[arg-type]
    assert len(told.messages) == 1


def test_a_training_run_fails_with_such_an_exception() -> None:
    """Its state says what was sent; its name may have no text."""
    told = RecordingNotifier()
    run = TrainingRun(told, name=Words(boom))  # type: ignore[arg-type]
    assert run.failed(raised(of_a_class("__qualname__", boom))).status == "sent"
    assert [entry["what"] for entry in run.state_dict()["sent"]] == ["failed: Odd"]


def test_the_supervisor_hears_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would report again when the process ends."""
    supervision = Mailbox.begun()
    monkeypatch.setenv(VARIABLE, str(supervision.folder))
    assert told_twice(raised(with_property("__cause__", boom))) == ONCE
    assert [word.state for word in supervision.notes()] == ["told"]
    supervision.close()


# Without stack or memory


def test_in_the_last_frames_of_a_recursion(run: Any) -> None:
    """What can be called at all raises nothing, sends, and leaves the limit as it was."""
    done = run(
        """
        import sys
        from twinkle_notifier import notify_exception
        from twinkle_notifier.testing import RecordingNotifier
        told, statuses, inside = RecordingNotifier(), [], []
        def dive():
            try:
                dive()
            except RecursionError as error:
                try:
                    statuses.append(notify_exception(told, exc=error).status)
                except RecursionError as refused:  # that of the call itself has no frame of ours
                    if refused.__traceback__.tb_next is not None:
                        inside.append(refused)
                raise
        limit = sys.getrecursionlimit()
        try:
            dive()
        except RecursionError:
            pass
        print(len(told.messages), len(inside), "sent" in statuses[:2], sys.getrecursionlimit() == limit)
        """
    )
    assert done.stdout.strip() == "1 0 True True", done.stderr


def test_two_recursions_at_once(run: Any) -> None:
    """The first to begin is the first to end: the other thread keeps its room, and then the limit is as it was."""
    done = run(
        """
        import sys, threading, time
        from twinkle_notifier import notify_exception
        first_sends, second_sends, first_is_out = threading.Event(), threading.Event(), threading.Event()
        statuses, waited, limits = {"first": [], "second": []}, [], []
        def first(message):
            first_sends.set()
            waited.append(second_sends.wait(6))
        def second(message):
            limits.append(sys.getrecursionlimit())
            second_sends.set()
            waited.append(first_is_out.wait(6))
            limits.append(sys.getrecursionlimit())
        def dive(notifier):
            try:
                dive(notifier)
            except RecursionError as error:
                name = notifier.__name__
                if "sent" not in statuses[name]:
                    statuses[name].append(notify_exception(notifier, exc=error, name=name).status)
                raise
        def thread(notifier, begin, ended):
            begin.wait(20)
            try:
                dive(notifier)
            except RecursionError:
                pass
            ended.set()
        limit, now = sys.getrecursionlimit(), threading.Event()
        now.set()
        threads = [
            threading.Thread(target=thread, args=(first, now, first_is_out)),
            threading.Thread(target=thread, args=(second, first_sends, threading.Event())),
        ]
        [one.start() for one in threads]
        [one.join() for one in threads]
        until = time.monotonic() + 20
        while sys.getrecursionlimit() != limit and time.monotonic() < until:
            time.sleep(0.01)
        print([statuses[name][-1] for name in statuses], waited, limits[0] == limits[1] > limit)
        print(sys.getrecursionlimit() - limit)
        """
    )
    assert done.stdout.splitlines() == ["['sent', 'sent'] [True, True] True", "0"], done.stderr


MEMORY = """
import os, resource, twinkle_notifier as t
ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (int(os.environ["MORE"]) << 20)
resource.setrlimit(resource.RLIMIT_AS, (size, size))
def fill():
    held, step = [], 1 << 24
    while step > 64:
        try:
            held.append(bytearray(step))
        except MemoryError:
            step //= 2
    while True:
        held.append(object())
try:
    fill()
except MemoryError as error:
    outcome = t.notify_exception(ding, exc=error)
print(outcome.status)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the size of the process is read from /proc")
@pytest.mark.parametrize("more", ["1", "40", "100"])
def test_without_any_memory(more: str, run: Any, inbox: Inbox) -> None:
    """A process that has reached its limit, and holds all that it has."""
    done = run(MEMORY, MORE=more)
    assert (done.stdout.strip(), len(inbox.messages)) == ("sent", 1), done.stderr
    assert "held.append(object())" in inbox.messages[0].text


def test_the_last_frame_of_all_alone(run: Any, inbox: Inbox) -> None:
    """Where nothing can be called the message waits for the end of the process."""
    done = run(
        """
        import twinkle_notifier as t
        ding, told = t.DingNotifier("env:DING_URL", "env:DING_SECRET"), []
        def dive():
            global told
            try:
                dive()
            except RecursionError as error:
                if not told:
                    told += [t.notify_exception(ding, exc=error)]
                raise
        try:
            dive()
        except RecursionError:
            print(told[0].status)
        """
    )
    assert done.stdout.strip() in ("sent", "queued"), done.stderr
    assert [message.title.partition(": ")[0] for message in inbox.messages] == ["train.py failed"]


# Many at once


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.stress)])
def test_many_processes_that_start_at_once(tmp_path: Path, count: int) -> None:
    """On few cores, where each is slow to load what it needs: each message is there."""
    script = tmp_path / "tiny.py"
    script.write_text(
        """
import os, sys
from twinkle_notifier import Notifier, notify_exception
class FileNotifier(Notifier):
    def __call__(self, message):
        with open(sys.argv[1], "a") as file:
            file.write(message.partition("\\n")[0] + "\\n")
try:
    raise [ValueError, KeyError, OSError][int(sys.argv[2]) % 3](sys.argv[2])
except Exception as error:
    notify_exception(FileNotifier(), exc=error, name=f"run-{sys.argv[2]}")
"""
    )
    told = tmp_path / "told"
    command = [sys.executable, str(script), str(told)]
    processes = [subprocess.Popen([*command, str(number)], cwd="/", stderr=subprocess.PIPE) for number in range(count)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    names = sorted(line.split()[1] for line in told.read_text().splitlines())
    assert names == sorted(f"run-{number}" for number in range(count)), errors
