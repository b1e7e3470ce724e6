"""What is known when a run begins of whether its notifier can send."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import DingNotifier, Notifier, TrainingRun, notify_exception, watch
from twinkle_notifier.errors import CredentialError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background

PREFIX = "the alerts of this run may not reach "
URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef"


@pytest.fixture(autouse=True)
def _in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DING_URL", "DING_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., list[str]]]:
    """The warnings of a check, once there is one, or for a moment; those of another test are not said again."""
    with pytest.MonkeyPatch.context() as patch:
        if "twinkle_notifier.delivery.check" in sys.modules:
            patch.setattr("twinkle_notifier.delivery.check._warned", [])
        yield lambda seconds=0.3: told(caplog, seconds)


def told(caplog: pytest.LogCaptureFixture, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.02)
    return [record.getMessage().removeprefix(PREFIX) for record in caplog.records if record.levelno >= logging.WARNING]


def blocks(notifier: Any) -> None:
    with watch(notifier, "evaluation"):
        pass


def fits(notifier: Any) -> None:
    TrainingRun(notifier, on_end=False).started()


BEGINS = pytest.mark.parametrize("begin", [blocks, fits])


@BEGINS
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            lambda _: DingNotifier("env:DING_URL"),
            "env:DING_URL: the variable DING_URL is not set: export it on every node",
        ),
        (lambda _: DingNotifier("env:EMPTY"), "env:EMPTY is empty: put the secret there"),
        (
            lambda folder: DingNotifier(URL, f"file:{folder}/none"),
            "file:{folder}/none cannot be read (No such file or directory): put the secret there, in UTF-8",
        ),
        (
            lambda _: DingNotifier("https://hooks.slack.com/services/T0/B0/tok-0123456789abcdef"),
            "ding_url leads to hooks.slack.com: is it a DingTalk robot's? Copy the robot's webhook URL, "
            "https://oapi.dingtalk.com/robot/send?access_token=...",
        ),
        (
            lambda _: DingNotifier("env:FEISHU"),
            "ding_url leads to open.feishu.cn: is it a DingTalk robot's? Copy the robot's webhook URL, "
            "https://oapi.dingtalk.com/robot/send?access_token=...",
        ),
        (
            lambda _: DingNotifier("https://oapi.dingtalk.com/robot/send"),
            "ding_url is cut short: it names no access_token. Copy the robot's whole webhook URL",
        ),
    ],
    ids=["unset", "empty", "no file", "slack", "feishu by reference", "no token"],
)
def test_what_cannot_send_is_told_once_when_a_run_begins(
    begin: Callable[[Any], None],
    make: Callable[[Path], Notifier],
    why: str,
    warnings: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """What is wrong and how to mend it, without a secret; not again for each block."""
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("FEISHU", "https://open.feishu.cn/open-apis/bot/v2/hook/tok-0123456789abcdef")
    notifier = make(tmp_path)
    for _ in range(3):
        begin(notifier)
    assert warnings() == [f"DingTalk: {why.format(folder=tmp_path)}"]


@BEGINS
def test_what_can_send_is_not_asked(
    begin: Callable[[Any], None], warnings: Callable[[], list[str]], inbox: Inbox, tmp_path: Path
) -> None:
    """No request goes out, and nothing is said."""
    (tmp_path / "secret").write_text("SEC0123456789abcdef\n")
    begin(DingNotifier(inbox.url, f"file:{tmp_path}/secret"))
    assert (warnings(), inbox.requests) == ([], 0)


@BEGINS
def test_a_file_on_a_dead_disk_holds_nothing_up(
    begin: Callable[[Any], None], warnings: Callable[..., list[str]], tmp_path: Path
) -> None:
    """A pipe that nobody writes to hangs as one does: the run goes on, the warning comes 2 s later."""
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    begin(DingNotifier(f"file:{tmp_path}/pipe"))
    assert time.monotonic() - began < 1.9
    assert warnings(4.0) == [f"DingTalk: file:{tmp_path}/pipe cannot be read within 2 s: is its disk there?"]


class Own(Notifier):
    """Written from the documentation, without a check."""

    reference_fields = ("address",)

    def __init__(self, address: Any) -> None:
        self.address = address

    def __call__(self, message: str) -> None:
        pass

    def to_dict(self) -> dict[str, Any]:
        return {"class": "Own", "address": self.address, "other": "env:NOT_SET_EITHER"}


@BEGINS
def test_a_users_own_is_asked_for_its_references(
    begin: Callable[[Any], None], warnings: Callable[[], list[str]]
) -> None:
    """In the fields that it names."""
    begin(Own(["x", {"to": "env:NOT_SET"}]))
    assert warnings() == ["Own: env:NOT_SET: the variable NOT_SET is not set: export it on every node"]


class Checked(Own):
    """With a check of its own."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__("")
        self.check_setup = check  # type: ignore[method-assign]


def raises(error: BaseException) -> Callable[[], None]:
    def check() -> None:
        raise error

    return check


