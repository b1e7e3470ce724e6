"""A collective that hangs is named: which one, who waits in it, and who does not."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime.rank_sets import parsed
from twinkle_notifier.runtime.stored import Stored, dumped
from twinkle_notifier.stalls.collectives import Calls, finding
from twinkle_notifier.stalls.recorder import MOST, Call, calls


def call(number: int, name: str = "all_reduce", values: int = 1000, **given: Any) -> Call:
    known = {"group": "0", "title": "default_pg", "members": "", "dtype": "Float", "done": False, "since": number}
    return Call(number=number, name=name, sizes=f"[[{values}]]", values=values, **{**known, **given})


def said(calls: Calls, language: str = "en") -> tuple[str, str]:
    found = finding(calls, len(calls), language)
    return (found.headline, found.line) if found else ("", "")


DONE = call(1235, done=True)
WAITS = call(1236, values=16_508_416)
ALL = {"members": "0-2"}
TP = {"group": "7", "title": "tp", "members": "2-3"}


@pytest.mark.parametrize(
    ("calls", "headline", "line"),
    [
        (
            {rank: [DONE, WAITS] if rank != 3 else [DONE] for rank in range(8)},
            "rank 3 has not entered all_reduce no. 1236 of default_pg",
            "rank 3 has not entered all_reduce no. 1236 of default_pg (16.5 M floats); ranks 0-2, 4-7 wait in it",
        ),
        (
            {0: [call(1)], 1: []},  # it has entered none at all
            "",
            "rank 0 waits in all_reduce no. 1 of default_pg (1 k floats)",
        ),
        (
            {0: [call(1, members="0-1")], 1: []},
            "rank 1 has not entered all_reduce no. 1 of default_pg",
            "rank 1 has not entered all_reduce no. 1 of default_pg (1 k floats); rank 0 waits in it",
        ),
        (
            {0: [WAITS], 1: [WAITS], 2: None},  # of rank 2 nothing is known
            "",
            "ranks 0-1 wait in all_reduce no. 1236 of default_pg (16.5 M floats)",
        ),
        (
            {0: [WAITS], 1: [call(1236, "broadcast", 7)], 2: [WAITS]},
            "the ranks called different collectives as no. 1236 of default_pg",
            "the ranks called different collectives as no. 1236 of default_pg: "
            "rank 1 broadcast (7 floats); ranks 0, 2 all_reduce (16.5 M floats)",
        ),
        (
            # Rank 0 is done with it, as far as it goes, and waits in the next one.
            {0: [call(2, done=True), call(3, "barrier", 0)], 1: [call(2, values=2000)]},
            "the ranks gave tensors of different sizes to all_reduce no. 2 of default_pg",
            "the ranks gave tensors of different sizes to all_reduce no. 2 of default_pg: "
            "rank 0 [[1000]] Float; rank 1 [[2000]] Float",
        ),
        (
            {0: [call(2, "all_to_all", 5)], 1: [call(2, "all_to_all", 6)]},  # these may differ
            "",
            "ranks 0-1 wait in all_to_all no. 2 of default_pg (5 floats)",
        ),
        (
            {0: [call(2)], 1: [call(1, done=True), call(9, **TP)], 2: [call(2)], 3: [call(2), call(8, done=True, **TP)]},
            "the ranks wait in different collectives",
            "the ranks wait in different collectives: rank 1 all_reduce no. 9 of tp; ranks 0, 2-3 all_reduce no. 2 of default_pg",
        ),
        (
            # Ranks 0 and 1 wait for rank 2, which waits for rank 3: that one is to blame.
            {0: [call(5, since=1)], 1: [call(5, since=1)], 2: [call(9, since=2, **TP)], 3: [call(8, done=True, since=0, **TP), call(5, since=1)][:1]},
            "rank 3 has not entered all_reduce no. 9 of tp",
            "rank 3 has not entered all_reduce no. 9 of tp (1 k floats); rank 2 waits in it",
        ),
        (
            # Rank 0 is a call ahead of rank 1, and waits, too: it is not to blame for rank 2's.
            {0: [call(8, **ALL)], 1: [call(7, **ALL)], 2: [call(3, **TP | {"members": "0,2"})]},
            "the ranks wait in different collectives",
            "the ranks wait in different collectives: rank 1 all_reduce no. 7 of default_pg; rank 2 all_reduce no. 3 of tp",
        ),
        (
            # Rank 1 has calls of so many groups that this one's may have been left out.
            {0: [call(8, members="0-1")], 1: [call(1, done=True, group=f"{n}") for n in range(1, MOST + 1)]},
            "",
            "rank 0 waits in all_reduce no. 8 of default_pg (1 k floats)",
        ),
        ({0: [DONE], 1: [DONE]}, "", ""),
        ({0: None, 1: None}, "", ""),
    ],
)  # fmt: skip
def test_the_first_difference_is_named(calls: Calls, headline: str, line: str) -> None:
    """Who is missing, who called something else, who gave something else; else who waits, and where."""
    assert said(calls) == (headline, line)


def test_it_is_said_in_chinese() -> None:
    """The collective's name stays as it is in the code."""
    headline, _ = said({0: [WAITS], 1: [DONE]}, "zh")
    assert headline == "rank 1 未进入 default_pg 第 1236 次 all_reduce"


