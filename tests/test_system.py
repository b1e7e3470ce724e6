"""Where the system lacks what only Linux, or no Windows, has: what works inside a process works there, too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bare
import pytest

from twinkle_notifier.inbox import Inbox

SECRET = "SEC0123456789abcdef"
CRASH = """
import os, sys, time
import twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
def crash(name="sft"):
    try:
        raise ValueError("at https://x.example/robot/send?access_token=tok-0123456789abcdef")
    except ValueError as error:
        print(t.notify_exception(notifier, "step", error, name).status)
"""


def environment(msvcrt: bool = False) -> dict[str, str]:
    """Of a process on the bare machine, with locks as Windows has them or with none."""
    return bare.environment("msvcrt" if msvcrt else "bare")


@pytest.fixture
def process(run: Callable[..., Any]) -> Callable[..., str]:
    """What a script prints that runs on the bare machine; by default without locks."""

    def printed(source: str, **options: str) -> str:
        done = run(source, **{**environment(), **options})
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return printed


def test_the_machine_is_bare(process: Callable[..., str]) -> None:
    """Else the tests below show nothing."""
    source = """
    import os, signal, sys
    from pathlib import Path
    import twinkle_notifier
    lacks = ["fork", "register_at_fork", "getuid", "geteuid", "uname", "O_NOFOLLOW", "O_CLOEXEC", "pread", "waitid"]
    print([name for name in lacks if hasattr(os, name)])
    print([name for name in ("SIGALRM", "SIGUSR1", "SIGKILL", "pthread_sigmask", "setitimer") if hasattr(signal, name)])
    print([name for name in ("fcntl", "resource", "pwd", "termios", "grp") if sys.modules.get(name) is not None])
    print(os.path.exists("/proc/self/stat"), Path("/proc").joinpath("self/task").is_dir(), os.stat("/").st_uid)
    """
    assert process(source) == "[]\n[]\n[]\nFalse False 0\n"


MEET = """
from pathlib import Path
Path("here-" + os.environ["RANK"]).touch()
while not Path("here-" + str(1 - int(os.environ["RANK"]))).exists():
    time.sleep(0.01)
