"""The commands for people: `init`, `check`, `send`, `demo` and `inbox`, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import Notifier
from twinkle_notifier.cli.common import each
from twinkle_notifier.cli.init import write
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime import user_file

COMMAND = [sys.executable, "-m", "twinkle_notifier"]
SECRET = "SEC0123456789abcdef"
NOWHERE = "http://127.0.0.1:9/robot/send?access_token=tok-0123456789abcdef"  # nobody listens there

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def command(*arguments: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        own = {**os.environ, "TWINKLE_NOTIFIER_DIR": str(tmp_path / "state"), **env}
        return subprocess.run(
            [*COMMAND, *arguments], input=given, capture_output=True, text=True, timeout=120, cwd="/", env=own
        )

    return command


@pytest.fixture
def url(inbox: Inbox) -> str:
    return f"{inbox.url}&secret={SECRET}"


def place() -> Path:
    found = user_file.path()
    assert found is not None
    return found


def test_init_writes_what_a_training_then_uses(run: Run, inbox: Inbox, url: str) -> None:
    """It names the service, sends a test, and writes a file that only its user can read."""
    done = run("init", "--url", url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "It is for DingTalk.",
        "DingTalk has accepted a test: look for it there.",
        f"Written to {place()}. `twinkle-notifier check` sends another test.",
    ]
    assert (place().stat().st_mode & 0o777, place().parent.stat().st_mode & 0o777) == (0o600, 0o700)
    train = "from twinkle_notifier import TrainingRun as T; print(T(name='sft').failed(ValueError('x')).status)"
    done = subprocess.run([sys.executable, "-c", train], cwd="/", capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("sent\n", "")
    assert [message.title for message in inbox.messages] == ["A test of twinkle-notifier", "sft failed: ValueError: x"]


def test_init_keeps_the_other_settings(run: Run, url: str) -> None:
    """And takes a line of standard input."""
    write(place(), "https://ntfy.sh/old")
    with place().open("a") as file:
        file.write('# mine\nlanguage = "zh"\n')
    done = run("init", given=f"{url}\n")
    assert done.returncode == 0, done.stderr
    assert place().read_text() == f'url = "{url}"\n# mine\nlanguage = "zh"\n'


def test_init_writes_nothing_that_does_not_work(run: Run, inbox: Inbox) -> None:
    """It says why, and shows no secret."""
    done = run("init", "--url", inbox.url)
    assert (done.returncode, place().exists()) == (1, False)
    assert "no secret is given: give its secret (SEC...)" in done.stderr
    done = run("init", "--url", "https://www.feishu.cn/flow/api/trigger-webhook/tok-0123")
    assert (done.returncode, place().exists()) == (2, False)
    assert (
        "--url holds the trigger of a Feishu flow, which is no robot: copy the webhook URL of a custom" in done.stderr
    )
    assert "tok-0123" not in done.stderr
    url = "https://oapi.dingtalk.com/robot/send?access_token=abcdef"
    beside = run("init", url, url)  # where `ps` shows it
    assert (beside.returncode, "abcdef" in beside.stderr) == (2, False)
    assert "paste the URL where `init` asks for it" in beside.stderr
    assert run("init", given="").returncode == 2
    assert run("init", "--url", NOWHERE, "--no-test").returncode == 0


@pytest.mark.parametrize("old", ["url = ", '[a]\nurl = "x"\nb = """\nurl = 1\n'])
def test_init_loses_nothing_of_a_file_that_it_cannot_read(old: str) -> None:
    """It is left as it is."""
    place().parent.mkdir(parents=True)
    place().write_text(f"{old}\n= 1")
    with pytest.raises(ArgumentError, match="is no TOML: mend it"):
        write(place(), "https://ntfy.sh/x")
    assert place().read_text() == f"{old}\n= 1"
    assert len(list(place().parent.iterdir())) == 1


