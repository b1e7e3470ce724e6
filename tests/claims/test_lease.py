"""Which rank sends the alert about an incident, and what the others learn."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import claims, isolation
from twinkle_notifier.claims import Access, Claim, Claims, Verdict, Watermark
from twinkle_notifier.claims import lease as lease_module
from twinkle_notifier.claims.lease import Participant
from twinkle_notifier.claims.log import Record
from twinkle_notifier.claims.store import Store
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.claims.stores.memory import MemoryStore
from twinkle_notifier.runtime.host import started_at
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Holder, Instant, process_start
from twinkle_notifier.runtime.rank_sets import FOLLOWER
from twinkle_notifier.runtime.stored import dumped, parsed


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "claims")


def claims_of(store: Store | Access, rank: int = 0, since: Instant | None = None) -> Claims:
    """The claims of rank `rank`, which started with this process, or `since`."""
    where = Where.here()._replace(rank=rank, world_size=16, hostname="host")
    access = store if isinstance(store, Access) else Access(lambda: store, 60)
    return Claims(access, where, Watermark(since or process_start()))


def won(found: Claim | Verdict) -> Claim:
    assert isinstance(found, Claim)
    return found


def never() -> bool:
    return False


# One incident


def test_one_wins_and_the_others_learn_of_it(store: Store) -> None:
    """Sixteen at once; the losers return when the winner has sent, not before."""
    found: list[Claim | Verdict] = []
    sent = threading.Event()
    early: list[int] = []

    def tell(rank: int) -> None:
        mine = claims_of(store, rank).claim("incident", 60)
        found.append(mine)
        if isinstance(mine, Claim):
            time.sleep(0.2)
            sent.set()
            mine.close("sent")
        elif not sent.is_set():
            early.append(rank)

    threads = [threading.Thread(target=tell, args=(rank,)) for rank in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    [winner] = [mine for mine in found if isinstance(mine, Claim)]
    assert [mine for mine in found if isinstance(mine, Verdict)] == [Verdict("sent", winner.rank)] * 15
    assert early == []


def test_incidents_are_claimed_apart(store: Store) -> None:
    """One does not silence the other, and they have two ids."""
    one, other = (won(claims_of(store).claim(key, 0)) for key in ("one", "other"))
    assert one.message_id != other.message_id


@pytest.mark.parametrize("state", ["sent", "refused"])
def test_what_is_over_is_over(state: Any, store: Store) -> None:
    """Sent, or refused for a reason that holds for every rank: whoever asks later learns it, and who it was."""
    won(claims_of(store, 3).claim("incident", 0)).close(state)
    assert [claims_of(store, rank).claim("incident", 0) for rank in (1, 3)] == [Verdict(state, 3)] * 2


def test_a_failure_leaves_it_to_the_next(store: Store) -> None:
    """As often as it takes; the message's id stays the same, so that a service can drop repeats."""
    tries = []
    for rank in range(3):
        tries.append(won(claims_of(store, rank).claim("incident", 0)))
        tries[-1].close("failed")
    assert len({claim.message_id for claim in tries}) == 1


def test_the_waiting_ends(store: Store) -> None:
    """With what is known by then."""
    won(claims_of(store, 3).claim("incident", 0))
    began = time.monotonic()
    assert claims_of(store, 1).claim("incident", 0.2) == Verdict("claimed", 3)
    assert 0.2 <= time.monotonic() - began < 30


def test_a_dead_holder_is_replaced(store: Store) -> None:
    """At once, not after its lease."""
    child = subprocess.Popen(["sleep", "60"])
    try:
        holder = Holder(Holder.me().host, child.pid, started_at(child.pid))
        store.append("incident", 0, dumped(Record("claimed", 3, holder, Instant.now())))
        assert claims_of(store).claim("incident", 0.1) == Verdict("claimed", 3)
    finally:
        child.kill()
        child.wait()
    began = time.monotonic()
    won(claims_of(store).claim("incident", 60))
    assert time.monotonic() - began < lease_module.LEASE / 2


