"""Messages that wait on the disk: none is lost, and none goes out twice."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import Message, Outcome, isolation
from twinkle_notifier.delivery import spool as spool_module
from twinkle_notifier.delivery.spool import Flushed, Letter, Spool

SENT = Outcome("sent")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool")


class Sending:
    """Takes what it is given, as long as `outcome` says so."""

    def __init__(self, outcome: Outcome = SENT) -> None:
        self.outcome = outcome
        self.messages: list[Message] = []

    def __call__(self, _letter: Letter, message: Message) -> Outcome:
        if self.outcome == SENT:
            self.messages.append(message)
        return self.outcome


def add(spool: Spool, number: int, headline: str = "") -> None:
    text = f"### {headline or f'message {number}'}\n\n- Run: sft"
    spool.add(Message(text, f"d{number}"), "no network", None)


def test_what_waits_goes_out_in_order_and_once(spool: Spool) -> None:
    """With its own id, and a line that says since when it waited and why."""
    for number in range(3):
        add(spool, number)
    sending = Sending()
    assert spool.flush(sending) == Flushed(sent=3)
    assert [message.id for message in sending.messages] == ["d0", "d1", "d2"]
    assert sending.messages[0].startswith("### message 0\n\n- Delayed: since ")
    assert "(no network)\n- Run: sft" in sending.messages[0]
    assert spool.flush(sending) == Flushed()


def test_one_that_is_not_accepted_stays(spool: Spool) -> None:
    """And those after it, for the next time."""
    add(spool, 0)
    add(spool, 1)
    assert spool.flush(Sending(Outcome("failed", "still no network"))) == Flushed(0, 2, "still no network")
    assert spool.flush(Sending()) == Flushed(sent=2)


def test_the_same_message_waits_once(spool: Spool) -> None:
    """As when two ranks could not send it; and no more once a third could."""
    add(spool, 0)
    add(spool, 0)
    assert len(spool.letters()) == 1
    spool.remove(Message("", "d0"))
    assert spool.letters() == []


def test_many_become_one_digest(spool: Spool) -> None:
    """In which each event is listed: equal ones together, and the first in full."""
    for number in range(50):
        add(spool, number, f"step {number % 25} failed")
    sending = Sending()
    assert spool.flush(sending) == Flushed(sent=50)
    [digest] = sending.messages
    assert digest.startswith("### 50 messages that had to wait\n")
    assert all(f": step {number} failed (2 times)\n" in digest for number in range(25))
    assert digest.count("- Run: sft") == 1


def test_a_digest_that_is_not_accepted_grows(spool: Spool) -> None:
    """And counts all that came later, too."""
    for number in range(20):
        add(spool, number)
    assert spool.flush(Sending(Outcome("throttled", "wait"))).left == 1
    for number in range(20, 40):
        add(spool, number)
    sending = Sending()
    assert spool.flush(sending) == Flushed(sent=40)
    assert sending.messages[0].startswith("### 40 messages that had to wait\n")


def test_more_events_than_a_message_holds_are_counted(spool: Spool) -> None:
    """In any script: the list is bounded by its bytes, so that the robot takes it and the first message, too."""
    for number in range(100):
        add(spool, number, f"第{number}步失败：" + "损失不是数字" * 10)
    sending = Sending()
    assert spool.flush(sending) == Flushed(sent=100)
    [digest] = sending.messages
    listed = digest.count("步失败") - 1
    assert f"\n- and {100 - listed} more\n" in digest
    assert len(digest.encode()) < 8_000


def test_a_digest_that_grows_for_days_is_bounded(spool: Spool, tmp_path: Path) -> None:
    """And still counts all."""
    refusing = Sending(Outcome("failed", "no network"))
    for round_number in range(40):
        for number in range(11):
            add(spool, 100 * round_number + number)
        spool.flush(refusing)
    assert told(spool) == 440
    assert sum(path.stat().st_size for path in (tmp_path / "spool").glob("*.json")) < 60_000
    assert spool.flush(Sending()) == Flushed(sent=440)


def test_a_digest_is_as_young_as_its_newest_part(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened today is not given up with what happened a week ago."""
    for number in range(20):
        add(spool, number)
    spool.flush(Sending(Outcome("failed", "no network")))
    [old] = spool.letters()
    path = spool._path(old.id)
    path.write_bytes(old._replace(at=old.at - 30 * 86400).dump())
    assert spool.flush(Sending()) == Flushed(sent=20)


def test_one_that_is_refused_for_good_holds_up_no_other(spool: Spool) -> None:
    """It stays until it is given up."""
    for number in range(3):
        add(spool, number)
    sent: list[str] = []

    def deliver(letter: Letter, message: Message) -> Outcome:
        if letter.id == "d0":
            return Outcome("failed", "unsafe content", final=True)
        sent.append(letter.id)
        return SENT

    assert spool.flush(deliver) == Flushed(2, 1, "unsafe content")
    assert sent == ["d1", "d2"]


