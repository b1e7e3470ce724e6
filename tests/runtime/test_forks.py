"""Processes without a launcher that come from one process: they are one run, and send one alert."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

PRELUDE = """
import os, sys, time
import twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
name = "sft"

def meet():
    try:
        raise ValueError("the loss is lost")
    except ValueError as e:
        return t.notify_exception(notifier, "step", e, name)

def fork(work):
    if pid := os.fork():
        return pid
    try:
        work()
    finally:
        os._exit(0)

def all_done():
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
"""
EIGHT = "[fork(meet) for _ in range(8)]; all_done()"


@pytest.fixture
def alerts(run: Callable[..., Any], inbox: Inbox) -> Callable[..., int]:
    """How many messages a script brings, after `PRELUDE`."""

    def count(source: str, **options: Any) -> int:
        done = run(PRELUDE + source, **options)
        assert done.returncode == 0, done.stderr
        return len(inbox.messages)

    return count


@pytest.mark.parametrize(
    "source",
    [
        EIGHT,
        "name = 'sft\\udc80'; " + EIGHT,
        "os.environ['TWINKLE_SESSION_ID'] = '7'; " + EIGHT,
        "fork(meet); meet(); all_done()",
        "pid = fork(meet); os.waitpid(pid, 0); meet()",
        "def nested(): fork(meet); meet(); all_done()\n[fork(nested) for _ in range(2)]; meet(); all_done()",
        # As daemons do: the process between ends at once.
        """
def daemon():
    fork(lambda: (os.setsid(), time.sleep(0.3), meet(), os.write(w, b".")))
r, w = os.pipe()
[fork(daemon) for _ in range(4)]
all_done()
[os.read(r, 1) for _ in range(4)]
""",
        # The parent ends before its children meet anything.
        "r, w = os.pipe(); s, v = os.pipe()\n"
        "fork(lambda: ([fork(lambda: (os.read(r, 1), meet(), os.write(v, b'.'))) for _ in range(2)]))\n"
        "all_done(); os.write(w, b'..'); [os.read(s, 1) for _ in range(2)]",
    ],
    ids=["eight", "surrogate", "session", "parent and child", "one after the other", "nested", "daemons", "orphans"],
)
def test_who_was_forked_from_one_process_sends_one_alert(source: str, alerts: Callable[..., int]) -> None:
    """All have loaded this package before they were forked."""
    assert alerts(source) == 1


def test_importing_this_package_is_enough(run: Callable[..., Any], inbox: Inbox) -> None:
    """The parent has used nothing of it when it forks."""
    source = PRELUDE.replace("notifier = t.", "notifier = lambda: t.").replace("(notifier, ", "(notifier(), ")
    done = run(source + EIGHT)
    assert len(inbox.messages) == 1, done.stderr


def test_two_names_that_differ_in_what_is_no_text_are_two(alerts: Callable[..., int]) -> None:
    """Both are shown as the same: a name may come from a file's, in any encoding."""
    assert alerts("for name in ('sft\\udc80', 'sft\\udc81', 'sft?'): fork(meet)\nall_done()") == 3


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_and_their_parent_send_one_alert(method: str, alerts: Callable[..., int]) -> None:
    """Though spawned ones have loaded this package themselves."""
    source = f"""
import multiprocessing
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    children = [context.Process(target=meet) for _ in range(3)]
    ready = [child.start() for child in children]
    time.sleep(3)
    meet()
    [child.join() for child in children]
"""
    wait = "def late():\n    time.sleep(3)\n    meet()\n"
    assert alerts(wait + source.replace("target=meet", "target=late")) == 1


def test_programs_that_share_a_session_send_one_alert(alerts: Callable[..., int]) -> None:
    """twinkle-kit's, which is in their environment and was there before they were started."""
    source = """
import subprocess
if "TWINKLE_SESSION_ID" not in os.environ:
    env = {**os.environ, "TWINKLE_SESSION_ID": str(os.getpid())}
    started = [subprocess.Popen([sys.executable, __file__], env=env) for _ in range(3)]
    sys.exit(max(process.wait() for process in started))
open(f"ready-{os.getpid()}", "w").close()
while len([n for n in os.listdir(".") if n.startswith("ready")]) < 3:
    time.sleep(0.01)
meet()
"""
    assert alerts(source) == 1


@pytest.mark.stress
def test_a_session_of_its_own_parts_no_ranks(alerts: Callable[..., int]) -> None:
    """twinkle-kit sets one in each rank that has none; the launcher knows better."""
    assert alerts("os.environ['TWINKLE_SESSION_ID'] = str(os.getpid()); meet()", ranks=2) == 1


def test_a_child_of_a_rank_is_of_its_run(alerts: Callable[..., int]) -> None:
    """As are the other ranks and their children, if all are there before one meets the error."""
    source = """
def together():
    open(f"ready-{os.getpid()}", "w").close()
    while len([n for n in os.listdir(".") if n.startswith("ready")]) < 4:
        time.sleep(0.01)
    meet()
fork(together); together(); all_done()
"""
    assert alerts(source, ranks=2) == 1