def test_who_replaces_a_killed_process_sends_the_same_message(tmp_path: Path) -> None:
    """A real one, killed between its claim and its end."""
    code = f"""
import os, pathlib, signal
from twinkle_notifier.claims import Access, Claims, Watermark
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.runtime.host import started_at
from twinkle_notifier.runtime.launcher import Where; from twinkle_notifier.runtime.process import process_start
mine = Claims(Access(lambda: FileStore(pathlib.Path({str(tmp_path)!r})), 60), Where.here(), Watermark(process_start()))
print(mine.claim("incident", 0).message_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=180, cwd="/")
    assert won(claims_of(FileStore(tmp_path)).claim("incident", 60)).message_id == done.stdout.strip()


def test_a_silent_holder_is_replaced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its lease is over, though it lives; its late record is no error, and does not end the other's claim."""
    monkeypatch.setattr(lease_module, "LEASE", 0.2)
    first = won(claims_of(store, 3).claim("incident", 0))
    second = won(claims_of(store, 1).claim("incident", 60))
    assert second.message_id == first.message_id
    monkeypatch.setattr(lease_module, "LEASE", 60.0)
    first.close("failed")
    assert claims_of(store, 2).claim("incident", 0) == Verdict("claimed", 1)
    second.close("sent")
    assert claims_of(store, 2).claim("incident", 0) == Verdict("sent", 1)


# Another run


@pytest.mark.parametrize("state", ["claimed", "sent", "refused", "failed"])
def test_an_earlier_runs_claim_silences_nobody(state: Any, store: Store) -> None:
    """It was made before this process started; the incident is another, with another id."""
    first = won(claims_of(store, 3).claim("incident", 0))
    if state != "claimed":
        first.close(state)
    second = won(claims_of(store, 1, since=Instant.now()).claim("incident", 0))
    assert second.message_id != first.message_id
    second.close("sent")
    assert claims_of(store, 2).claim("incident", 0) == Verdict("sent", 1)


NOW = Instant("boot", 100.0, 5000.0)


@pytest.mark.parametrize(
    ("at", "sequence", "counts"),
    [
        (Instant("boot", 100.1, 0.0), 1, True),
        (Instant("boot", 99.9, 9999.0), 9, False),
        (Instant("other", 0.0, 5006.0), None, True),
        (Instant("other", 0.0, 5004.0), None, False),
        (Instant("other", 0.0, 9999.0), 5, False),
        (Instant("other", 0.0, 0.0), 6, True),
    ],
    ids=["later", "earlier", "clock later", "clock in doubt", "count not later", "count later"],
)
def test_what_counts_was_made_after_the_mark(at: Instant, sequence: int | None, counts: bool) -> None:
    """On one machine by its boot clock; between machines by the store's count, and without one by their clocks."""
    record = Record("sent", 0, Holder.me(), at, sequence)
    assert record.after(Watermark(NOW, 5)) is counts


# Damage


@pytest.mark.parametrize("count", [7, 7.0, 2**53 + 1, 1_795_912_151_666_680_976, 10**30])
def test_a_users_store_may_count_as_it_likes(count: Any) -> None:
    """By whole numbers of any size, or by such floats: a claim that could not be read would silence nobody."""

    class Counting(MemoryStore):
        def sequence(self, step: int) -> Any:
            return count + step

    record = Record.now("claimed", 0, Counting())
    assert parsed(Record.load, dumped(record)) == record
    mark = Watermark(Instant.now(), count)
    assert parsed(Watermark.load, dumped(mark)) == mark


def test_a_record_is_read_as_it_was_written(store: Store) -> None:
    """With all its fields."""
    record = Record.now("claimed", 3, store)
    assert parsed(Record.load, dumped(record)) == record


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"\xff\x00",
        lambda _: b"null",
        lambda _: b"[]",
        lambda _: b"{}",
        lambda data: data[:-9],
        lambda data: data.replace(b'"state"', b'"stage"'),
        lambda data: data.replace(b'"holder": {', b'"holder": null, "more": {'),
        lambda data: re.sub(rb'"since_boot": [0-9.]+', b'"since_boot": null', data),
    ],
)
def test_what_cannot_be_read_silences_nobody(damage: Callable[[bytes], bytes], store: Store) -> None:
    """It counts as made before anything started, and the log goes on behind it."""
    whole = dumped(Record.now("sent", 3, store))
    assert damage(whole) != whole
    store.append("incident", 0, damage(whole))
    claim = won(claims_of(store, 1).claim("incident", 0.1))
    claim.close("sent")
    assert claims_of(store, 2).claim("incident", 0) == Verdict("sent", 1)