def test_init_asks_on_a_terminal_without_echo(inbox: Inbox) -> None:
    """Again for what is no webhook URL; and for the secret of a robot that may be signed."""
    terminal, its = os.openpty()
    process = subprocess.Popen([*COMMAND, "init"], stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    shown = b""
    for answer in ("https://example.org/tok-0123", inbox.url, SECRET):
        shown += read(terminal, lambda text: text.rstrip().endswith((b"spaces):", b"Enter):")))
        os.write(terminal, answer.encode() + b"\n")
    shown += read(terminal, lambda _: False)
    os.close(terminal)
    assert process.wait(60) == 0, shown
    assert b"neither a webhook URL of DingTalk" in shown
    assert b"DingTalk has accepted a test" in shown
    assert [secret for secret in (b"tok-0123", SECRET.encode()) if secret in shown] == []
    assert place().read_text() == f'url = "{inbox.url}&secret={SECRET}"\n'


def read(terminal: int, enough: Callable[[bytes], bool]) -> bytes:
    found = b""
    while not enough(found):
        try:
            if not (more := os.read(terminal, 4096)):
                break
        except OSError:  # its other end is closed
            break
        found += more
    return found


def test_check_names_what_is_wrong(run: Run, inbox: Inbox, url: str) -> None:
    """Its exit code is 0 only where the service has accepted a test."""
    done = run("check", TWINKLE_NOTIFIER_URL=url)
    assert (done.stdout, done.returncode) == ("Set up by TWINKLE_NOTIFIER_URL:\n  DingTalk: the test is sent\n", 0)
    done = run("check", TWINKLE_NOTIFIER_URL=inbox.url)
    assert done.returncode == 1
    assert "  DingTalk: NOT sent: DingTalk 310000: the robot is in signed mode, and no secret is given" in done.stdout
    done = run("check", TWINKLE_NOTIFIER_URL="https://oapi.dingtalk.com/robot/send")
    assert (done.returncode, len(inbox.messages)) == (1, 1)
    assert "ding_url is cut short: it names no access_token" in done.stdout
    done = run("check")
    assert done.returncode == 1
    assert "no notifier is set up: set TWINKLE_NOTIFIER_URL, or run `twinkle-notifier init`" in done.stderr


@pytest.mark.parametrize("command", [("check",), ("send", "the data is ready")])
def test_a_command_says_that_alerts_are_switched_off(
    run: Run, inbox: Inbox, url: str, command: tuple[str, ...]
) -> None:
    """What is set up otherwise is not asked. A URL that is given to the command is."""
    done = run(*command, TWINKLE_NOTIFIER_URL="off", TWINKLE_NOTIFIER=url)
    assert done.returncode != 0
    assert (
        done.stderr
        == "twinkle-notifier: alerts are switched off: TWINKLE_NOTIFIER_URL is off. Unset it, or give --to\n"
    )
    assert (done.stdout, inbox.messages) == ("", [])
    assert run(*command, "--to", url, TWINKLE_NOTIFIER_URL="off").returncode == 0
    assert len(inbox.messages) == 1


def test_check_for_programs(run: Run, inbox: Inbox, url: str) -> None:
    """One JSON object, also where nothing is set up."""
    done = run("check", "--json", TWINKLE_NOTIFIER_URL=url)
    ok = {"service": "DingTalk", "ok": True, "error": ""}
    assert json.loads(done.stdout) == {"ok": True, "from": "TWINKLE_NOTIFIER_URL", "notifiers": [ok]}
    found = json.loads(run("check", "--json", TWINKLE_NOTIFIER_URL=inbox.url).stdout)
    assert (found["ok"], found["notifiers"][0]["ok"]) == (False, False)
    assert "signed mode" in found["notifiers"][0]["error"]
    assert json.loads(run("check", "--json").stdout)["error"].startswith("no notifier is set up")


def test_check_asks_each_of_several() -> None:
    """However they are nested; a user's attribute of that name is none."""

    class Several(Notifier):
        def __init__(self, *notifiers: Notifier) -> None:
            self.notifiers: Any = notifiers

    one, other = Notifier(), Notifier()
    assert each(Several(one, Several(other, one))) == [one, other, one]
    own = Several()
    own.notifiers = "mine"
    assert each(own) == [own]


def test_send(run: Run, inbox: Inbox, url: str) -> None:
    """A text, or standard input; with a heading and a level."""
    done = run("send", "the data is **ready**", TWINKLE_NOTIFIER_URL=url)
    assert (done.stdout, done.returncode) == ("sent to DingTalk\n", 0), done.stderr
    done = run("send", "-", "--title", "build", "--level", "error", "--json", "--to", url, given="line 1\nline 2 é\n")
    assert json.loads(done.stdout) == {"status": "sent", "service": "DingTalk", "reason": ""}
    assert [message.text for message in inbox.messages] == ["the data is **ready**", "### build\n\nline 1\nline 2 é"]


def test_what_cannot_be_sent_is_kept(run: Run, inbox: Inbox, url: str) -> None:
    """On the disk, for the next flush; the exit code says so."""
    done = run("send", "hello", TWINKLE_NOTIFIER_URL=NOWHERE)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "not sent to DingTalk: " in done.stderr
    assert "kept on the disk" in done.stderr
    assert "tok-0123" not in done.stderr
    done = run("flush", "--json", "--dry-run", TWINKLE_NOTIFIER_URL=url)
    found = json.loads(done.stdout)
    assert (found["sent"], found["left"], len(found["waiting"]), found["problems"]) == (1, 0, 1, [])
    assert found["waiting"][0].endswith("  DingTalk  hello")
    assert json.loads(run("flush", "--json", TWINKLE_NOTIFIER_URL=url).stdout) == {"sent": 1, "left": 0, "problems": []}
    assert [message.text.split("\n")[0] for message in inbox.messages] == ["hello"]


@pytest.mark.parametrize(
    "arguments", [["send", " "], ["send", "-"], ["send"], ["send", "x", "--level", "fatal"], ["send", "x"]]
)
def test_send_refuses_what_cannot_work(run: Run, arguments: list[str]) -> None:
    """With 2; also where nothing is set up."""
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("kind", "title", "says"),
    [
        ((), "demo failed: OSError: No space left on device", "- Likely: the disk is full"),
        (("--fail",), "demo failed: OSError: No space left on device", "- Next: "),
        (("--hang",), "demo has made no progress for ", "- At: train.py:18 in wait_for_a_rank_that_is_gone"),
        (("--end",), "demo ended after ", "- Progress: step 10 of 10\n- Metrics: loss 0.42"),
    ],
)
def test_the_demo_shows_an_alert(run: Run, kind: tuple[str, ...], title: str, says: str) -> None:
    """Whatever is set up, and whoever runs it; it leaves nothing behind."""
    before = sorted(Path(os.environ["TMPDIR"]).iterdir())
    done = run("demo", *kind, "--json", TWINKLE_NOTIFIER_URL=NOWHERE, TWINKLE_NOTIFIER_NOTIFICATIONS="failure_only")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["title"].startswith(title), found["service"]) == (True, "DingTalk")
    assert "- Run: demo" in found["text"]
    assert says in found["text"]
    assert sorted(Path(os.environ["TMPDIR"]).iterdir()) == before


