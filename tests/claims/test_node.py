"""Which rank of a node asks the run's store, and what the others learn."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import TrainingRun, claims, notify_exception
from twinkle_notifier.claims import Verdict, Watermark, node
from twinkle_notifier.claims.log import Record
from twinkle_notifier.claims.node import NodeLease
from twinkle_notifier.claims.stores import torch
from twinkle_notifier.claims.stores.memory import MemoryStore
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.runtime import rank_sets as participant
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Holder, Instant, process_start
from twinkle_notifier.runtime.stored import dumped, fields_of
from twinkle_notifier.testing import RecordingNotifier

WHERE = Where.here()._replace(world_size=8, local_world_size=4, hostname="host")


def rank(number: int, host: str = "host") -> Where:
    return WHERE._replace(rank=number, local_rank=number % 4, hostname=host)


def lease(where: Where, seconds: float = 60, *, brief: bool = False) -> NodeLease | Verdict:
    node._decided.clear()  # each call is one of another process
    return found(node.node_lease(where, None, Watermark(process_start()), "incident", seconds, brief=brief))


def found(mine: NodeLease) -> NodeLease | Verdict:
    return mine.verdict or mine


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by torchrun, which serves a store."""
    monkeypatch.setattr(torch, "is_served", lambda: True)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "run")
    monkeypatch.setenv("GROUP_RANK", "0")


def won(mine: NodeLease | Verdict) -> NodeLease:
    assert isinstance(mine, NodeLease)
    return mine


@pytest.mark.usefixtures("launched")
def test_no_helper_thread_outlives_a_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of the rank which claims, nor that of one which gets its verdict, though somebody keeps both."""
    kept: list[claims.Access] = []

    class Kept(claims.Access):
        def __init__(self, *arguments: Any) -> None:
            kept.append(self)
            super().__init__(*arguments)

    def helpers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "twinkle-notifier-helper"}

    before = helpers()
    monkeypatch.setattr(node, "Access", Kept)
    won(lease(rank(5))).end(Outcome("sent"), sender=5)
    assert lease(rank(6)) == Verdict("sent", 5)
    for thread in helpers() - before:
        thread.join(10)
    assert (len(kept), helpers() - before) == (2, set())


@pytest.mark.usefixtures("launched")
def test_one_of_a_node_has_the_lease_and_speaks_for_all() -> None:
    """It sees at any moment which ranks have come; the others wait for its verdict."""
    learned: list[NodeLease | Verdict] = []
    first = won(lease(rank(5)))
    assert first.participant.ranks() == {5}
    threads = [threading.Thread(target=lambda n=n: learned.append(lease(rank(n)))) for n in (4, 6, 7)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(first.participant.ranks()) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (first.participant.ranks(), first.participant.place, first.participant.size) == ({4, 5, 6, 7}, 1, 2)
    assert learned == []
    first.end(Outcome("duplicate"), sender=1)
    for thread in threads:
        thread.join(30)
    assert learned == [Verdict("sent", 1)] * 3


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome("sent"), "sent"),
        (Outcome("queued"), "left"),
        (Outcome("failed", final=True), "refused"),
        (Outcome("spooled", retry_after=9.0), "refused"),
    ],
)
def test_a_verdict_is_passed_on(outcome: Outcome, state: Any) -> None:
    """With the rank that gave it in the run's store."""
    won(lease(rank(0))).end(outcome, sender=4)
    assert lease(rank(1), 0) == Verdict(state, 4)


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize("outcome", [Outcome("failed"), Outcome("spooled"), Outcome("unknown"), None])
def test_where_there_is_no_verdict_the_next_has_the_lease(outcome: Outcome | None) -> None:
    """And speaks for those before it, too."""
    won(lease(rank(0))).end(outcome, sender=0)
    assert won(lease(rank(1), 0)).participant.ranks() == {0, 1}


@pytest.mark.usefixtures("launched")
def test_a_verdict_does_not_hold_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's store knows what is sent for good."""
    won(lease(rank(0))).end(Outcome("sent"), sender=0)
    assert lease(rank(1), 0) == Verdict("sent", 0)
    monkeypatch.setattr(node, "SECONDARY_NODE_WORD", 0.05)
    time.sleep(0.1)
    assert lease(rank(2), 0) == Verdict("sent", 0)
    won(lease(rank(3), 0, brief=True)).end(Outcome("sent"), sender=0)
    monkeypatch.setattr(node, "NODE_WORD", 0.05)
    time.sleep(0.1)
    won(lease(rank(1), 0))


