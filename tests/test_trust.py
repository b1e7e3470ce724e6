"""What of a checkpoint's notifier is taken: the checkpoint may be an attacker's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import ConsoleNotifier, DingNotifier, Notifier, TrainingRun, resolve
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.testing import RecordingNotifier

looked_up: list[str] = []


class CorpNotifier(Notifier):
    """As a user writes it who has read the documentation, and not the part about checkpoints."""

    def __init__(self, url: str = "", token: str = "", room: str = "", port: int = 0, rooms: Any = ()) -> None:
        self.fields = {"url": url, "token": token, "room": room, "port": port, "rooms": rooms}
        looked_up.extend(resolve(value) for value in (url, token) if value)

    def __call__(self, message: str) -> None: ...

    def to_dict(self) -> dict[str, Any]:
        return {"class": type(self).__name__, **self.fields}


class DeclaringNotifier(CorpNotifier):
    """And one who has."""

    reference_fields = ("url", "token")


class AllNotifier(Notifier):
    """Holds others."""

    reference_fields = ("channels",)

    def __init__(self, channels: list[dict[str, Any]]) -> None:
        self.channels = [Notifier.from_dict(channel) for channel in channels]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    monkeypatch.setenv("CORP_URL", "https://me:pw@corp.example:8443/hook/tok-0123456789abcdef")
    monkeypatch.setenv("DING_URL", "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef")
    looked_up.clear()


def taken(described: object, **options: Any) -> Any:
    """The notifier that a run without one has after it has resumed such a checkpoint."""
    run = TrainingRun(**options)
    run.load_state_dict({"version": 1, "notifier": described, "sent": []})
    return run._notifier()


@pytest.mark.parametrize(
    ("described", "named"),
    [
        ({"class": "DingNotifier", "ding_url": "env:DING_URL"}, "DingNotifier at oapi.dingtalk.com"),
        ({"class": "DeclaringNotifier", "url": "env:CORP_URL"}, "DeclaringNotifier at corp.example"),
        (
            {"class": "DeclaringNotifier", "url": "env:CORP_URL", "room": "训练 #1, night", "port": 9},
            "DeclaringNotifier",
        ),
        (
            {"class": "AllNotifier", "channels": [{"class": "DingNotifier", "ding_url": "env:DING_URL"}]},
            "AllNotifier at",
        ),
        ({"class": "ConsoleNotifier"}, "ConsoleNotifier, which names no host"),
        ({"class": "CorpNotifier", "room": "night", "rooms": ["a", {"b": None}]}, "CorpNotifier, which names no host"),
    ],
)
def test_what_is_taken_is_logged(described: dict[str, Any], named: str, caplog: pytest.LogCaptureFixture) -> None:
    """With class and host, and no token; once, though a checkpoint is restored several times."""
    run = TrainingRun()
    for _ in range(3):
        run.load_state_dict({"version": 1, "notifier": described, "sent": []})
    assert type(run._notifier()).__name__ == described["class"]
    [record] = caplog.records
    assert re.sub("\u200b", "", record.getMessage()).startswith(
        f"the notifier of this run comes from its checkpoint: {named}"
    )
    assert "tok-0" not in caplog.text
    assert "pw@" not in caplog.text


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"class": "CorpNotifier", "url": "https://evil.example", "token": "env:AWS_SECRET_ACCESS_KEY"}, "'url'"),
        ({"class": "CorpNotifier", "token": "env:AWS_SECRET_ACCESS_KEY"}, "'token' holds a reference"),
        ({"class": "CorpNotifier", "token": " env:AWS_SECRET_ACCESS_KEY\n"}, "'token' holds a reference"),
        ({"class": "CorpNotifier", "token": "file:/etc/hostname"}, "reference_fields"),
        ({"class": "CorpNotifier", "rooms": [[{"x": "env:AWS_SECRET_ACCESS_KEY"}]]}, "'rooms.x' holds a reference"),
        ({"class": "CorpNotifier", "rooms": {"env:AWS_SECRET_ACCESS_KEY": 1}}, "'rooms' holds a reference"),
        (
            {"class": "CorpNotifier", "rooms": {"class": "DeclaringNotifier", "token": "env:AWS_SECRET_ACCESS_KEY"}},
            "'rooms.token' holds a reference",
        ),
        (
            {"class": "DeclaringNotifier", "url": "https://evil.example", "token": "env:CORP_URL"},
            "'url' holds a literal",
        ),
        ({"class": "DeclaringNotifier", "url": "evil", "token": "env:CORP_URL"}, "'url' holds a literal"),
        ({"class": "DeclaringNotifier", "room": "env:CORP_URL"}, "'room' holds a reference"),
        ({"class": "DeclaringNotifier", "room": "evil.example", "token": "env:CORP_URL"}, "'room' holds a literal"),
        ({"class": "DeclaringNotifier", "room": "me@evil"}, "'room' holds a literal"),
        ({"class": "DeclaringNotifier", "room": "/home/me/.bashrc"}, "'room' holds a literal"),
        ({"class": "DeclaringNotifier", "room": "x; reboot"}, "'room' holds a literal"),
        ({"class": "DeclaringNotifier", "room": "x\nenv:CORP_URL"}, "'room' holds a literal"),
        ({"class": "DeclaringNotifier", "url": "env:AWS_NOT_SET"}, "AWS_NOT_SET is not set"),
        ({"class": "AllNotifier", "channels": [{"class": "CorpNotifier", "url": "env:CORP_URL"}]}, "'url'"),
        ({"class": "DingNotifier", "ding_url": "https://oapi.dingtalk.com/robot/send?access_token=x"}, "'ding_url'"),
        ({"class": "DingNotifier", "ding_url": "http://127.0.0.1:9/robot/send"}, "'ding_url' holds a literal"),
        ({"class": "DingNotifier", "ding_url": "env:DING_URL", "insecure": True}, "insecure"),
        ({"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "literal"}, "'secret' holds a literal"),
        ({"class": "DingNotifier", "ding_url": "env:AWS_SECRET_ACCESS_KEY"}, "no http(s) URL"),
        ({"class": "DingNotifier", "ding_url": "env:DING_URL", "timeout": "soon"}, "timeout"),
        ({"class": "DingNotifier", "ding_url": "***"}, "checkpoints hold no secrets"),
        ({"class": "DingNotifier"}, "ding_url"),
        ({"class": "NoNotifier"}, "NoNotifier"),
        ({"class": 5}, "'class'"),
        ({}, "'class'"),
    ],
)
def test_what_is_not_taken_is_named(described: Any, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """With what to do; nothing of it is looked up, and no secret is shown."""
    assert taken(described) is None
    [warning] = [record.getMessage() for record in caplog.records]
    assert "is not used: " in warning
    assert said in warning
    assert not {"aws-secret", Path("/etc/hostname").read_text().strip()} & {*looked_up}
    assert "aws-secret" not in caplog.text


@pytest.mark.parametrize("name", ["\x1b[31mX\r\n# @all [a](http://evil.example)", "X" * 15_000, "\ud800"])
def test_a_class_that_is_none_is_named_in_one_short_line(
    name: str, harm: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is read in terminals and chats."""
    assert taken({"class": name}) is None
    assert taken({"class": "DeclaringNotifier", name: "env:X", "url": f"env:{name}"}) is None
    assert [harm(record.getMessage()) for record in caplog.records] == [[], []]