@BEGINS
@pytest.mark.parametrize(
    ("check", "said"),
    [
        (raises(CredentialError("its token has run out: renew it")), ["Checked: its token has run out: renew it"]),
        (raises(ValueError("tok-0123456789abcdef")), []),
        (raises(SystemExit(3)), []),
        (raises(KeyboardInterrupt()), []),
        (lambda: None, []),
    ],
    ids=["refuses", "raises", "exits", "interrupts", "agrees"],
)
def test_a_users_own_check_may_do_anything(
    begin: Callable[[Any], None],
    check: Callable[[], None],
    said: list[str],
    warnings: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run begins. An error that is not ours says nothing of alerts: one line at DEBUG, without its text."""
    caplog.set_level(logging.DEBUG, "twinkle_notifier")
    begin(Checked(check))
    assert warnings() == said
    doubts = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert ["Checked could not be checked: its check_setup() raised " in doubt for doubt in doubts] == [True] * (
        not said and check.__name__ == "check"
    )
    assert "tok-0123" not in caplog.text


@BEGINS
def test_a_users_own_check_may_hang(begin: Callable[[Any], None]) -> None:
    """The run does not wait for it."""
    go_on = threading.Event()
    try:
        began = time.monotonic()
        begin(Checked(lambda: go_on.wait(60) and None))
        assert time.monotonic() - began < 4.5  # seconds after which a check is given up
    finally:
        go_on.set()


@BEGINS
@pytest.mark.parametrize("notifier", [print, [].append, lambda message: None])
def test_any_function_is_a_notifier(
    begin: Callable[[Any], None], notifier: Callable[[str], None], warnings: Callable[[], list[str]]
) -> None:
    """Of which nothing is asked."""
    begin(notifier)
    assert warnings() == []


def test_what_the_environment_describes_wrongly_is_one_warning(
    warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a second one that there is nobody."""
    monkeypatch.setenv("TWINKLE_NOTIFIER", "https://alerts.example.com/in/tok-0123456789abcdef")
    fits(None)
    [warning] = warnings()
    assert warning.startswith("no notifier from the environment: ")
    assert "tok-0123" not in warning


@pytest.mark.parametrize("ranks", ["0", "1"])
def test_one_rank_of_a_machine_warns(
    ranks: str, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have one environment."""
    for name, value in {"RANK": ranks, "LOCAL_RANK": ranks, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    blocks(Own("env:NOT_SET_THERE"))
    assert len(warnings()) == (ranks == "0")


def supervised(to: str, *options: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TWINKLE_NOTIFIER": to}
    command = [
        sys.executable,
        "-m",
        "twinkle_notifier",
        "run",
        *options,
        "--",
        "sh",
        "-c",
        "echo done; sleep 0.2; exit 3",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, cwd="/", env=env)


def test_run_warns_once_and_runs_the_command() -> None:
    """Of a variable that is not set; and of one that describes nobody."""
    done = supervised(json.dumps({"class": "DingNotifier", "ding_url": "env:DING_URL"}))
    first = done.stderr.splitlines()[0]
    assert (done.stdout, done.returncode) == ("done\n", 3)
    assert first == f"{PREFIX}DingTalk: env:DING_URL: the variable DING_URL is not set: export it on every node"
    done = supervised("https://alerts.example.com/in/tok-0123456789abcdef")
    first, *rest = done.stderr.splitlines()
    assert (done.stdout, done.returncode) == ("done\n", 3)
    assert first.startswith("twinkle-notifier: no notifier from the environment: TWINKLE_NOTIFIER holds neither ")
    assert [line for line in rest if line.startswith("twinkle-notifier:")] == []
    assert "tok-0123" not in done.stderr


# What was sent


def test_the_log_says_what_was_sent_and_where(
    ding: DingNotifier, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """At INFO, in one line each, without a secret."""
    caplog.set_level(logging.INFO, "twinkle_notifier")
    notify_exception(ding, "fit", ValueError(f"the loss is lost\nsee {inbox.url}"), "sft")
    TrainingRun(ding, name="sft").ended()
    assert background.flush(30)
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("sent to DingTalk: sft failed: ValueError: the loss is lost")
    assert said[1:] == ["sent to DingTalk: sft ended after 0 s"]
    assert "tok-0123" not in caplog.text


def test_the_log_names_a_users_own(caplog: pytest.LogCaptureFixture) -> None:
    """By what it calls its chat, else by its class or function."""
    caplog.set_level(logging.INFO, "twinkle_notifier")
    named = type("Named", (Own,), {"service_name": "our pager"})

    def page(message: str) -> None:
        pass

    for number, notifier in enumerate([Own(""), named(""), page]):
        notify_exception(notifier, "fit", ValueError("x"), f"run {number}")  # type: ignore[arg-type]
    said = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert said == ["sent to Own", "sent to our pager", f"sent to {page.__qualname__}"]


def test_a_handler_that_hangs_holds_no_alert_up(caplog: pytest.LogCaptureFixture) -> None:
    """It may be the user's own."""

    class Hanging(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            time.sleep(30)

    log, handler = logging.getLogger("twinkle_notifier"), Hanging()
    caplog.set_level(logging.INFO, "twinkle_notifier")
    log.addHandler(handler)
    try:
        began = time.monotonic()
        assert notify_exception(Own(""), "fit", ValueError("y"), "sft").status == "sent"
        assert time.monotonic() - began < 8
    finally:
        log.removeHandler(handler)