def test_names_of_others_are_no_markdown() -> None:
    """A group's description is the user's."""
    hostile = call(2, title="<b>[x](http://evil)" * 99, name="@all **")
    headline, line = said({0: [hostile], 1: [call(1, done=True)]})
    assert "](" not in line
    assert "<b>" not in line
    assert len(headline) < 300


LATE = re.compile(r"ranks? ([\d, -]+) (?:has|have) not entered \w+ no\. (\d+) of pg(\d)")
CALLS = st.builds(
    call, st.integers(0, 4), st.sampled_from(["all_reduce", "barrier"]), st.integers(0, 3),
    group=st.sampled_from("01"), members=st.sampled_from(["", "0-2", "1", "x", "9-", "0-9000000000000"]), done=st.booleans(),
    since=st.floats(0, 9),
).map(lambda one: one._replace(title=f"pg{one.group}"))  # fmt: skip


@given(st.dictionaries(st.integers(0, 3), st.none() | st.lists(CALLS, max_size=5)))
def test_whatever_the_ranks_have_stored(calls: Calls) -> None:
    """It never raises; a rank that is named as late is known, and has entered no such call of the group, nor a later one."""
    found = finding(calls, 4)
    if found and (match := LATE.match(found.headline)):
        for rank in parsed(match[1], 4):
            entered = calls[rank]
            assert entered is not None
            assert [one for one in entered if one.group == match[3] and one.number >= int(match[2])] == []


def test_what_is_late_is_read() -> None:
    """By the pattern of the test above."""
    found = finding({0: [call(3, members="0-2", title="pg0")], 1: [], 2: [call(2, done=True)]}, 4)
    assert found is not None
    assert LATE.fullmatch(found.headline) is not None


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (0, ""), (7, "7"), (999, "999"), (1000, "1 k"), (16_500, "16.5 k"), (999_499, "999 k"), (999_500, "1 M"),
        (999_600, "1 M"), (999_999, "1 M"), (1_000_000, "1 M"), (999_499_999, "999 M"), (999_500_000, "1 G"),
        (999_500_000_000, "1 T"), (15_000_000_000_000, "15 T"),
    ],
)  # fmt: skip
def test_how_many_values(values: int, wanted: str) -> None:
    """With three digits, in the unit that is right once they are rounded."""
    _, line = said({0: [call(1, values=values)]})
    assert line == f"rank 0 waits in all_reduce no. 1 of default_pg{wanted and f' ({wanted} floats)'}"


