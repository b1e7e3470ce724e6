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
from importlib.metadata import version
from pathlib import Path

import bare
import pytest

from twinkle_notifier import DingNotifier, Message, Outcome
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.faults import Faulty, says

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
                assert sender.keep(notifier, message, Outcome("failed", "no network")).status == "spooled"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **self.env}
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=180, cwd="/", env=env)


@pytest.fixture
def node(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    monkeypatch.setenv("DING_URL", inbox.url)
    monkeypatch.setenv("DING_SECRET", SECRET)
    return Node(tmp_path / "state")


def test_version(node: Node) -> None:
    """`--version` shows that of the installed package."""
    done = node.command("--version")
    assert (done.stdout, done.returncode) == (f"twinkle-notifier {version('twinkle-notifier')}\n", 0), done.stderr


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
    assert "no notifier is known for it: give --to, or set TWINKLE_NOTIFIER_URL" in done.stderr
    assert done.stderr.startswith("the DingNotifier that was kept cannot be used")  # there is no checkpoint
    assert "checkpoint" not in done.stderr
    to = json.dumps({"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"})
    assert node.command("flush", "--to", to).stdout == "1 sent, 0 left\n"


@pytest.mark.parametrize("command", [["flush"], ["run", "--on-success"]])
@pytest.mark.parametrize("kind", ["env", "file"])
def test_the_recipient_by_reference(
    node: Node, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, command: list[str]
) -> None:
    """Which no user of the machine can read off the command line; it may hold JSON, as the variable does."""
    node.keep(1, DingNotifier(inbox.url, SECRET))
    to = json.dumps({"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"})
    monkeypatch.setenv("ALERTS", to)
    (tmp_path / "alerts").write_text(to)
    reference = "env:ALERTS" if kind == "env" else f"file:{tmp_path / 'alerts'}"
    done = node.command(*command, "--to", reference, *(["--", "true"] if command[0] == "run" else []))
    assert (done.returncode, len(inbox.messages)) == (0, 1), done.stderr


def test_the_help_says_that_an_address_shows_in_ps(node: Node) -> None:
    """With what to give instead."""
    for command in ("run", "flush"):
        assert "a URL here in ps: rather give env:NAME or file:PATH" in " ".join(
            node.command(command, "--help").stdout.split()
        )


def test_flush_prints_why_something_is_left(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "--to holds neither a webhook URL of DingTalk, " in done.stderr
    assert "nor a JSON object as Notifier.to_dict() writes it" in done.stderr
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
    assert all(
        done.stderr.count(f"/{name}.json holds no message") == 1 for name in ("pipe", "folder", "link", "sparse")
    )
    assert "\x1b" not in done.stderr
    assert (node.command("flush").stdout, len(inbox.messages)) == ("0 sent, 0 left\n", 2)


def test_a_letter_without_a_robot_holds_up_no_other(node: Node, inbox: Inbox) -> None:
    """Of those that a supervisor has left, each goes to its own, if that can be had."""
    url = {"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}
    robots = [{**url, "ding_url": "***"}, {"class": "Unknown"}, {**url, "ding_url": "env:NOT_SET"}, {"class": 5}, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWINKLE_NOTIFIER_DIR", str(node.folder))
        for number, robot in enumerate([*robots, url]):
            Spool.put("supervised", Message(f"### message {number}", f"e{number}"), "killed", robot)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("1 sent, 5 left\n", 1), done.stderr
    assert [message.title for message in inbox.messages] == ["message 5"]
    assert all(
        done.stderr.count(f"/e{number}.json cannot be sent: no notifier is known for it") == 1 for number in range(5)
    )


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


@pytest.mark.skipif(not bare.IS_ROOT, reason="only root makes folders that others cannot read")
def test_a_folder_of_another_user_is_named(node: Node, inbox: Inbox) -> None:
    """As that of a container's root, in the user's folder. (A process that has given up root's rights is that user.)"""
    node.keep(1)
    shared = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        shutil.move(node.folder / "spool", shared / "spool")
        shared.chmod(0o755)
        os.chown(shared, 12345, 12345)
        code = (
            "import os, sys, requests, twinkle_notifier.cli.flush, twinkle_notifier.cli.main as cli, twinkle_notifier.training_run\n"
            "import twinkle_notifier.channels.dingtalk\n"
            "os.setgroups([]), os.setgid(12345), os.setuid(12345)\nsys.exit(cli.main(['flush']))"
        )
        env = {**os.environ, "TWINKLE_NOTIFIER_DIR": str(shared)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd="/", env=env)
        assert (done.stdout, done.returncode) == ("0 sent, 1 left\n", 1), done.stderr
        assert done.stderr.count(f"{shared / 'spool'} cannot be used: Permission denied") == 1
    finally:
        shutil.rmtree(shared)


@pytest.mark.skipif(not bare.IS_ROOT, reason="only root gives folders to others")
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


class Elsewhere(Node):
    """The machine's temporary folder, in which runs without a folder of their own keep their messages."""

    def __init__(self, tmp: Path) -> None:
        super().__init__(tmp / f"twinkle-notifier-{os.getuid()}")


@pytest.fixture
def elsewhere(node: Node, tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path / "tmp")


def all_files(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_flush_leaves_what_other_runs_keep_elsewhere(node: Node, elsewhere: Elsewhere, inbox: Inbox) -> None:
    """It says how many wait, and where; a digest counts as what it holds. `--all` takes them."""
    elsewhere.keep(12)
    node.keep(2)
    before = all_files(elsewhere.folder)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("2 sent, 0 left\n", 0)
    assert done.stderr == f"12 more wait in {elsewhere.folder}: --all sends those, too\n"
    assert ([message.title for message in inbox.messages], before) == (
        ["message 0", "message 1"],
        all_files(elsewhere.folder),
    )
    done = node.command("flush", "--all")
    assert (done.stdout, done.returncode, done.stderr) == ("12 sent, 0 left\n", 0, "")


def test_without_a_named_folder_flush_goes_through_all(node: Node, elsewhere: Elsewhere, inbox: Inbox) -> None:
    """They are where messages are kept then."""
    elsewhere.keep(2)
    node.env = {}
    done = node.command("flush")
    assert (done.stdout, done.stderr) == ("2 sent, 0 left\n", "")


def test_a_named_folder_that_is_not_there_holds_nothing(node: Node, elsewhere: Elsewhere, inbox: Inbox) -> None:
    """What its runs could not keep there waits elsewhere, which is said."""
    elsewhere.keep(1)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("0 sent, 0 left\n", 0)
    assert done.stderr == f"1 more wait in {elsewhere.folder}: --all sends those, too\n"


def test_the_temporary_folder_by_another_name_is_no_other(elsewhere: Elsewhere, inbox: Inbox, tmp_path: Path) -> None:
    """It is named: nothing waits beside it."""
    elsewhere.keep(1)
    (tmp_path / "link").symlink_to(elsewhere.folder)
    elsewhere.env["TWINKLE_NOTIFIER_DIR"] = str(tmp_path / "link")
    done = elsewhere.command("flush")
    assert (done.stdout, done.stderr) == ("1 sent, 0 left\n", "")


def test_other_folders_that_cannot_be_used_hold_nothing_up(node: Node, elsewhere: Elsewhere, inbox: Inbox) -> None:
    """Nor a pipe in one, nor what is damaged: nobody reads it, nothing of it is renamed."""
    elsewhere.keep(1)
    [folder] = (elsewhere.folder / "spool").iterdir()
    os.mkfifo(folder / "pipe.json")
    (folder / "x.json").write_text("{")
    (elsewhere.folder / "spool" / "file").write_text("")
    node.keep(1)
    done = node.command("flush")
    assert (done.stdout, done.returncode) == ("1 sent, 0 left\n", 0)
    assert done.stderr == f"1 more wait in {elsewhere.folder}: --all sends those, too\n"
    assert sorted(path.name for path in folder.iterdir()) == ["d0.json", "pipe.json", "x.json"]


@pytest.fixture
def orphan(elsewhere: Elsewhere) -> Path:
    """What a supervisor has left that was killed, elsewhere."""
    code = """
import os
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Note
begun = Mailbox.begun()
named = {"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}
begun.record(Note("sending", "i", "failed", Holder.me(), 0, 1.0, None, "### lost\\n\\n- x", "a1", named))
print(begun.folder)
"""
    env = {**os.environ, **elsewhere.env}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd="/", env=env, check=True)
    return Path(done.stdout.strip())


def test_what_a_killed_supervisor_left_elsewhere_stays(node: Node, orphan: Path, inbox: Inbox) -> None:
    """It is counted, and no message of it moves; `--all` takes it."""
    done = node.command("flush")
    assert (done.stdout, inbox.messages) == ("0 sent, 0 left\n", [])
    assert done.stderr.startswith("1 more wait in ")
    assert orphan.exists()
    assert node.command("flush", "--all").stdout == "1 sent, 0 left\n"
    assert ([message.title for message in inbox.messages], orphan.exists()) == (["lost"], False)


def test_a_dry_run_lists_what_would_be_sent(node: Node, elsewhere: Elsewhere, orphan: Path, inbox: Inbox) -> None:
    """When it was, to which kind of chat, its headline. It sends nothing, and changes no file."""
    node.keep(2)
    [folder] = (node.folder / "spool").iterdir()
    at = json.loads((folder / "d0.json").read_text())["at"]
    shutil.copy(folder / "d0.json", folder / "copy.json")
    (folder / "x.json").write_text("{")
    before = all_files(node.folder, elsewhere.folder)
    done = node.command("flush", "--dry-run")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    first, second, last = done.stdout.splitlines()
    assert (first[:16], first[19:], second[19:]) == (when, "  DingTalk  message 0", "  DingTalk  message 1")
    assert (last, done.returncode) == ("2 would be sent, 1 left", 1)
    assert done.stderr.splitlines() == [
        f"{folder / 'x.json'} holds no message",
        f"1 more wait in {elsewhere.folder}: --all sends those, too",
    ]
    everything = node.command("flush", "--dry-run", "--all").stdout
    assert (everything.count("  DingTalk  "), everything.count("  DingTalk  lost\n")) == (3, 1)
    assert (all_files(node.folder, elsewhere.folder), inbox.requests) == (before, 0)


def test_a_dry_run_shows_no_secret_and_no_harm(node: Node, inbox: Inbox, harm: object) -> None:
    """Whoever has written the headline; and it names what has nobody to go to."""
    literal = {"class": "DingNotifier", "ding_url": "***", "secret": "***"}
    heading = f"### \x1b[31m@all [x](http://evil.example) {inbox.url} {SECRET}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWINKLE_NOTIFIER_DIR", str(node.folder))
        Spool.put("c1", Message(heading, "a1"), "no network", literal)
        Spool.put("c2", Message("### of an unknown one", "a2"), "no network", {"class": "Un\x1bknown", "url": "x"})
    done = node.command("flush", "--dry-run")
    nobody = ": no notifier is known for it: give --to, or set TWINKLE_NOTIFIER"
    assert [nobody in line for line in done.stdout.splitlines()] == [True, True, False]
    assert (done.stdout.count("  DingTalk  "), done.returncode) == (1, 1)
    assert "tok-0123" not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    to = json.dumps({"class": "ConsoleNotifier"})
    done = node.command("flush", "--dry-run", "--to", to)
    assert (done.stdout.count("  the console  "), done.returncode) == (2, 0)


def test_a_dry_run_does_not_follow(node: Node) -> None:
    """It is refused, as any arguments that cannot work."""
    assert node.command("flush", "--dry-run", "--follow").returncode == 2


def test_help_lists_the_exit_codes(node: Node) -> None:
    """Of `flush`."""
    said = " ".join(node.command("flush", "--help").stdout.split())
    assert "Exit codes: 0, nothing is left; 1, something is left, and standard error says what and why; 2, " in said


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
    assert following.wait(180) == 0
    assert following.stdout is not None
    assert following.stdout.read() == "1 sent\n1 sent\n"


@pytest.mark.alone  # half a second must be enough for a look
def test_follow_serves_the_named_folder(
    node: Node, elsewhere: Elsewhere, following: subprocess.Popen[str], inbox: Inbox
) -> None:
    """It says at its start what waits elsewhere, and leaves it."""
    node.keep(1)
    deadline = time.monotonic() + 30
    while list(node.folder.rglob("d0.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    elsewhere.keep(1)
    time.sleep(0.5)
    following.send_signal(signal.SIGTERM)
    assert (following.wait(180), inbox.requests) == (0, 1)
    assert list(elsewhere.folder.rglob("d0.json")) != []


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
    assert following.wait(180) == 0
    assert following.stderr is not None
    said = following.stderr.read()
    assert (said.count("pipe0.json holds no message"), said.count("pipe1.json holds no message")) == (1, 1)
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
    assert "- Delayed: since " in inbox.messages[0].text