def test_no_letter_is_begun_without_time_for_it(spool: Spool) -> None:
    """Cut off halfway it would be sent again; and what was refused before is still counted as left."""
    for number in range(3):
        add(spool, number)
    refused = Outcome("failed", "unsafe content", final=True)
    assert isolation.call(lambda: spool.flush(Sending()), 5).result() == Flushed(0, 3, "there was no time for more")

    def slow(_letter: Letter, _message: Message) -> Outcome:
        time.sleep(1.5)
        return refused

    assert isolation.call(lambda: spool.flush(slow), spool_module._ENOUGH + 1).result() == Flushed(
        0, 3, "unsafe content"
    )
    assert spool.flush(Sending()) == Flushed(sent=3)


def test_a_letter_of_a_newer_version_is_read(spool: Spool, tmp_path: Path) -> None:
    """What it holds more is nobody's loss."""
    add(spool, 0)
    [path] = (tmp_path / "spool").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "red"}))
    assert spool.flush(Sending()) == Flushed(sent=1)


def test_a_forked_child_holds_no_lock(spool: Spool, tmp_path: Path) -> None:
    """Who flushes may be killed while its children live on."""
    add(spool, 0)
    code = f"""
import os, signal, time
from pathlib import Path
from twinkle_notifier.delivery.spool import Spool
def deliver(letter, message):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)
Spool(Path({str(tmp_path / "spool")!r})).flush(deliver)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd="/") as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.wait(180)
        try:
            assert spool.flush(Sending()) == Flushed(sent=1)
        finally:
            os.kill(child, 9)


def test_the_oldest_are_given_up_and_counted(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether there are too many or they are too old; the next message says so, once."""
    monkeypatch.setattr(spool_module, "_KEPT", 3)
    for number in range(5):
        add(spool, number)
    [first, *_] = spool.letters()
    monkeypatch.setattr(spool_module, "_KEPT_FOR", time.time() - first.at - 0.0005)
    sending = Sending()
    spool.flush(sending)
    lost = 5 - len(sending.messages)
    assert lost >= 2
    assert f"- Dropped earlier: {lost} messages" in sending.messages[0]
    assert f"{lost} messages that could not be sent were dropped" in caplog.text
    add(spool, 9)
    spool.flush(sending)
    assert "Dropped" not in sending.messages[-1]


def test_a_letter_is_for_its_owner_alone(spool: Spool, tmp_path: Path) -> None:
    """And is written whole: nothing else is left in the folder."""
    add(spool, 0)
    [path] = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b"\xff", b'{"id": "x"}', b'{"events": 5, "covers": 5}'])
def test_a_damaged_letter_stops_nothing(content: bytes, spool: Spool, tmp_path: Path) -> None:
    """It is put aside, named, and counted, once."""
    path = tmp_path / "spool" / "x.json"
    path.write_bytes(content)
    add(spool, 0)
    problem = f"{path} holds no message; it is put aside as x.json.damaged"
    assert spool.flush(Sending()) == Flushed(sent=1, skipped=1, problems=(problem,))
    assert (tmp_path / "spool" / "x.json.damaged").exists()
    assert spool.flush(Sending()) == Flushed()


def test_a_part_of_a_digest_is_not_told_again(spool: Spool, tmp_path: Path) -> None:
    """Though a process was killed between writing the digest and taking its parts away."""
    for number in range(20):
        add(spool, number)
    parts = {path: path.read_bytes() for path in (tmp_path / "spool").glob("*.json")}
    spool.flush(Sending(Outcome("failed", "")))
    for path, data in parts.items():
        path.write_bytes(data)
    sending = Sending()
    assert spool.flush(sending) == Flushed(sent=20)
    assert len(sending.messages) == 1


def test_any_text_comes_back(spool: Spool) -> None:
    """Lone surrogates aside, which no service takes."""
    spool.add(Message("### 损失\n\n\x00 \u2028 🙂", "1d"), "why", {"class": "X", "url": "env:URL"})
    [letter] = spool.letters()
    assert (letter.text, letter.notifier) == ("### 损失\n\n\x00 \u2028 🙂", {"class": "X", "url": "env:URL"})
    assert Letter.load(letter.dump()) == letter


# Real processes, killed at any moment

WRITER = """
import itertools, sys
from pathlib import Path
from twinkle_notifier import Message
from twinkle_notifier.delivery.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in itertools.count():
    spool.add(Message("### x", f"{sys.argv[2]}a{number}"), "why", None)
    print(number, flush=True)
"""
SENDER = """
import os, sys
from pathlib import Path
from twinkle_notifier import Outcome
from twinkle_notifier.delivery.spool import Spool
def deliver(letter, message):
    os.write(log, f"{message.id}\\n".encode())  # the service has accepted it
    return Outcome("sent")
log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
print(flush=True)
while True:
    Spool(Path(sys.argv[1])).flush(deliver)
"""


