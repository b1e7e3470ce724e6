"""The command, as a person or a login node runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinkle_notifier import DingNotifier, Message, Outcome, delivery
from twinkle_notifier.inbox import Inbox

SECRET = "SEC0123456789abcdef"
COMMAND = [sys.executable, "-m", "twinkle_notifier"]


class Node:
    """A state folder, in which a node without a way out keeps its messages, and which the command empties."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"TWINKLE_NOTIFIER_DIR": str(folder)}

    def keep(self, count: int, notifier: DingNotifier | None = None) -> None:
        notifier = notifier or DingNotifier("env:DING_URL", "env:DING_SECRET")
        # Only now: what an earlier test left in the background must not come into this folder.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TWINKLE_NOTIFIER_DIR", str(self.folder))
            for number in range(count):
                message = Message(f"### message {number}\n\n- Run: sft", f"d{number}")
                assert delivery.keep(notifier, message, Outcome("failed", "no network")).status == "spooled"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **self.env}
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, cwd="/", env=env)


@pytest.fixture
def node(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    monkeypatch.setenv("DING_URL", inbox.url)
    monkeypatch.setenv("DING_SECRET", SECRET)
    return Node(tmp_path / "state")


def test_flush_sends_what_waits(node: Node, inbox: Inbox) -> None:
    """To each message's own robot, which was given by reference."""
    node.keep(3)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("3 sent, 0 left\n", 0), done.stderr
    assert [message.title for message in inbox.messages] == ["message 0", "message 1", "message 2"]
    assert node.command("flush").stdout == "0 sent, 0 left\n"


def test_a_burst_of_a_hundred_is_accounted_for(node: Node, inbox: Inbox) -> None:
    """In one digest."""
    node.keep(100)
    assert node.command("flush").stdout == "100 sent, 0 left\n"
    assert [message.title for message in inbox.messages] == ["100 messages that had to wait"]


def test_flush_to_another_robot(node: Node, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """For messages whose own robot was given literally, and is not on the disk."""
    node.keep(1, DingNotifier(inbox.url, SECRET))
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("0 sent, 1 left\n", 1)
    assert "nobody knows where to: give --to, or set TWINKLE_NOTIFIER" in done.stderr
    to = json.dumps({"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"})
    assert node.command("flush", "--to", to).stdout == "1 sent, 0 left\n"


def test_flush_tells_why_something_is_left(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends with 1."""
    node.keep(1)
    monkeypatch.setenv("DING_SECRET", "SECwrong")
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("0 sent, 1 left\n", 1)
    assert "the signature is wrong" in done.stderr


def test_a_wrong_address_is_refused(node: Node, inbox: Inbox) -> None:
    """By an error that shows nothing of it."""
    done = node.command("flush", "--to", "https://example.org/hook?token=abcdef")
    assert done.returncode == 2
    assert "--to holds neither a DingTalk webhook URL nor a JSON object" in done.stderr
    assert "abcdef" not in done.stderr + done.stdout


@pytest.fixture
def following(node: Node) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, "flush", "--follow", "--every", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, **node.env},
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_follow_serves_nodes_without_a_way_out(
    node: Node, number: int, following: subprocess.Popen[str], inbox: Inbox
) -> None:
    """What they keep in the folder goes out, again and again, until somebody ends it."""
    for _ in range(2):
        node.keep(1)
        deadline = time.monotonic() + 30
        while list(node.folder.rglob("d0.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert (len(inbox.messages), inbox.repeats) == (1, 1)  # the same message twice
    following.send_signal(number)
    assert following.wait(60) == 0
    assert following.stdout is not None
    assert following.stdout.read() == "1 sent\n1 sent\n"


def test_no_way_out_then_a_login_node(
    node: Node, run: object, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, start: object
) -> None:
    """A compute node whose proxy is dead keeps the alert in the shared folder; the login node sends it."""
    source = """
    import twinkle_notifier as t
    try:
        raise ValueError("the loss is lost")
    except ValueError as e:
        outcome = t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "fit", e, "sft")
        print(outcome.status)
    """
    dead = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    done = run(source, **dead, **node.env)  # type: ignore[operator]
    assert done.stdout == "spooled\n", done.stderr
    assert inbox.messages == []
    assert node.command("flush").stdout == "1 sent, 0 left\n"
    assert "the loss is lost" in inbox.messages[0].text
    assert "- Delayed: this waited since " in inbox.messages[0].text