crash()
"""


@pytest.mark.parametrize("msvcrt", [False, True])
def test_two_ranks_send_one_message(msvcrt: bool, start: Callable[..., Any], inbox: Inbox) -> None:
    """They agree by files."""
    ranks = [
        start(CRASH + MEET, **environment(msvcrt), RANK=rank, LOCAL_RANK=rank, WORLD_SIZE="2", LOCAL_WORLD_SIZE="2")
        for rank in "01"
    ]
    done = [rank.result() for rank in ranks]
    assert sorted(each.stdout for each in done) == ["duplicate\n", "sent\n"], [each.stderr for each in done]
    assert len(inbox.messages) == 1


def test_nothing_secret_leaves(run: Callable[..., Any], inbox: Inbox) -> None:
    """Neither in the message nor in what is logged."""
    source = "import logging; logging.basicConfig(level=0)\n" + CRASH + "crash()"
    done = run(source, **environment())
    assert done.stdout == "sent\n", done.stderr
    [message] = inbox.messages
    assert "https://x.example/robot/send" in message.text
    assert [text for text in (message.text, done.stderr) for secret in (SECRET, "tok-0123") if secret in text] == []


def test_watch_reports_and_the_exception_goes_on(run: Callable[..., Any], inbox: Inbox) -> None:
    """As the user's own."""
    source = CRASH + "\n@t.watch(notifier, 'train', 'sft')\ndef train():\n    1 / 0\ntrain()"
    done = run(source, **environment())
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")
    assert [message.title for message in inbox.messages] == ["sft failed: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize("msvcrt", [False, True])
def test_what_cannot_be_sent_is_sent_next_time(msvcrt: bool, process: Callable[..., str], inbox: Inbox) -> None:
    """By the next run, or by the command."""
    nowhere = "http://127.0.0.1:9/robot/send?access_token=tok-0123456789abcdef"
    env = environment(msvcrt)
    for name in ("one", "two"):
        assert process(f"{CRASH}crash('{name}')", DING_URL=nowhere, **env) == "spooled\n"
    assert inbox.messages == []
    command = "import sys\nfrom twinkle_notifier.cli.main import main\nsys.exit(main(['flush']))"
    assert process(command, **env) == "2 sent, 0 left\n"
    assert process(f"{CRASH}crash('three')", DING_URL=nowhere, **env) == "spooled\n"
    run = "run = t.TrainingRun(notifier, name='four')\nrun.started(); run.ended()"
    process(CRASH + run, **env)
    assert sorted(message.title.split()[0] for message in inbox.messages) == ["four", "one", "three", "two"]


def test_a_stall_is_reported(process: Callable[..., str], inbox: Inbox) -> None:
    """And that it is over."""
    source = """
    run = t.TrainingRun(notifier, name="sft", on_end=False, stall_after=0.5)
    run.started()
    for _ in range(3):
        run.beat(); time.sleep(0.01)
    while not os.path.exists("told"):
        time.sleep(0.05)
    run.beat()
    run.ended()
    """
    source = CRASH + "\n".join(line[4:] for line in source.splitlines())
    told = "open('told', 'w').close()"
    watcher = f"import threading\nthreading.Timer(6.0, lambda: {told}).start()\n"
    process(watcher + source)
    assert [" ".join(message.title.split()[:2]) for message in inbox.messages] == ["sft has", "sft resumed"]
    assert "\n- Progress: step 3\n" in inbox.messages[0].text


def test_run_says_that_it_needs_linux(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """It does not start the command: half a watch would be trusted like a whole one."""
    source = "import sys\nfrom twinkle_notifier.cli.main import main\nsys.exit(main(['run', '--', 'touch', 'begun']))"
    done = run(source, **environment())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("twinkle-notifier: run needs Linux and its /proc, and has not started the command: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.rglob("begun")) == []
    assert inbox.messages == []


HOLD = """
import sys, time
from pathlib import Path
from twinkle_notifier.runtime import state_dir
lock = Path(sys.argv[1], "lock")
"""
COUNT = """
count = lock.with_name("count")
for _ in range(5):
    with state_dir.locked(lock, 60.0) as handle:
        assert handle is not None
        before = int(count.read_text())
        time.sleep(0.002)
        count.write_text(str(before + 1))
"""


def begin(code: str, folder: Path, msvcrt: bool, out: int | None = None) -> subprocess.Popen[bytes]:
    env = {**os.environ, **environment(msvcrt)}
    return subprocess.Popen([sys.executable, "-c", HOLD + code, folder], stdout=out, cwd="/", env=env)


def said(code: str, folder: Path) -> bytes:
    return begin(code, folder, True, subprocess.PIPE).communicate(timeout=60)[0]


@pytest.mark.parametrize("msvcrt", [False, True])
def test_one_process_holds_a_lock_at_a_time(msvcrt: bool, tmp_path: Path) -> None:
    """Six of them count to thirty, by reading and writing."""
    (tmp_path / "count").write_text("0")
    running = [begin(COUNT, tmp_path, msvcrt) for _ in range(6)]
    assert [process.wait(120) for process in running] == [0] * 6
    assert (tmp_path / "count").read_text() == "30"
    assert sorted(path.name for path in tmp_path.glob("*lock*")) == ["lock"]


def test_windows_frees_the_lock_of_the_dead(tmp_path: Path) -> None:
    """At once; held by a process that lives it is not free."""
    hold = "with state_dir.locked(lock, 0.0):\n print('held', flush=True)\n time.sleep(600)"
    holder = begin(hold, tmp_path, True, subprocess.PIPE)
    get = "with state_dir.locked(lock, 0.0) as handle:\n print(handle is not None)"
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert said(get, tmp_path) == b"False\n"
    finally:
        holder.kill()
        holder.communicate()
    assert said(get, tmp_path) == b"True\n"