def test_what_is_stored_is_read() -> None:
    """As it was written."""
    assert Call.load(Stored.read(dumped(WAITS))) == WAITS


def entry(number: int, **given: Any) -> dict[str, Any]:
    known = {
        "is_p2p": False,
        "process_group": ["0", "default_pg"],
        "collective_seq_id": number,
        "input_dtypes": ["Float"],
    }
    rest = {
        "profiling_name": "nccl:all_reduce",
        "input_sizes": [[4, 2]],
        "retired": True,
        "state": "scheduled",
        "time_created_ns": 1,
    }
    return {**known, **rest, **given}


MORE = [1, 2, 3, 4, 8] * 2 + [1, 2, 3, 8] + [8] * 10  # of 13 groups


@pytest.mark.parametrize(
    ("dump", "numbers"),
    [
        ({"entries": [entry(n, retired=n < 7) for n in range(1, 2001)]}, [4, 5, 6, 7, 8, 9, 10, 2000]),
        ({"entries": [entry(n) for n in range(1, 9)]}, [6, 7, 8]),
        ({"entries": [entry(1), entry(1, is_p2p=True, process_group=["5", "pp"])]}, [1]),
        # The last of each group is there, however much waits in others.
        ({"entries": [entry(n, retired=n > 1, process_group=[f"{g}", "tp"], time_created_ns=g) for g in range(13) for n in range(1, 9)]}, MORE),
        ({"entries": []}, None),
        ({}, None),
        ({"entries": [{"another": "version"}]}, None),
        ([], None),
    ],
)  # fmt: skip
def test_the_recorder_is_read(dump: object, numbers: list[int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it holds what is known of it; of many calls those around the first that is not done."""
    module = SimpleNamespace(_dump_nccl_trace_json=lambda: json.dumps(dump).encode())
    monkeypatch.setitem(sys.modules, "torch._C._distributed_c10d", module)
    found = calls()
    assert (None if found is None else [one.number for one in found]) == numbers


def test_a_recorder_that_hangs_or_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs the line, and two seconds at most."""
    monkeypatch.delitem(sys.modules, "torch._C._distributed_c10d", raising=False)
    assert calls() is None
    monkeypatch.setitem(sys.modules, "torch._C._distributed_c10d", SimpleNamespace(_dump_fr_trace_json=lambda: 1 / 0))
    assert calls() is None


DIFFER = """
import os
import torch, torch.distributed as dist
from twinkle_notifier import DingNotifier, TrainingRun

dist.init_process_group("gloo")
rank = dist.get_rank()
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=2)
run.started()
for _ in range(5):
    dist.all_reduce(torch.ones(1))
    run.beat()
if os.environ["DIFFER"] == "shape":  # of such sizes gloo sends more pieces than the other rank takes, and waits
    dist.all_reduce(torch.ones(1 << (20 if rank else 21)))
elif rank:
    dist.broadcast(torch.ones(7), 0)
else:
    dist.all_reduce(torch.ones(1000))
dist.barrier()
"""


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (
            "shape",
            "the ranks gave tensors of different sizes to all_reduce no. 6 of default_pg: "
            "rank 0 [[2097152]] Float; rank 1 [[1048576]] Float",
        ),
        pytest.param(
            "name",
            "the ranks called different collectives as no. 6 of default_pg: rank 0 all_reduce (1 k floats); rank 1 broadcast (7 floats)",
            marks=pytest.mark.stress,
        ),
    ],
)  # fmt: skip
def test_ranks_that_do_not_call_the_same(what: str, line: str, start: Callable[..., Any], inbox: Inbox) -> None:
    """Real ranks by torchrun and gloo, while they hang."""
    started = start(DIFFER, ranks=2, DIFFER=what)
    [message] = inbox.wait(1, 120)
    started.process.terminate()  # torchrun ends its ranks
    started.result()
    assert f"\n- Collective: {line}\n" in message.text
    assert message.text.splitlines()[0].endswith(f": {line.partition(': ')[0]}")
