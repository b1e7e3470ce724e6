"""The command, as a person or a login node runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinkle_notifier import DingNotifier, Message, Outcome, delivery
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.faults import Faulty, says
from twinkle_notifier.spool import Spool

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
    assert "nobody knows where to: give --to, or set TWINKLE_NOTIFIER_URL" in done.stderr
    assert done.stderr.startswith("the DingNotifier that was kept cannot be used")  # there is no checkpoint
    assert "checkpoint" not in done.stderr
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


def test_flush_names_what_stands_in_the_way(node: Node, inbox: Inbox) -> None:
    """Once each, in one line; it sends all others, and ends with 1."""
    node.keep(2)
    [folder] = (node.folder / "spool").iterdir()
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    (folder / "link.json").symlink_to("link.json")
    (folder / "time.json").write_text(json.dumps({**json.loads((folder / "d0.json").read_text()), "at": 1e300}))
    (folder / "\x1b[31mred\n@all.json").write_text("{")
    with (folder / "sparse.json").open("wb") as file:
        file.truncate(8 << 30)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("2 sent, 6 left\n", 1), done.stderr
    assert [message.title for message in inbox.messages] == ["message 0", "message 1"]
    assert len(done.stderr.splitlines()) == 6
    assert all(done.stderr.count(f"/{name}.json holds no letter") == 1 for name in ("pipe", "folder", "link", "sparse"))
    assert "\x1b" not in done.stderr
    assert (node.command("flush").stdout, len(inbox.messages)) == ("0 sent, 0 left\n", 2)


def test_a_letter_without_a_robot_holds_up_no_other(node: Node, inbox: Inbox) -> None:
    """Of those that a supervisor has left, each goes to its own, if that can be had."""
    url = {"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}
    robots = [{**url, "ding_url": "***"}, {"class": "Unknown"}, {**url, "ding_url": "env:NOT_SET"}, {"class": 5}, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWINKLE_NOTIFIER_DIR", str(node.folder))
        for number, robot in enumerate([*robots, url]):
            Spool.keep("supervised", Message(f"### message {number}", f"e{number}"), "killed", robot)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("1 sent, 5 left\n", 1), done.stderr
    assert [message.title for message in inbox.messages] == ["message 5"]
    assert all(done.stderr.count(f"/e{number}.json cannot be sent: nobody knows where to") == 1 for number in range(5))


def test_each_letter_goes_to_the_robot_that_it_names(node: Node, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest of twelve does not lead the others away, in a digest or without."""
    with Inbox(token="another", secret=None) as other:
        monkeypatch.setenv("OTHER_URL", other.url)
        node.keep(11)
        [folder] = (node.folder / "spool").iterdir()
        Spool(folder).add(
            Message("### elsewhere", "b"), "no network", {"class": "DingNotifier", "ding_url": "env:OTHER_URL"}
        )
        assert node.command("flush").stdout == "12 sent, 0 left\n"
        assert [message.title for message in inbox.messages] == ["11 messages that had to wait"]
        assert [message.title for message in other.messages] == ["elsewhere"]


def test_a_copy_in_another_folder_is_not_sent_again(node: Node, inbox: Inbox) -> None:
    """By the same flush: it is the same message."""
    node.keep(1)
    [path] = node.folder.rglob("d0.json")
    for copy in (path.with_name("copy.json"), path.parent.parent / "copied" / "d0.json"):
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
    assert node.command("flush").stdout == "1 sent, 0 left\n"
    assert (len(inbox.messages), inbox.requests) == (1, 1)
    assert list(node.folder.rglob("*.json")) == []


def test_what_a_robot_says_is_one_harmless_line(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be anybody's."""
    node.keep(1)
    with Faulty(says({"errcode": 4711, "errmsg": "\x1b[31mred\n# Heading\n@all [x](http://evil)"})) as robot:
        monkeypatch.setenv("DING_URL", robot.url)
        done = node.command("flush")
    assert (done.stdout, done.returncode) == ("0 sent, 1 left\n", 1)
    assert len(done.stderr.splitlines()) == 1
    assert all(mark not in done.stderr for mark in ("\x1b", "@all", "](http"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes folders that others cannot read")
def test_a_folder_of_another_user_is_named(node: Node, inbox: Inbox) -> None:
    """As that of a container's root, in the user's folder. (A process that has given up root's rights is that user.)"""
    node.keep(1)
    shared = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        shutil.move(node.folder / "spool", shared / "spool")
        shared.chmod(0o755)
        os.chown(shared, 12345, 12345)
        code = (
            "import os, sys, requests, twinkle_notifier.flush, twinkle_notifier.cli as cli, twinkle_notifier.run\n"
            "import twinkle_notifier.channels.ding_robot\n"
            "os.setgroups([]), os.setgid(12345), os.setuid(12345)\nsys.exit(cli.main(['flush']))"
        )
        env = {**os.environ, "TWINKLE_NOTIFIER_DIR": str(shared)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/", env=env)
        assert (done.stdout, done.returncode) == ("0 sent, 1 left\n", 1), done.stderr
        assert done.stderr.count(f"{shared / 'spool'} cannot be used: Permission denied") == 1
    finally:
        shutil.rmtree(shared)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to others")
def test_a_folder_that_another_user_made_first_is_named(node: Node, inbox: Inbox) -> None:
    """Nothing of it goes out, or away; what is kept lies elsewhere."""
    forged = node.folder / "spool" / "0123abcd" / "a.json"
    forged.parent.mkdir(parents=True)
    forged.write_text("{}")
    (node.folder / "spool").chmod(0o777)
    os.chown(node.folder / "spool", 12345, 12345)
    node.keep(1)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("1 sent, 1 left\n", 1), done.stderr
    assert done.stderr.count(f"{node.folder / 'spool'} cannot be used: it belongs to another user, uid 12345") == 1
    assert list(node.folder.rglob("*.json*")) == [forged]


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


def test_follow_hangs_at_nothing(node: Node, following: subprocess.Popen[str], inbox: Inbox) -> None:
    """And names each problem once, though it looks again and again."""
    for number in range(2):
        node.keep(1)
        [folder] = (node.folder / "spool").iterdir()
        os.mkfifo(folder / f"pipe{number}.json")
        Spool(folder).add(Message("### x", "f0"), "no network", {"class": "Unknown"})
        deadline = time.monotonic() + 30
        while list(folder.glob("[dp]*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
    time.sleep(0.5)
    following.send_signal(signal.SIGTERM)
    assert following.wait(60) == 0
    assert following.stderr is not None
    said = following.stderr.read()
    assert (said.count("pipe0.json holds no letter"), said.count("pipe1.json holds no letter")) == (1, 1)
    assert said.count("f0.json cannot be sent") == 1
    assert len(said.splitlines()) == len(set(said.splitlines()))


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
