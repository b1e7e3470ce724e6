"""Who of a node goes to the store of the run, and what its other ranks learn."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import claims, folders
from twinkle_notifier.claims import Mark, Told, Turn, member, node, torch_store
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.message import Outcome
from twinkle_notifier.runtime import Where, process_start
from twinkle_notifier.supervision import VARIABLE, Supervision

# Two nodes of four ranks, forked on one machine and in one folder, as torchrun's ranks see themselves. Files stand for
# the server's store, and note which rank opens them.
RANKS = """
import json, os, signal, sys, time, traceback
from pathlib import Path
import twinkle_notifier as t
from twinkle_notifier import incident
from twinkle_notifier.claims import files, torch_store
class Wide(files.FileStore):
    kept = classmethod(lambda cls: cls())
    def __init__(self):
        with open("opened", "a") as file:
            file.write(f"{rank} ")
        super().__init__(Path("wide"))
torch_store.is_served = lambda: True
torch_store.TorchStore = Wide
def stands(rank):
    number = {"RANK": rank, "LOCAL_RANK": rank % 4, "GROUP_RANK": rank // 4, "WORLD_SIZE": 8, "LOCAL_WORLD_SIZE": 4}
    os.environ.update({name: str(value) for name, value in number.items()})
    os.environ.update(TORCHELASTIC_RUN_ID="run", MASTER_PORT="1")
def wait_for(*names):
    deadline = time.monotonic() + 60
    while not all(Path(name).exists() for name in names) and time.monotonic() < deadline:
        time.sleep(0.01)
def tell(exc, notifier=None):
    Path(f"raised-{rank}").touch()
    began = time.monotonic()
    outcome = t.notify_exception(notifier or t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", exc, "sft")
    said = {"status": outcome.status, "final": outcome.final, "reason": outcome.reason, "took": time.monotonic() - began}
    Path(f"outcome-{rank}").write_text(json.dumps(said))
class First(t.DingNotifier):
    def __call__(self, message):
        try:
            Path("first").touch(exist_ok=False)
        except FileExistsError:
            return super().__call__(message)
        act()
incident.claims  # loaded before the fork
children = []
for rank in range(8):
    if not (child := os.fork()):
        try:
            stands(rank)
            meet()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""


@dataclasses.dataclass(frozen=True)
class Met:
    """What came of one error on two nodes."""

    opened: list[int]  # ranks, each time one opened the store of the run
    outcomes: dict[int, dict[str, Any]]
    members: set[str]
    stderr: str


@pytest.fixture
def meet(run: Callable[..., Any], tmp_path: Path) -> Callable[..., Met]:
    """Let each rank do `source`, to its end."""
    folder = tmp_path / "work"

    def meet_it(source: str, **env: str) -> Met:
        inner = "".join(f"    {line}\n" for line in source.strip("\n").split("\n"))
        before, fork, after = RANKS.partition("incident.claims")
        stderr = run(f"{before}def meet():\n{inner}{fork}{after}", **env).stderr
        opened = (folder / "opened").read_text().split() if (folder / "opened").exists() else []
        said = {int(path.name[8:]): json.loads(path.read_text()) for path in folder.glob("outcome-*")}
        names = {path.name.removeprefix("member ") for path in folder.glob("wide/*/member *@*")}
        return Met([int(rank) for rank in opened], said, names, stderr)

    return meet_it


def ranks_line(inbox: Inbox) -> str:
    [message] = inbox.messages
    [line] = re.findall(r"^- Ranks: (.*)$", message.text, re.MULTILINE)
    return str(line)


def statuses(met: Met) -> list[str]:
    return sorted(said["status"] for said in met.outcomes.values())


def test_one_rank_of_each_node_goes_to_the_store(meet: Callable[..., Met], inbox: Inbox) -> None:
    """Though both nodes have one folder in common; all are named, and told."""
    met = meet(
        "wait_for(*(f'ready-{n}' for n in range(8) if not Path(f'ready-{rank}').touch())); tell(ValueError('x'))"
    )
    assert sorted(rank // 4 for rank in met.opened) == [0, 1], met.stderr
    assert ranks_line(inbox) == "0-7 of 8"
    assert statuses(met) == ["duplicate"] * 7 + ["sent"]
    [sender] = (number for number, said in met.outcomes.items() if said["status"] == "sent")
    assert sorted({said["reason"] for said in met.outcomes.values()})[1:] == [f"rank {sender} has told it"]


def test_who_comes_later_is_counted_in(meet: Callable[..., Met], inbox: Inbox) -> None:
    """On the node that tells, and on the one that waits for its word; nobody is named who has not met it."""
    source = """
incident._GATHER = 3.0
if rank == 5:
    return
if rank:
    wait_for("wide")
if rank in (2, 6):
    wait_for("raised-1", "raised-4")
    time.sleep(0.3)
tell(ValueError("x"))
"""
    met = meet(source)
    assert len(met.opened) == 2, met.stderr
    assert re.match("0-4, 6-7 of 8 on ", ranks_line(inbox))
    assert member.all_ranks(met.members) == {0, 1, 2, 3, 4, 6, 7}


def test_a_follower_speaks_for_its_node(meet: Callable[..., Met], inbox: Inbox) -> None:
    """Those of another node who met what follows are named, though one of them asked."""
    source = """
if rank == 0:
    incident._GATHER = 2.0
    tell(ValueError("x"))
if rank > 3:
    wait_for("raised-0")
    tell(RuntimeError("Connection closed by peer [127.0.0.1]"))
"""
    met = meet(source)
    assert len(met.opened) == 2, met.stderr
    assert re.match("0 of 8 on ", ranks_line(inbox))
    assert "- Errors that follow from it: 4-7 of 8 on " in inbox.messages[0].text
    assert statuses(met) == ["duplicate"] * 4 + ["sent"]


def test_a_killed_winner_is_replaced_by_another_of_its_node(meet: Callable[..., Met], inbox: Inbox) -> None:
    """Which goes to the store itself, sends, and names the dead one, too."""
    source = """
global act
act = lambda: os.kill(os.getpid(), signal.SIGKILL)
if rank < 4:
    tell(ValueError("x"), First("env:DING_URL", "env:DING_SECRET"))
"""
    met = meet(source)
    assert len(met.opened) == 2, met.stderr
    assert len(set(met.opened)) == 2
    assert re.match("0-3 of 8 on ", ranks_line(inbox))
    assert statuses(met) == ["duplicate"] * 2 + ["sent"]


def test_what_a_winner_cannot_send_is_left_to_the_next_of_its_node(meet: Callable[..., Met], inbox: Inbox) -> None:
    """It has no way out; the next has one."""
    source = """
global act
act = lambda: t.DingNotifier("http://127.0.0.1:9/robot/send?access_token=x")("x")
if rank < 4:
    tell(ValueError("x"), First("env:DING_URL", "env:DING_SECRET"))
"""
    met = meet(source)
    assert len(met.opened) == 2, met.stderr
    assert re.match("0-3 of 8 on ", ranks_line(inbox))
    assert statuses(met) == ["duplicate", "duplicate", "sent", "spooled"]


def test_a_robot_that_refuses_is_asked_once(meet: Callable[..., Met], inbox: Inbox) -> None:
    """For a reason that holds for every rank, of whichever node."""
    inbox.script(*[{"errcode": 300005, "errmsg": "token is not exist"}] * 8)
    met = meet('tell(ValueError("x"))')
    assert inbox.requests == 1, met.stderr
    assert len(met.opened) == 2
    assert [said["final"] for said in met.outcomes.values()] == [True] * 8


def test_each_rank_leaves_it_to_the_supervisor_by_itself(meet: Callable[..., Met], inbox: Inbox) -> None:
    """None says that it is told, and none waits for a cause once more."""
    begun = Supervision.begun()
    source = """
incident._CAUSE = 3.0
if rank < 4:
    tell(RuntimeError("Connection closed by peer [127.0.0.1]"))
"""
    met = meet(source, **{VARIABLE: str(begun.folder)})
    assert statuses(met) == ["queued"] * 4, met.stderr
    assert [(word.state, word.rank) for word in sorted(begun.words(), key=lambda word: word.rank)] == [
        ("left", rank) for rank in range(4)
    ]
    assert len(met.opened) == 1
    assert max(said["took"] for said in met.outcomes.values()) < 6
    assert inbox.messages == []


def test_what_follows_from_an_error_of_its_own_a_rank_tells_itself(meet: Callable[..., Met], inbox: Inbox) -> None:
    """It told of one and went on; a peer that is gone now was killed, whatever the others of its node take for the cause."""
    source = """
if rank == 0:
    tell(KeyError("a bad batch"))
    Path("told").touch()
    wait_for("raised-1")
    time.sleep(0.3)
elif rank > 3:
    return
wait_for("told")
tell(RuntimeError("Connection closed by peer [127.0.0.1]"))
"""
    met = meet(source)
    assert [message.title.split(": ")[1] for message in inbox.messages] == ["KeyError", "RuntimeError"], met.stderr


def test_without_the_server_all_meet_in_the_folder_of_the_run(meet: Callable[..., Met], inbox: Inbox) -> None:
    """One of each node, as before; still one message."""
    source = """
def broken(self):
    raise OSError("no route to host")
Wide.__init__ = broken
wait_for(*(f'ready-{n}' for n in range(8) if not Path(f'ready-{rank}').touch()))
tell(ValueError("x"))
"""
    met = meet(source)
    assert ranks_line(inbox) == "0-7 of 8", met.stderr
    assert len(re.findall("cannot agree in torchrun's store on who tells", met.stderr)) == 2


def test_without_a_folder_each_rank_goes_to_the_server_itself(meet: Callable[..., Met], inbox: Inbox) -> None:
    """As before."""
    source = """
from twinkle_notifier import folders
folders._roots = lambda: iter([Path("/proc/nowhere")])  # where nobody can make one
wait_for(*(f'ready-{n}' for n in range(8) if not Path(f'ready-{rank}').touch()))
tell(ValueError("x"))
"""
    met = meet(source)
    assert sorted(met.opened) == list(range(8)), met.stderr
    assert ranks_line(inbox) == "0-7 of 8"


# The agreement alone

WHERE = dataclasses.replace(Where.here(), world_size=8, local_world_size=4, hostname="host")


def rank(number: int, host: str = "host") -> Where:
    return dataclasses.replace(WHERE, rank=number, local_rank=number % 4, hostname=host)


def turn(where: Where, seconds: float = 60) -> Turn | Told:
    return node.turn(where, Mark(process_start()), "incident", seconds)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by torchrun, which serves a store."""
    monkeypatch.setattr(torch_store, "is_served", lambda: True)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "run")
    monkeypatch.setenv("GROUP_RANK", "0")


def won(found: Turn | Told) -> Turn:
    assert isinstance(found, Turn)
    return found


@pytest.mark.usefixtures("launched")
def test_one_of_a_node_has_its_turn_and_speaks_for_all() -> None:
    """It sees at any moment who has come; the others wait for the end of it."""
    found: list[Turn | Told] = []
    first = won(turn(rank(5)))
    assert first.party.ranks() == {5}
    threads = [threading.Thread(target=lambda n=n: found.append(turn(rank(n)))) for n in (4, 6, 7)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(first.party.ranks()) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (first.party.ranks(), first.party.place, first.party.size) == ({4, 5, 6, 7}, 1, 2)
    assert found == []
    first.end(Outcome("duplicate"), teller=1)
    for thread in threads:
        thread.join(30)
    assert found == [Told("sent", 1)] * 3


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome("sent"), "sent"),
        (Outcome("queued"), "left"),
        (Outcome("failed", final=True), "refused"),
        (Outcome("spooled", retry_after=9.0), "refused"),
    ],
)
def test_a_word_is_passed_on(outcome: Outcome, word: Any) -> None:
    """With the rank that gave it in the run."""
    won(turn(rank(0))).end(outcome, teller=4)
    assert turn(rank(1), 0) == Told(word, 4)


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize("outcome", [Outcome("failed"), Outcome("spooled"), Outcome("unknown"), None])
def test_where_there_is_no_word_the_next_has_its_turn(outcome: Outcome | None) -> None:
    """And speaks for those before it, too."""
    won(turn(rank(0))).end(outcome, teller=0)
    assert won(turn(rank(1), 0)).party.ranks() == {0, 1}


@pytest.mark.usefixtures("launched")
def test_a_word_does_not_hold_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store of the run knows what silences for good."""
    won(turn(rank(0))).end(Outcome("sent"), teller=0)
    assert turn(rank(1), 0) == Told("sent", 0)
    monkeypatch.setattr(node, "_FRESH", 0.05)
    time.sleep(0.1)
    won(turn(rank(1), 0))


@pytest.mark.usefixtures("launched")
def test_nodes_are_told_apart_by_name_and_by_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder; two agents may be on one machine, and two machines may have one name."""
    turns = [won(turn(rank(0), 0)), won(turn(rank(0, host="other"), 0))]
    monkeypatch.setenv("GROUP_RANK", "1")
    turns.append(won(turn(rank(4), 0)))
    assert [sorted(mine.party.ranks()) for mine in turns] == [[0], [0], [4]]


@pytest.mark.usefixtures("launched")
def test_a_folder_that_breaks_meanwhile_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is known of the others is kept, and the folder is not asked again."""
    mine = won(turn(rank(0)))
    turn(rank(1), 0)
    assert mine.party.ranks() == {0, 1}
    [folder] = (tmp_path / "tmp").glob("*/claims/*/incident/..")
    subprocess.run(["rm", "-r", folder.resolve()], check=True)
    folder.resolve().write_text("no folder any more")
    assert [mine.party.ranks() for _ in range(2)] == [{0, 1}] * 2
    assert caplog.text.count("which other ranks of this node") == 1
    mine.end(Outcome("sent"), teller=0)
    assert "cannot be told what became of the message" in caplog.text


@pytest.mark.usefixtures("launched")
def test_a_folder_that_does_not_work_gives_each_its_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For itself alone, as one of all the ranks of the run."""
    monkeypatch.setattr(folders, "_roots", lambda: iter([Path("/proc/nowhere")]))
    mine = won(turn(rank(5)))
    assert (mine.party.ranks(), mine.party.place, mine.party.size) == ({5}, 5, 8)
    assert "cannot agree on who goes" in caplog.text


@pytest.mark.usefixtures("launched")
def test_who_agrees_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several ranks on each of several nodes under torchrun, where the user has chosen no store."""
    assert node.agrees_first(WHERE, None)
    assert not node.agrees_first(WHERE, claims.alone)
    assert not node.agrees_first(dataclasses.replace(WHERE, local_world_size=8), None)
    assert not node.agrees_first(dataclasses.replace(WHERE, local_world_size=1), None)
    monkeypatch.setattr(torch_store, "is_served", lambda: False)
    assert not node.agrees_first(WHERE, None)


@pytest.mark.usefixtures("launched")
def test_in_a_large_run_one_of_each_node_connects_beforehand() -> None:
    """Up to 256 ranks all do; a store of the user's own is not spared."""
    small, large = (dataclasses.replace(WHERE, world_size=size) for size in (256, 264))
    ranks = [dataclasses.replace(where, local_rank=local) for where in (small, large) for local in range(4)]
    assert [claims.counts(where, None) for where in ranks] == [True] * 4 + [True, False, False, False]
    assert all(claims.counts(where, claims.alone) for where in ranks)


def test_members_are_written_by_their_runs() -> None:
    """And read again, those of one rank included."""
    assert list(member.written({0, 1, 2, 5, 7, 8}, "a")) == ["0-2@a", "5@a", "7-8@a"]
    assert member.all_ranks(["~0-2@a", "5@a", "~7-8@b-1"]) == {0, 1, 2, 5, 7, 8}