class Broken(MemoryStore):
    """Fails in one of its operations."""

    def __init__(self, operation: str, how: Callable[[], Any]) -> None:
        super().__init__()
        setattr(self, operation, lambda *_: how())


def fail() -> None:
    raise RuntimeError("the server is gone")


@pytest.mark.parametrize("operation", ["append", "read", "join", "sequence"])
def test_a_store_that_fails_is_left(operation: str, caplog: pytest.LogCaptureFixture) -> None:
    """For the next best, at last this process's own memory; with a warning."""

    def work(access: Access) -> Claim | Verdict:
        return claims_of(access).claim("incident", 0)

    first = claims.with_store(Where.here(), Broken(operation, fail), work)
    assert won(first).access.store is claims.alone
    assert "on who sends the alert: RuntimeError" in caplog.text


def test_a_store_that_hangs_is_left() -> None:
    """Within seconds."""
    release, began = threading.Event(), time.monotonic()
    found = claims.with_store(
        Where.here(), Broken("read", lambda: release.wait(60)), lambda access: claims_of(access).claim("incident", 0)
    )
    took = time.monotonic() - began
    release.set()
    assert won(found).access.store is claims.alone
    assert took < 30


def test_a_store_that_was_left_claims_nothing(store: Store) -> None:
    """Its thread goes on after its time, and a claim that nobody ends would hold the others up."""

    class Slow:
        seconds = 0.3

        def __init__(self) -> None:
            self.done = threading.Event()

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def read(self, key: str, start: int) -> list[bytes]:
            time.sleep(1)
            self.done.set()
            return store.read(key, start)

    slow = Slow()
    with pytest.raises(OSError, match="no answer"):
        claims_of(Access(lambda: slow, 60)).claim("incident", 0)  # type: ignore[arg-type, return-value]
    assert slow.done.wait(60)
    time.sleep(0.2)
    assert store.read("incident", 0) == []


def test_a_claim_that_comes_too_late_is_taken_back(store: Store) -> None:
    """Whoever asked has gone on to another store; the next need not wait for the lease."""

    class Slow:
        seconds = 0.3

        def __init__(self) -> None:
            self.appended = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def append(self, key: str, index: int, record: bytes) -> bool:
            time.sleep(1)
            added = store.append(key, index, record)
            self.appended += 1
            return added

    slow = Slow()
    with pytest.raises(OSError, match="no answer"):
        claims_of(Access(lambda: slow, 60), rank=1).claim("incident", 0)  # type: ignore[arg-type, return-value]
    deadline = time.monotonic() + 60
    while slow.appended < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert won(claims_of(store, rank=2).claim("incident", 0)).rank == 2


def test_stores_that_hang_leave_time_for_the_send() -> None:
    """A store may ask for more than there is."""
    release = threading.Event()
    broken = Broken("read", lambda: release.wait(60))
    broken.seconds = 30.0  # type: ignore[attr-defined]

    def walk() -> tuple[Claim | Verdict, float]:
        found = claims.with_store(Where.here(), broken, lambda access: claims_of(access).claim("incident", 0))
        return found, isolation.remaining()

    found, left = isolation.call(walk, 25).result()
    release.set()
    assert won(found).access.store is claims.alone
    assert left > 8


def test_ranks_of_one_run_meet_in_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything to set up; a process on its own stays in its memory."""
    assert (
        won(claims.with_store(Where.here(), None, lambda access: claims_of(access).claim("incident", 0))).access.store
        is claims.alone
    )
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, kind in enumerate((Claim, Verdict)):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        here = Where.here()
        found = claims.with_store(
            here, None, lambda access, here=here: claims_of(access, here.rank).claim("incident", 0)
        )
        assert isinstance(found, kind)


# Who has met it


def test_who_claims_and_who_waits_has_met_it(store: Store) -> None:
    """The claim's holder learns of them, once each, as soon as all are there."""
    claim = won(claims_of(store, 0).claim("incident", 0))
    for rank in (1, 2, 2):
        claims_of(store, rank).claim("incident", 0)
    began = time.monotonic()
    assert claim.gather(3, 60, never) == {"0@host", "1@host", "2@host"}
    assert time.monotonic() - began < 30