def test_the_demo_for_people(run: Run) -> None:
    """What ran, what arrived, and what to do next."""
    done = run("demo", "--fail")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "$ twinkle-notifier run --name demo -- python train.py"
    assert "### demo failed: OSError: No space left on device: 'out/checkpoint-3' (exit code 1)" in lines
    assert any("in save" in line for line in lines)
    assert "- Likely: the disk is full (or has no inodes left): nothing more can be written there" in lines
    assert lines[-2] == "The log and the folder that it names were temporary: they are deleted."
    assert lines[-1] == "For your own chat: twinkle-notifier init"


def test_the_inbox_takes_what_each_url_sends(run: Run, tmp_path: Path) -> None:
    """Until Ctrl-C."""
    with subprocess.Popen([*COMMAND, "inbox", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd="/") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(6)]
        urls = {line[0].rstrip(":"): line[-1] for line in lines[:5]}
        for service in ("DingTalk", "Feishu", "WeCom", "Slack"):
            assert run("send", "hello", "--to", urls[service]).returncode == 0
        port = urls["DingTalk"].split(":")[2].split("/")[0]
        taken = run("inbox", "--port", port)
        process.send_signal(2)
        assert process.wait(60) == 0
    assert (taken.returncode, "give another one, or 0" in taken.stderr) == (2, True)


NAMES = ["init", "check", "send", "run", "flush", "demo", "inbox"]


@pytest.mark.parametrize("command", NAMES)
def test_each_help_has_an_example(run: Run, command: str) -> None:
    """That begins with the command."""
    done = run(command, "--help")
    assert done.returncode == 0
    example = done.stdout.partition("Example")[2]
    assert f"twinkle-notifier {command}" in example


def test_the_help_has_each_command(run: Run) -> None:
    shown = run("--help").stdout
    assert [name for name in NAMES if f"    {name} " not in shown] == []


def test_a_run_loads_nothing_of_the_other_commands(run: Run) -> None:
    """A server, say: `run -- true` is to be quick."""
    code = "import sys; from twinkle_notifier.cli.main import main; main(['run', '--', 'true']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, timeout=120)
    unwanted = {"http.server", "getpass", "tomllib", "twinkle_notifier.inbox", "importlib.metadata"}
    assert unwanted & set(done.stdout.split()) == set(), done.stderr