@pytest.mark.usefixtures("launched")
def test_a_rank_that_knows_the_decision_asks_its_node_no_more(tmp_path: Path) -> None:
    """In a loop that goes on after each error, the node's log does not grow; a new training begins anew."""
    mark = Watermark(process_start())
    won(node.node_lease(rank(0), None, mark, "incident", 0)).end(Outcome("sent"), sender=0)
    again = won(node.node_lease(rank(0), None, mark, "incident", 0))
    assert (again.participant.ranks(), again.participant.size) == ({0}, 8)
    again.end(Outcome("duplicate"), sender=0)
    assert len(list((tmp_path / "tmp").glob("*/claims/*/incident/[0-9]*"))) == 2
    assert found(node.node_lease(rank(0), None, Watermark(process_start(), 7), "incident", 0)) == Verdict("sent", 0)


@pytest.mark.usefixtures("launched")
def test_nodes_differ_by_name_and_by_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder; two agents may be on one machine, two machines may have one name, and two runs one port."""
    leases = [won(lease(rank(0), 0)), won(lease(rank(0, host="other"), 0))]
    monkeypatch.setenv("GROUP_RANK", "1")
    leases.append(won(lease(rank(4), 0)))
    monkeypatch.setenv("MASTER_ADDR", "another")
    leases.append(won(lease(rank(5), 0)))
    assert [sorted(mine.participant.ranks()) for mine in leases] == [[0], [0], [4], [5]]


@pytest.mark.usefixtures("launched")
def test_the_store_s_count_is_noted_for_those_who_do_not_ask_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first after a rank's start: earlier ones are of an earlier attempt, later ones of a later training."""
    before = Instant.now()
    node.note(rank(0), 5)
    between = Instant.now()
    node.note(rank(0), 9)
    node.note(rank(0), 12)
    marks = [Watermark(before), Watermark(between), Watermark(Instant.now()), Watermark(before, 3)]
    assert [node.with_count(rank(1), mark).sequence for mark in marks] == [5, 9, None, 3]
    assert claims.node_lease(rank(1), claims.alone, marks[0], "incident", 0, brief=False).mark is marks[0]
    for damage in ("{", "[" * 9999, f'{{"at": {json.dumps(fields_of(before))}, "sequence": Infinity}}'):
        for file in (tmp_path / "tmp").glob("*/claims/*/count/*"):
            file.write_text(damage)
        assert node.with_count(rank(1), marks[0]) == marks[0]
    monkeypatch.setattr(state_dir, "_roots", lambda: iter([Path("/proc/nowhere")]))
    assert node.with_count(rank(1), marks[0]) == marks[0]


@pytest.mark.usefixtures("launched")
def test_only_the_first_of_a_node_notes_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its store gives it; and a rank without that does not go by another machine's clock."""
    counting = type("Counting", (MemoryStore,), {"kept": classmethod(lambda cls: cls()), "sequence": lambda *_: 7})
    monkeypatch.setattr(torch, "TorchStore", counting)
    mark = Watermark(process_start())
    one, first, two = (rank(number)._replace(world_size=264) for number in (1, 0, 2))
    small = first._replace(world_size=256)  # all connect by themselves
    for where in (one, small):
        claims.note(where, None, claims.counted(where, None))
        assert node.with_count(two, mark) == mark
    claims.note(first, None, claims.counted(first, None))
    assert node.with_count(two, mark).sequence == 7
    ahead = Instant("another machine", 1.0, time.time() + 3600)
    record = Record("sent", 4, Holder("another", 1, 1.0), ahead, 6)
    assert (record.after(mark), record.after(node.with_count(two, mark))) == (True, False)


