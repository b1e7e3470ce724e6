"""The kernel's log: from the kernel itself where this user may write to it, else as it writes its records."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages.machine import machine_lines
from twinkle_notifier.surroundings import kernel_log
from twinkle_notifier.surroundings.kernel_log import Record, place, records, troubles
from twinkle_notifier.surroundings.xids import OF_EITHER, OF_MACHINE, OF_PROGRAM

pytestmark = pytest.mark.linux
LOST = "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
FAULT = "NVRM: Xid (PCI:0000:3b:00): 31, pid=4711, name=python, Ch 00000008, MMU Fault"


def log(folder: Path, *entries: tuple[float, str]) -> str:
    """A file of records, each so many seconds old."""
    path, now = folder / "kmsg", time.monotonic()
    lines = [f"4,{at},{round((now - ago) * 1e6)},-;{text}\n DEVICE=+pci\n" for at, (ago, text) in enumerate(entries)]
    path.write_text("".join(lines))
    return str(path)


def told(*found: Record, seconds: float = 600.0, pids: tuple[int, ...] = (), oom: bool = True) -> list[str]:
    return machine_lines(troubles(found, seconds, pids, {"0000:3b:00": 3}, oom=oom))


def test_a_record_of_the_kernel_itself() -> None:
    """Written to the real log, where this user may: one that no other run has to do with."""
    text = FAULT.replace("4711", "999999999")
    try:
        with open("/dev/kmsg", "w") as file:
            file.write(f"<4>{text}\n")
        found = list(records(60.0, time.monotonic() + 5))
    except OSError as error:
        pytest.skip(f"the kernel's log is closed to this user: {error}")
    assert text in [record.text for record in found if record.ago < 60]
    assert told(*found, pids=(999999999,))


def test_what_is_older_does_not_count(tmp_path: Path) -> None:
    """Nor what is of no interest. What belongs to a record, in lines of its own, is none."""
    path = log(tmp_path, (100, LOST), (12.0, FAULT), (3, "usb 1-1: new device"))
    (found,) = records(60.0, time.monotonic() + 5, path)
    assert (found.text, round(found.ago)) == (FAULT, 12)


def test_a_record_from_the_future_is_of_now(tmp_path: Path) -> None:
    """The clock of the log is not corrected."""
    (found,) = records(60.0, time.monotonic() + 5, log(tmp_path, (-30.0, LOST)))
    assert found.ago == 0.0


def test_a_log_that_is_closed_or_missing(tmp_path: Path) -> None:
    """It raises what a look leaves out."""
    with pytest.raises(OSError, match="No such file"):
        list(records(60.0, time.monotonic() + 5, str(tmp_path / "none")))


def test_a_log_that_gives_nothing_does_not_hang(tmp_path: Path) -> None:
    """It ends where it ends."""
    assert list(records(60.0, time.monotonic() + 5, log(tmp_path))) == []


@pytest.mark.parametrize("what", ["fifo", "folder", "/dev/zero", "/dev/null"])
def test_what_is_no_log_is_not_read(tmp_path: Path, what: str) -> None:
    """What is read from a FIFO is lost to others."""
    path = tmp_path / what
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    with pytest.raises(OSError, match=r"not the kernel's log"):
        list(records(60.0, time.monotonic() + 5, str(path)))


TERMINAL = """
import os, pty, select, sys, time
from twinkle_notifier.surroundings.kernel_log import records
ours, theirs = pty.openpty()
name = os.ttyname(theirs)
os.symlink(name, sys.argv[1])
os.write(ours, b"typed\\n")
select.select([theirs], [], [], 5)
try:
    print(list(records(60.0, time.monotonic() + 1, sys.argv[1])))
except OSError as error:
    print(error)
try:
    print(os.open("/dev/tty", os.O_RDWR))
except OSError:
    print("no terminal of its own")