def closed(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The command with its standard input closed, as by a shell's ``<&-``."""
    command = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **more)


def test_a_closed_standard_input_is_an_empty_one(url: str) -> None:
    """No traceback."""
    for arguments in (("send", "-", "--to", url), ("init",)):
        done = closed(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_pipe_that_nobody_reads_is_no_traceback(url: str) -> None:
    """`check | true`."""
    command = ["bash", "-c", 'set -o pipefail; "$@" | true', "bash", *COMMAND, "check", "--to", url]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120)
    assert done.stderr == ""


@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_init_can_be_left_at_each_question(key: bytes, inbox: Inbox) -> None:
    """Without a traceback, and with nothing written."""
    for answers in ((), (inbox.url,)):
        terminal, its = os.openpty()
        process = subprocess.Popen([*COMMAND, "init"], stdin=its, stdout=its, stderr=its, start_new_session=True)
        os.close(its)
        for answer in answers:
            read(terminal, lambda text: text.rstrip().endswith(b"spaces):"))
            os.write(terminal, answer.encode() + b"\n")
        read(terminal, lambda text: text.rstrip().endswith((b"spaces):", b"Enter):")))
        if key == b"\x03":
            process.send_signal(signal.SIGINT)
        else:
            os.write(terminal, key)
        shown = read(terminal, lambda text: False)
        assert process.wait(30) in (2, 130)
        os.close(terminal)
        assert b"Traceback" not in shown
        assert not place().exists()


def test_send_is_by_hand_and_always_goes_out(run: Run, inbox: Inbox, url: str) -> None:
    """Whatever `min_level` the user's file has for alerts."""
    write(place(), url)
    with place().open("a") as file:
        file.write('min_level = "error"\n')
    done = run("send", "the data is ready")
    assert (done.returncode, len(inbox.messages)) == (0, 1), done.stderr


def test_a_file_that_is_refused_is_the_reason(run: Run, url: str) -> None:
    """For programs, too: not that nothing is set up."""
    write(place(), url)
    place().chmod(0o644)
    done = run("check", "--json")
    assert f"chmod 600 {place()}" in json.loads(done.stdout)["error"]
    done = run("send", "x", "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (2, "failed")
    assert f"chmod 600 {place()}" in json.loads(done.stdout)["reason"]


@pytest.mark.parametrize("command", [("flush", "--to"), ("run", "--to")])
def test_several_references_may_stand_in_to(command: tuple[str, ...], run: Run, inbox: Inbox, url: str) -> None:
    """As everywhere."""
    more = ["--", sys.executable, "-c", "raise SystemExit(3)"] if command[0] == "run" else []
    done = run(*command, "env:A env:B", *more, A=url, B=inbox.urls["WeCom"])
    assert done.returncode == (3 if more else 0), done.stderr
    assert sorted(message.service for message in inbox.messages) == (["DingTalk", "WeCom"] if more else [])


def test_what_run_keeps_for_a_reference_goes_out_by_it(run: Run, inbox: Inbox, url: str) -> None:
    """The kept message holds the reference, which leads to another URL later."""
    done = run("run", "--to", "env:MINE", "--", sys.executable, "-c", "raise SystemExit(3)", MINE=NOWHERE)
    assert done.returncode == 3
    done = run("flush", MINE=url)
    assert (done.returncode, len(inbox.messages)) == (0, 1), done.stderr


def test_a_pause_of_flush_is_more_than_nothing(run: Run) -> None:
    """Else it would never pause."""
    for pause in ("-1", "0", "nan", "inf"):
        done = run("flush", "--follow", "--every", pause)
        assert (done.returncode, "is not a pause" in done.stderr) == (2, True)


@pytest.mark.parametrize(("code", "is_known"), [(127, True), (5, False)])
def test_run_finds_the_cause_in_the_last_lines_by_the_exit_code(
    code: int, is_known: bool, run: Run, inbox: Inbox, url: str, tmp_path: Path
) -> None:
    """A command that was not found may have been no matter; with exit code 127 it was."""
    log = tmp_path / "log"
    command = f"echo 'bash: line 1: torchrun: command not found' > {log}; exit {code}"
    done = run("run", "--to", url, "--log", str(log), "--", "sh", "-c", command)
    assert done.returncode == code, done.stderr
    [message] = inbox.messages
    assert ("\n- Likely: " in message.text) is is_known, message.text