@pytest.mark.usefixtures("launched")
def test_who_is_connected_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another rank would have to connect in the crash, which takes long with a slow resolver."""
    pauses: list[float] = []
    monkeypatch.setattr("twinkle_notifier.claims.lease.time.sleep", pauses.append)
    for size in (256, 264):
        for connected in (True, False):
            monkeypatch.setattr(torch, "is_connected", lambda connected=connected: connected)
            won(lease(rank(1)._replace(world_size=size), 0)).end(None, sender=0)
    assert pauses == [0.0005, 0.0005, 0.0005, 0.0505]  # in a smaller run all are connected, or none


@pytest.mark.usefixtures("launched")
def test_a_folder_that_breaks_meanwhile_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The ranks known so far are kept, and the folder is not asked again."""
    mine = won(lease(rank(0)))
    lease(rank(1), 0)
    assert mine.participant.ranks() == {0, 1}
    [folder] = (tmp_path / "tmp").glob("*/claims/*/incident/..")
    subprocess.run(["rm", "-r", folder.resolve()], check=True)
    folder.resolve().write_text("no folder any more")
    assert [mine.participant.ranks() for _ in range(2)] == [{0, 1}] * 2
    assert caplog.text.count("the other ranks of this node") == 1
    mine.end(Outcome("sent"), sender=0)
    assert "do not learn what became of the message" in caplog.text


@pytest.mark.usefixtures("launched")
def test_a_folder_that_does_not_work_gives_each_its_lease(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For itself alone, as one of all the ranks of the run."""
    monkeypatch.setattr(state_dir, "_roots", lambda: iter([Path("/proc/nowhere")]))
    mine = won(lease(rank(5)))
    assert (mine.participant.ranks(), mine.participant.place, mine.participant.size) == ({5}, 5, 8)
    assert "cannot agree on which of them uses the run's store" in caplog.text


@pytest.mark.usefixtures("launched")
def test_who_agrees_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several ranks on each of several nodes under torchrun, where the user has chosen no store."""
    assert node.agrees_first(WHERE, None)
    assert not node.agrees_first(WHERE, claims.alone)
    assert not node.agrees_first(WHERE._replace(local_world_size=8), None)
    assert not node.agrees_first(WHERE._replace(local_world_size=1), None)
    monkeypatch.setattr(torch, "is_served", lambda: False)
    assert not node.agrees_first(WHERE, None)


@pytest.mark.usefixtures("launched")
def test_in_a_large_run_one_of_each_node_connects_beforehand() -> None:
    """Up to 256 ranks all do; a store of the user's own is not spared."""
    small, large = (WHERE._replace(world_size=size) for size in (256, 264))
    ranks = [where._replace(local_rank=local) for where in (small, large) for local in range(4)]
    assert [claims.counts(where, None) for where in ranks] == [True] * 4 + [True, False, False, False]
    assert all(claims.counts(where, claims.alone) for where in ranks)


def test_members_are_written_by_their_runs() -> None:
    """And read again, those of one rank included."""
    assert list(participant.written({0, 1, 2, 5, 7, 8}, "a")) == ["0-2@a", "5@a", "7-8@a"]
    assert participant.all_ranks(["~0-2@a", "5@a", "~7-8@b-1"]) == {0, 1, 2, 5, 7, 8}


class Ahead(MemoryStore):
    """A store that has counted to 7, and whose every incident another machine reported in an earlier attempt.

    By its clock that was an hour from now.
    """

    kept = classmethod(lambda cls: cls())
    told = Record("sent", 4, Holder("another", 1, 1.0), Instant("another", 1.0, time.time() + 3600), 6)

    def sequence(self, step: int) -> int:
        return 7 + step

    def read(self, key: str, start: int) -> list[bytes]:
        self.append(key, 0, dumped(self.told))
        return super().read(key, start)


@pytest.fixture
def large(launched: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Stand as a rank of a large run in which other machines' clocks run ahead."""
    monkeypatch.setattr(torch, "TorchStore", Ahead)

    def stand(number: int) -> None:
        size = {"RANK": number, "LOCAL_RANK": number % 4, "WORLD_SIZE": 264, "LOCAL_WORLD_SIZE": 4}
        for name, value in size.items():
            monkeypatch.setenv(name, str(value))

    return stand


def told_by(number: int, large: Callable[[int], None]) -> str:
    large(number)
    return notify_exception(RecordingNotifier(), "step", ValueError(str(number)), f"run {number}").status


def test_a_clock_that_runs_ahead_silences_nobody_once_the_count_is_noted(large: Callable[[int], None]) -> None:
    """The first rank's training notes it; a crash of another rank of its node heeds it."""
    assert told_by(2, large) == "duplicate"  # by the clock alone
    large(0)
    training = TrainingRun(RecordingNotifier(), name="sft")
    training.started()
    mark, deadline = Watermark(process_start()), time.monotonic() + 30
    while node.with_count(Where.here(), mark) == mark and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told_by(3, large) == "sent"