@pytest.mark.parametrize("timeout", [1e-9, 0.5, -5, 10**30])
def test_a_timeout_is_one_in_which_a_message_can_be_sent(timeout: float) -> None:
    """Neither no time at all, which is silence, nor for ever."""
    assert 1 <= taken({"class": "DingNotifier", "ding_url": "env:DING_URL", "timeout": timeout}).timeout <= 60


def test_an_ordinary_timeout_stays() -> None:
    """The user's own."""
    assert taken({"class": "DingNotifier", "ding_url": "env:DING_URL", "timeout": 30}).timeout == 30


def test_who_says_save_secrets_again_gets_the_literal_ones(ding: DingNotifier) -> None:
    """And references all the same only where the class declares them."""
    assert taken(ding.to_dict(), save_secrets=True) == ding
    corp = {"class": "CorpNotifier", "url": "https://corp.example/x", "room": "me@corp.example"}
    assert taken(corp, save_secrets=True).fields["url"] == "https://corp.example/x"
    assert taken({**corp, "token": "env:AWS_SECRET_ACCESS_KEY"}, save_secrets=True) is None


def test_what_was_saved_with_secrets_is_not_saved_on_without(ding: DingNotifier) -> None:
    """Into the next checkpoint, by a run that has no notifier at all."""
    run = TrainingRun()
    run.load_state_dict(TrainingRun(ding, save_secrets=True).state_dict())
    assert run.state_dict()["notifier"] == {"class": "DingNotifier", "ding_url": "***", "secret": "***", "timeout": 5.0}


@pytest.mark.parametrize(
    ("mode", "is_taken"), [(0o600, True), (0o400, True), (0o644, False), (0o640, False), (0o622, False)]
)
def test_a_file_is_followed_if_it_is_private(mode: int, is_taken: bool, tmp_path: Path, caplog: Any) -> None:
    """One that came with the checkpoint may say where alerts go: as ssh, it must not be for all to read."""
    path = tmp_path / "url"
    path.write_text(os.environ["DING_URL"])
    path.chmod(mode)
    assert (taken({"class": "DingNotifier", "ding_url": f"file:{path}"}) is not None) is is_taken
    assert ("chmod 600" in caplog.text) is not is_taken


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path, path)])
def test_what_is_no_file_is_not_followed(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A FIFO would hold up the resume."""
    make(tmp_path / "url")
    assert taken({"class": "DingNotifier", "ding_url": f"file:{tmp_path / 'url'}"}) is None


@pytest.mark.parametrize(
    "described", [{"class": "ConsoleNotifier"}, {"class": "DingNotifier", "ding_url": "env:DING_URL"}]
)
def test_the_environment_decides_before_a_checkpoint(
    described: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In silence: nothing is wrong."""
    with Inbox() as inbox:
        monkeypatch.setenv("TWINKLE_NOTIFIER", inbox.url)
        assert taken(described) == DingNotifier(inbox.url)
    assert caplog.text == ""


def test_a_broken_environment_leaves_it_to_the_checkpoint(monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An alert is sent; the log says both, once each."""
    monkeypatch.setenv("TWINKLE_NOTIFIER", "nonsense")
    assert isinstance(taken({"class": "ConsoleNotifier"}), ConsoleNotifier)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "no notifier from the environment",
        "the notifier of this run comes from its checkpoint",
    ]


def test_a_run_that_is_given_one_takes_none() -> None:
    """Whatever the checkpoint says."""
    told = RecordingNotifier()
    assert taken({"class": "ConsoleNotifier"}, notifier=told) is told
