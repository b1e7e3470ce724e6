"""Where each rank is stuck, in one message."""

from __future__ import annotations

import pytest

from twinkle_notifier import Progress
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.stored import dumped, parsed
from twinkle_notifier.stalls.recorder import Call
from twinkle_notifier.stalls.report import RankStatus, markdown
from twinkle_notifier.stalls.stacks import Doing


def stand(rank: int, own: str, library: str = "", *, waits: bool = False) -> RankStatus:
    doing = Doing(own, library, waits, f"the stack of {rank}", f"the threads of {rank}")
    return RankStatus(rank, "node", 1, 5, doing, False, Holder("host", 1, 1.0), Instant("boot", 1.0, 1.0))


WAITS = ("train.py:11 in step", "torch/distributed/distributed_c10d.py:3 in all_reduce")


@pytest.mark.parametrize(
    ("stands", "headline"),
    [
        ([stand(r, "train.py:11 in step") for r in range(4)], ": all 4 ranks in the same place"),
        (
            [stand(0, *WAITS, waits=True), *(stand(r, "train.py:8 in load") for r in (1, 2, 3))],
            ": ranks 1-3 are stuck in a different place than the others",
        ),
        ([stand(r, "train.py:11 in step") for r in (0, 1, 3)] + [stand(2, "train.py:9 in step")], ": rank 2 is stuck in a different place than the others"),
        ([stand(r, "a") for r in (0, 1)] + [stand(r, "b") for r in (2, 3)], ": all 4 ranks"),
        ([stand(r, *WAITS, waits=True) for r in (0, 1, 3)], ": rank 2 did not respond"),
        ([stand(3, "train.py:8 in load")], ": rank 3 of 4"),
    ],
)  # fmt: skip
def test_the_heading_names_where_the_trouble_is(stands: list[RankStatus], headline: str) -> None:
    """Who does not wait where others do; else who is not where most are; else who says nothing."""
    where = Where(0, 4, 0, 4, "node", 1, "3.11")
    text = markdown("sft", stands, where, 600, Progress())
    assert text.splitlines()[0] == f"### sft has made no progress for 10 min 00 s{headline}"


def test_of_a_thousand_places_some_are_shown() -> None:
    """And how many more there are; the rest of a message that no service takes is left out."""
    stands = [stand(rank, f"train.py:{rank} in step") for rank in range(1000)]
    text = markdown("sft", stands, Where(0, 1000, 0, 8, "node", 1, "3.11"), 600, Progress())
    assert "- And 994 more places\n" in text
    assert len(text) < 5_000


def hostile(rank: int, **given: object) -> RankStatus:
    known = {
        "number": 1,
        "name": "all_reduce",
        "dtype": "Float",
        "sizes": "[]",
        "values": 1,
        "done": False,
        "since": 1.0,
    }
    call = Call(**{"group": "0", "title": "pg", "members": "", **known, **given})  # type: ignore[arg-type]
    status = stand(rank, *WAITS, waits=True)
    return status._replace(doing=status.doing._replace(calls=[call]))


@pytest.mark.parametrize(
    "given",
    [
        {"members": "0-9000000000000"},
        {"members": ", ".join(["0-9000000000000"] * 1000)},
        {"members": "9" * 5000},
        {"number": 1 << 62, "values": 1 << 62},
        {"values": 10**400},  # more than a float can be
        {"since": float("nan")},
        {"since": "now"},
        {"title": None, "group": None, "number": "x"},
        {"name": ["all_reduce"], "dtype": 5},
    ],
    ids=lambda given: " ".join(given),
)
def test_a_call_of_another_form_costs_its_line_at_most(given: dict[str, object]) -> None:
    """Another process has written it. The alert goes out, with each rank's place."""
    stands = [hostile(0, **given), hostile(1, since=1.0), hostile(2, **given)]
    text = markdown("sft", stands, Where(0, 4, 0, 4, "node", 1, "3.11"), 600, Progress())
    assert text.startswith("### sft has made no progress for 10 min 00 s")
    assert "- Ranks 0-2 of 4: train.py:11 in step" in text


def test_a_stand_survives_its_way() -> None:
    """Through a store; and what is no stand is none."""
    one = stand(3, "träin.py:8 in load")
    assert parsed(RankStatus.load, dumped(one)) == one
    assert [parsed(RankStatus.load, data) for data in (b"", b"[]", b"{}", b'{"doing": 5}')] == [None] * 4


def test_a_step_may_be_a_whole_float() -> None:
    """An adapter's trainer may count by tensors."""
    stand = RankStatus(1, "node", 7, 12.0, Doing("", "", False, "", ""), True, Holder.me(), Instant.now())  # type: ignore[arg-type]
    assert parsed(RankStatus.load, dumped(stand)) == stand


def test_where_the_progress_cannot_be_shown_the_rest_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stall is never kept quiet for it."""
    monkeypatch.setattr(Progress, "lines", lambda *_, **__: 1 / 0)
    text = markdown(
        "sft", [stand(0, "train.py:11 in step")], Where(0, 1, 0, 1, "node", 1, "3.11"), 60.0, Progress(step=3)
    )
    assert "- At: train.py:11 in step\n" in text
    assert "the stack of 0" in text