print(os.read(theirs, 100))
"""


def test_a_terminal_in_its_place_stays_as_it_is(tmp_path: Path) -> None:
    """As in a container whose /dev/kmsg leads to the console: it becomes no process's own, and keeps what was typed."""
    command = [sys.executable, "-c", TERMINAL, str(tmp_path / "kmsg")]
    done = subprocess.run(
        command, cwd="/", start_new_session=True, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [
        "[Errno 22] it is not the kernel's log",
        "no terminal of its own",
        r"b'typed\n'",
    ]


def test_a_log_without_an_end_takes_its_time_only(tmp_path: Path) -> None:
    """Nor is more than a bounded part of it read: here a terabyte without a line's end."""
    path = tmp_path / "kmsg"
    path.touch()
    os.truncate(path, 1 << 40)
    began = time.monotonic()
    assert list(records(60.0, began + 0.2, str(path))) == []
    assert time.monotonic() - began < 5


@settings(deadline=None, max_examples=30)  # it writes files of a megabyte
@given(st.binary(max_size=3000) | st.binary(max_size=50).map(lambda data: data * 20_000))
def test_any_bytes(data: bytes) -> None:
    """Binary, a megabyte, no line's end: nothing is raised, and what is found is bounded."""
    path = Path(os.environ["PYTEST_KMSG"])
    path.write_bytes(data + b"\n1,2,3,-;" + LOST.encode() + data)
    found = list(records(1e9, time.monotonic() + 5, str(path)))
    lines = machine_lines(troubles(found, 1e9, (), {}, oom=True))
    assert len(lines) <= 3
    assert all(len(line) < 330 and "\n" not in line for line in lines)


@pytest.fixture(autouse=True)
def place_for_bytes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the property writes its log."""
    monkeypatch.setenv("PYTEST_KMSG", str(tmp_path_factory.mktemp("kmsg") / "log"))


@given(st.text(max_size=300))
def test_any_text_of_a_record(text: str) -> None:
    """After each of the beginnings that are known."""
    beginnings = ("NVRM: Xid (PCI:", "nfs: server ", "Out of memory: Killed process 1 (", "I/O error, dev ", "")
    for beginning in beginnings:
        assert len(told(Record(1.0, beginning + text))) <= 3


def test_the_machines_fault() -> None:
    """It counts whatever process met it, and says so; a GPU whose number is not known is named by its place."""
    said = "about 12 s before: the GPU has fallen off the bus (the machine's fault, not the program's)"
    assert told(Record(12.0, LOST)) == [f"- Machine: Xid 79 on GPU 3 of the machine (0000:3b:00), {said}"]
    assert told(Record(12.0, LOST.replace("3b", "5e"))) == [f"- Machine: Xid 79 on the GPU at 0000:5e:00, {said}"]
    older = "NVRM: Xid (0000:3b:00): 79, GPU has fallen off the bus."
    assert told(Record(12.0, older)) == [f"- Machine: Xid 79 on GPU 3 of the machine (0000:3b:00), {said}"]


def test_the_fault_of_a_program_is_told_of_this_run_alone() -> None:
    """Another user's program on the same machine is no news here."""
    assert told(Record(1.0, FAULT)) == told(Record(1.0, FAULT), pids=(47, 471)) == []
    said = "- Machine: Xid 31 on GPU 3 of the machine (0000:3b:00), about 1 s before: the program used memory that is not its own"
    assert told(Record(1.0, FAULT), pids=(4711,)) == [said]
    unknown = Record(1.0, FAULT.replace(" 31,", " 109,"))
    assert told(unknown, pids=(4711,)) == ["- Machine: Xid 109 on GPU 3 of the machine (0000:3b:00), about 1 s before"]


def test_an_xid_of_a_part_of_a_gpu() -> None:
    """With MIG the instance follows the place."""
    text = "NVRM: Xid (PCI:0000:3b:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel (0x9). RST: No, D-RST: No"
    (line,) = told(Record(5.0, text))
    assert line.startswith("- Machine: Xid 94 on GPU 3 of the machine (0000:3b:00), about 5 s before: an uncorrectable")


@pytest.mark.parametrize("number", [46, 119, 120, *range(144, 151), 158])
def test_what_may_be_anybodys_fault(number: int) -> None:
    """It is told whatever process met it, and blames nobody."""
    (line,) = told(Record(5.0, f"NVRM: Xid (PCI:0000:3b:00): {number}, pid=1, name=python, text"))
    assert ", about 5 s before: " in line
    assert "fault" not in line


def test_a_cleanup_says_nothing() -> None:
    """Ctrl-C and a kill leave one, too."""
    assert told(Record(5.0, FAULT.replace(" 31,", " 45,")), pids=(4711,)) == []


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("0x2 (Node Reboot Required)", "it needs a reboot of the node to work again"),
        ("0x1 (GPU Reset Required)", "it needs a reset to work again"),
        ("0x4 (Drain and Reset)", "its programs have to end, then it needs a reset to work again"),
        ("0x3 (Drain P2P)", "to work again it needs: Drain P2P"),
        ("(", "to work again it needs: ?"),
    ],
)
def test_what_a_gpu_needs_after_its_xid(action: str, wanted: str) -> None:
    """The driver says so right after the Xid itself."""
    changed = LOST.replace(" 79,", " 154,").replace("GPU has fallen off the bus.", "GPU recovery action changed from ")
    lines = told(Record(5.0, LOST), Record(5.0, f"{changed}0x0 (None) to {action}"))
    assert len(lines) == 2
    assert lines[1] == f"- Machine: Xid 154 on GPU 3 of the machine (0000:3b:00), about 5 s before: {wanted}"
    assert (
        len(told(Record(9.0, f"{changed}0x0 (None) to {action}"), Record(5.0, f"{changed}0x1 (A) to 0x0 (None)"))) == 0
    )