def test_who_comes_for_several_counts_as_several(store: Store) -> None:
    """Written as few members; new ranks are added, on both sides."""
    ranks = [{0, 1}, {4, 5}]
    where = Where.here()._replace(hostname="host")
    claimants = [
        Claims(
            Access(lambda: store, 60),
            where,
            Watermark(process_start()),
            Participant(lambda n=n: set(ranks[n]), "host", n, 2),
        )
        for n in range(2)
    ]
    claim, found = won(claimants[0].claim("incident", 0)), []
    ranks[0] |= {2, 3}
    waiting = threading.Thread(target=lambda: found.append(claimants[1].claim("incident", 60)))
    waiting.start()
    assert claim.gather(6, 60, never) == {"0-1@host", "2-3@host", "4-5@host"}
    ranks[1] |= {6, 8}
    assert claim.gather(8, 60, never) == {"0-1@host", "2-3@host", "4-5@host", "6@host", "8@host"}
    claim.close("sent")
    waiting.join(60)
    assert found == [Verdict("sent", where.rank)]


@pytest.mark.parametrize(("seconds", "hurry"), [(0.1, never), (60, lambda: True)])
def test_a_gathering_ends_without_those_who_do_not_come(
    seconds: float, hurry: Callable[[], bool], store: Store
) -> None:
    """When its time is over, or soon when this process is asked to end."""
    claim, began = won(claims_of(store, 0).claim("incident", 0)), time.monotonic()
    assert claim.gather(2, seconds, hurry) == {"0@host"}
    assert time.monotonic() - began < 30


def test_a_follower_waits_for_the_causes_message(store: Store) -> None:
    """And is counted beside those who met the cause."""
    claim = won(claims_of(store, 0).claim("incident", 0))
    claims_of(store, 0).announce("causes", "incident")
    told: list[Verdict | None] = []
    thread = threading.Thread(
        target=lambda: told.append(claims_of(store, 1).follow("causes", grace=60, seconds=60, hurry=never))
    )
    thread.start()
    time.sleep(0.1)
    assert told == []
    claim.close("sent")
    thread.join(60)
    assert told == [Verdict("sent", 0)]
    assert claim.gather(2, 0, never) == {"0@host", f"{FOLLOWER}1@host"}


def test_a_follower_asks_no_robot_that_refused(store: Store) -> None:
    """It has refused the cause for a reason that holds for every rank."""
    won(claims_of(store, 0).claim("incident", 0)).close("refused")
    claims_of(store, 0).announce("causes", "incident")
    assert claims_of(store, 1).follow("causes", grace=60, seconds=60, hurry=never) == Verdict("refused", 0)


def test_who_told_of_an_error_and_goes_on_follows_nothing_of_it(store: Store) -> None:
    """The peer that is gone now was killed by something else."""
    won(claims_of(store, 0).claim("incident", 0)).close("sent")
    claims_of(store, 0).announce("causes", "incident")
    assert claims_of(store, 0).follow("causes", grace=0.1, seconds=60, hurry=never) is None


@pytest.mark.parametrize("state", [None, "failed"])
def test_a_follower_tells_itself_where_no_cause_is_told(state: Any, store: Store) -> None:
    """None was announced, or its message could not be sent."""
    if state:
        won(claims_of(store, 0).claim("incident", 0)).close(state)
        claims_of(store, 0).announce("causes", "incident")
    began = time.monotonic()
    assert claims_of(store, 1).follow("causes", grace=0.1, seconds=60, hurry=never) is None
    assert time.monotonic() - began < 30


def test_a_follower_may_leave_one_incident_out(store: Store) -> None:
    """That which it would claim itself, for which it is no follower."""
    won(claims_of(store, 0).claim("own", 0)).close("sent")
    claims_of(store, 0).announce("causes", "own")
    assert claims_of(store, 1).follow("causes", grace=0.1, seconds=60, hurry=never, apart_from="own") is None
    assert claims_of(store, 1).follow("causes", grace=60, seconds=60, hurry=never, apart_from="other") == Verdict(
        "sent", 0
    )


def test_a_follower_does_not_follow_an_earlier_run(store: Store) -> None:
    """Nor wait long when it is asked to end."""
    won(claims_of(store, 0).claim("incident", 0)).close("sent")
    claims_of(store, 0).announce("causes", "incident")
    began = time.monotonic()
    late = claims_of(store, 1, since=Instant.now())
    assert late.follow("causes", grace=60, seconds=60, hurry=lambda: True) is None
    assert time.monotonic() - began < 30
