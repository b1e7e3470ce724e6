"""Ranks of two nodes, each in a process of its own: who goes to the store of the run, and what people read."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import VARIABLE, Mailbox
from twinkle_notifier.runtime import rank_sets as ranks

# Two nodes of four ranks, forked on one machine and in one folder, as torchrun's ranks see themselves. Files stand for
# the server's store, and note which rank opens them.
RANKS = """
import json, os, signal, sys, time, traceback
from pathlib import Path
import twinkle_notifier as t
from twinkle_notifier.alerts import pipeline as incident
from twinkle_notifier.claims.stores import files, torch as torch_store
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
    """Though both nodes have one folder in common; all are named, and reported."""
    met = meet(
        "wait_for(*(f'ready-{n}' for n in range(8) if not Path(f'ready-{rank}').touch())); tell(ValueError('x'))"
    )
    assert sorted(rank // 4 for rank in met.opened) == [0, 1], met.stderr
    assert ranks_line(inbox) == "0-7 of 8"
    assert statuses(met) == ["duplicate"] * 7 + ["sent"]
    [sender] = (number for number, said in met.outcomes.items() if said["status"] == "sent")
    assert sorted({said["reason"] for said in met.outcomes.values()})[1:] == [f"rank {sender} has reported it"]


@pytest.mark.stress
def test_who_comes_later_is_counted_in(meet: Callable[..., Met], inbox: Inbox) -> None:
    """On the node that sends, and on the one that waits for its verdict; no rank is named that has not met it."""
    source = """
incident.GATHER = 3.0
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
    assert ranks.all_ranks(met.members) == {0, 1, 2, 3, 4, 6, 7}


def test_a_follower_speaks_for_its_node(meet: Callable[..., Met], inbox: Inbox) -> None:
    """Those of another node who met what follows are named, though one of them asked."""
    source = """
if rank == 0:
    incident.GATHER = 2.0
    tell(ValueError("x"))
if rank > 3:
    wait_for("raised-0")
    tell(RuntimeError("Connection closed by peer [127.0.0.1]"))
"""
    met = meet(source)
    assert len(met.opened) == 2, met.stderr
    assert re.match("rank 0 of 8 on ", ranks_line(inbox))
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


@pytest.mark.stress
def test_a_robot_that_refuses_is_asked_once(meet: Callable[..., Met], inbox: Inbox) -> None:
    """For a reason that holds for every rank, of whichever node."""
    inbox.script(*[{"errcode": 300005, "errmsg": "token is not exist"}] * 8)
    met = meet('tell(ValueError("x"))')
    assert inbox.requests == 1, met.stderr
    assert len(met.opened) == 2
    assert [said["final"] for said in met.outcomes.values()] == [True] * 8


@pytest.mark.stress
def test_each_rank_leaves_it_to_the_supervisor_by_itself(meet: Callable[..., Met], inbox: Inbox) -> None:
    """None says that it is reported, and none waits for a cause once more."""
    begun = Mailbox.begun()
    source = """
incident._CAUSE = 3.0
if rank < 4:
    tell(RuntimeError("Connection closed by peer [127.0.0.1]"))
"""
    met = meet(source, **{VARIABLE: str(begun.folder)})
    assert statuses(met) == ["queued"] * 4, met.stderr
    assert [(word.state, word.rank) for word in sorted(begun.notes(), key=lambda word: word.rank)] == [
        ("left", rank) for rank in range(4)
    ]
    assert len(met.opened) == 1
    assert max(said["took"] for said in met.outcomes.values()) < 6
    assert inbox.messages == []


@pytest.mark.stress
def test_what_follows_from_an_error_of_its_own_a_rank_tells_itself(meet: Callable[..., Met], inbox: Inbox) -> None:
    """It reported one and went on; a peer that is gone now was killed, whatever the others of its node take for the cause."""
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
    assert len(re.findall("cannot agree in torchrun's store on who sends the alert", met.stderr)) == 2


def test_without_a_folder_each_rank_goes_to_the_server_itself(meet: Callable[..., Met], inbox: Inbox) -> None:
    """As before."""
    source = """
from twinkle_notifier.runtime import state_dir as folders
folders._roots = lambda: iter([Path("/proc/nowhere")])  # where nobody can make one
wait_for(*(f'ready-{n}' for n in range(8) if not Path(f'ready-{rank}').touch()))
tell(ValueError("x"))
"""
    met = meet(source)
    assert sorted(met.opened) == list(range(8)), met.stderr
    assert ranks_line(inbox) == "0-7 of 8"