def test_the_gpus_of_other_programs_come_last() -> None:
    """Whatever has befallen them."""
    found = [Record(5.0, LOST), Record(4.0, LOST.replace("3b", "5e").replace(" 79,", " 119,"))]
    lines = machine_lines(troubles(found, 600.0, (), {"0000:3b:00": 3, "0000:5e:00": 4}, {"0000:3b:00"}, oom=True))
    assert [line.split()[3] for line in lines] == ["119", "79"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_line_is_cut(language: str) -> None:
    """The longest meaning has room."""
    for number in (*OF_MACHINE, *OF_PROGRAM, *OF_EITHER):
        found = [Record(500.0, LOST.replace(" 79, pid='<unknown>'", f" {number}, pid=4711"))]
        (line,) = machine_lines(troubles(found, 600.0, (4711,), {"0000:3b:00": 3}, oom=True), language)
        assert "…" not in line
        assert "{" not in line


def test_the_same_again_is_told_once_and_the_machine_first() -> None:
    """By its last time."""
    found = [Record(9.0, FAULT), Record(8.0, LOST), Record(2.0, LOST)]
    lines = told(*found, pids=(4711,))
    assert [line[11:18] for line in lines] == ["Xid 79 ", "Xid 31 "]
    assert "about 2 s" in lines[0]


def test_xids_count_since_the_run_began_and_all_else_for_ten_minutes() -> None:
    """A GPU that was lost an hour ago may end a collective only now."""
    found = [Record(3600.0, LOST), Record(3600.0, "blk_update_request: I/O error, dev sda, sector 1")]
    assert [line[:19] for line in told(*found, seconds=7200)] == ["- Machine: Xid 79 o"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "EXT4-fs error (device nvme0n1p2): ext4_find_entry:1683: inode #2: comm python",
            "the kernel reports an error in the file system of nvme0n1p2, about 5 s before",
        ),
        (
            "blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ)",
            "the kernel reports I/O errors of sda, about 5 s before",
        ),
        ("Buffer I/O error on dev dm-1, logical block 7", "the kernel reports I/O errors of dm-1, about 5 s before"),
        ("nfs: server nas-2 not responding, still trying", "the NFS server nas-2 does not respond, since about 5 s"),
        (
            "Out of memory: Killed process 812 (python) total-vm:1kB",
            "the kernel's out-of-memory killer ended process 812 (python), about 5 s before",
        ),
        ("blk_update_request: I/O error, dev fd0, sector 0", None),
        ("I/O error, dev sr0, sector 0", None),
        ("EXT4-fs (sda1): mounted filesystem, errors=remount-ro", None),
    ],
)
def test_disks_servers_and_memory(text: str, wanted: str | None) -> None:
    """A drive without a disk in it is no fault."""
    assert told(Record(5.0, text)) == ([f"- Machine: {wanted}"] if wanted else [])


def test_a_server_that_responds_again_is_in_order() -> None:
    """Until it does not."""
    silent, again = Record(9.0, "nfs: server nas not responding, still trying"), Record(5.0, "nfs: server nas OK")
    assert told(silent, again) == []
    assert len(told(again, silent)) == 1


def test_the_out_of_memory_killer_of_a_control_group() -> None:
    """It may have been another job's."""
    killed = Record(1.0, "Memory cgroup out of memory: Killed process 812 (python)")
    assert told(killed, pids=(81, 8120)) == []
    assert len(told(killed, pids=(812,))) == 1


def test_the_out_of_memory_killer_is_told_of_once() -> None:
    """Not here where the message says it already."""
    assert told(Record(1.0, "Out of memory: Killed process 812 (python)"), oom=False) == []


@pytest.mark.parametrize("bus", ["00000000:3B:00.0", "0000:3b:00", "PCI:0000:3b:00", "0000:3b:00.0"])
def test_the_place_of_a_gpu(bus: str) -> None:
    """However it is written."""
    assert place(bus) == "0000:3b:00"
    assert kernel_log.place("any: thing") == "any: thing"