def test_who_is_forked_later_is_another_start(alerts: Callable[..., int], inbox: Inbox) -> None:
    """It replaces a child that has reported the same error and is gone: it is not silenced by that."""
    assert alerts("os.waitpid(fork(meet), 0); time.sleep(1); os.waitpid(fork(meet), 0)") == 2
    assert "- Again: 2nd time" in inbox.messages[1].text


def test_an_earlier_event_of_the_parent_silences_no_child(alerts: Callable[..., int]) -> None:
    """Neither one before its first fork nor one between two; what a child meets later is reported, once."""
    source = """
meet(); time.sleep(0.7)
[fork(meet) for _ in range(2)]; all_done(); time.sleep(0.7)
[fork(meet) for _ in range(2)]; all_done()
"""
    assert alerts(source) == 3


def test_the_exception_that_the_parent_has_reported_is_reported(alerts: Callable[..., int]) -> None:
    """The child that was forked while it is handled hands on the same one."""
    source = """
try:
    raise ValueError("x")
except ValueError as e:
    t.notify_exception(notifier, "step", e, name)
    fork(lambda: t.notify_exception(notifier, "further out", e, name))
    all_done()
"""
    assert alerts(source) == 1


def test_unrelated_processes_each_tell(alerts: Callable[..., int]) -> None:
    """Programs that a process starts were not forked from it, and one that has forked is no kin of another."""
    source = """
import subprocess
if len(sys.argv) == 1:
    started = [subprocess.Popen([sys.executable, __file__, "child"]) for _ in range(2)]
    sys.exit(max(process.wait() for process in started))
fork(meet); meet(); all_done()
"""
    assert alerts(source) == 2


def test_a_process_that_never_forked_needs_no_folder(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """It claims in its memory, as before."""
    run(PRELUDE + "meet()", TWINKLE_NOTIFIER_DIR=str(tmp_path / "own"))
    assert len(inbox.messages) == 1
    assert not (tmp_path / "own" / "claims").exists()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system in memory, of a few kilobytes."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        path = tmp_path / "mounted"
        path.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True).returncode:
            pytest.skip("mounts need root")
        made.append(path)
        return path

    yield mount
    for path in made:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.mark.parametrize(
    "how",
    ["full", "deleted meanwhile", *(pytest.param(how, marks=pytest.mark.stress) for how in ("read-only", "deleted"))],
)
def test_a_broken_folder_keeps_them_together(
    how: str, alerts: Callable[..., int], mounted: Callable[[str], Path], tmp_path: Path
) -> None:
    """They agree in the next one."""
    chosen, before = tmp_path / "gone", ""
    if how == "read-only":
        chosen = mounted("ro")
    elif how == "full":
        chosen = mounted("size=16k")
        with pytest.raises(OSError):
            (chosen / "filler").write_bytes(b"x" * 20_000)
    elif how == "deleted meanwhile":
        chosen.mkdir()
        before = "import shutil; shutil.rmtree(os.environ['TWINKLE_NOTIFIER_DIR']); "
    assert alerts(before + EIGHT, TWINKLE_NOTIFIER_DIR=str(chosen)) == 1


def test_a_worker_s_error_is_reported_by_the_parent(alerts: Callable[..., int], inbox: Inbox) -> None:
    """A data loader's, in which nobody calls this package."""
    pytest.importorskip("torch")
    source = """
import torch
class Data(torch.utils.data.Dataset):
    def __len__(self): return 4
    def __getitem__(self, index): raise ValueError("a bad file")
try:
    list(torch.utils.data.DataLoader(Data(), num_workers=2))
except ValueError as e:
    t.notify_exception(notifier, "step", e, name)
"""
    assert alerts(source) == 1
    assert "a bad file" in inbox.messages[0].text


@pytest.mark.parametrize(
    "size", [0, pytest.param(100, marks=pytest.mark.stress), pytest.param(4096, marks=pytest.mark.stress)]
)
def test_where_no_file_may_grow_they_agree_all_the_same(size: int, alerts: Callable[..., int]) -> None:
    """By a limit of the process, which holds in every folder."""
    assert alerts(f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); {EIGHT}") == 1


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_what_a_child_met_without_room_goes_out_at_its_end(method: str, run: Any, inbox: Inbox) -> None:
    """multiprocessing's children run nothing of atexit."""
    source = """
        import multiprocessing, twinkle_notifier as t
        ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")

        def deep():
            try:
                deep()
            except RecursionError as error:
                t.notify_exception(ding, "deep", error, "sft")

        if __name__ == "__main__":
            child = multiprocessing.get_context(%r).Process(target=deep)
            child.start()
            child.join()
    """
    done = run(source % method)
    assert done.returncode == 0, done.stderr
    assert [message.title[:10] for message in inbox.messages] == ["sft failed"], done.stderr