def killed(code: str, *arguments: str, after: float) -> str:
    """What a process had printed when it was killed, `after` seconds from its first word on."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            time.sleep(after)
        finally:
            process.kill()
        return first + process.stdout.read()


def test_a_writer_killed_at_any_moment_loses_nothing(spool: Spool, tmp_path: Path) -> None:
    """What it has kept is there, whole."""
    kept = set()
    for round_number in range(4):
        words = killed(WRITER, str(tmp_path / "spool"), str(round_number), after=random.uniform(0, 0.05))
        kept |= {f"{round_number}a{number}" for number in words.split()[:-1]}  # the last word may be half of one
    assert kept <= {letter.id for letter in spool.letters()}
    assert not list((tmp_path / "spool").glob("*.damaged"))


def test_a_sender_killed_while_it_merges_loses_nothing(spool: Spool, tmp_path: Path) -> None:
    """Each event is in one letter, or was accepted."""
    for number in range(40):
        add(spool, number)
    code = SENDER.replace('return Outcome("sent")', 'return Outcome("failed", "no network")').replace(
        "os.write", "(lambda *_: 0)"
    )
    for number in range(4):
        killed(code, str(tmp_path / "spool"), str(tmp_path / "log"), after=random.uniform(0, 0.01))
        add(spool, 100 + number)
    assert told(spool) == 44


def test_senders_killed_at_any_moment_lose_nothing_and_send_once(spool: Spool, tmp_path: Path) -> None:
    """But for the message that was accepted when the process was killed: at most one for each kill."""
    accepted, rounds = tmp_path / "accepted", 4
    for number in range(spool_module._SINGLE):
        add(spool, number)
    for _ in range(rounds):
        killed(SENDER, str(tmp_path / "spool"), str(accepted), after=random.uniform(0, 0.003))
    rest = Sending()
    spool.flush(rest)
    found = accepted.read_text().split()
    assert {*found, *(message.id for message in rest.messages)} == {f"d{n}" for n in range(spool_module._SINGLE)}
    assert len(found) - len(set(found)) <= rounds


def test_several_senders_at_once_send_once(spool: Spool, tmp_path: Path) -> None:
    """Four that look all the time, while a fifth process writes."""
    accepted = tmp_path / "accepted"
    senders = [
        subprocess.Popen(
            [sys.executable, "-c", SENDER, str(tmp_path / "spool"), str(accepted)], stdout=subprocess.DEVNULL, cwd="/"
        )
        for _ in range(4)
    ]
    try:
        for number in range(100):
            add(spool, number)
            time.sleep(0.005)
        deadline = time.monotonic() + 30
        while spool.letters() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        for sender in senders:
            sender.kill()
            sender.wait()
    found = accepted.read_text().split()
    assert len(found) == len(set(found))
    assert spool.letters() == []


def told(spool: Spool) -> int:
    return sum(event.count for letter in spool.letters() for event in letter.events)


def test_writers_at_once_lose_nothing(tmp_path: Path, start: Any) -> None:
    """Sixteen threads, and a flush that merges meanwhile."""
    done = start(
        f"""
        import threading
        from pathlib import Path
        from twinkle_notifier import Message, Outcome
        from twinkle_notifier.delivery.spool import Spool
        folder = Path({str(tmp_path)!r}) / "many"
        folder.mkdir()
        def write(thread):
            for number in range(20):
                Spool(folder).add(Message("### x", f"{{thread}}a{{number}}"), "why", None)
        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(16)]
        [thread.start() for thread in threads]
        while any(thread.is_alive() for thread in threads):
            Spool(folder).flush(lambda letter, message: Outcome("failed", "no network"))
        [thread.join() for thread in threads]
        """
    ).result(120)
    assert done.returncode == 0, done.stderr
    assert told(Spool(tmp_path / "many")) == 320


def test_holds_no_credentials(tmp_path: Path, ding: Any) -> None:
    """Neither the robot's token nor its secret, though they stand in the message."""
    from twinkle_notifier.delivery import sender as delivery

    message = Message(f"### x\n\n{ding.ding_url} {ding.secret}", "1d")
    assert delivery.keep(ding, message, Outcome("failed", "no network")).status == "spooled"
    data = b"".join(path.read_bytes() for path in Path(os.environ["TMPDIR"]).rglob("*") if path.is_file())
    assert b'"id": "1d"' in data
    assert b"tok-0123456789abcdef" not in data
    assert b"SEC0123456789abcdef" not in data
    assert json.loads(next(Path(os.environ["TMPDIR"]).rglob("1d.json")).read_bytes())["notifier"]["ding_url"] == "***"
