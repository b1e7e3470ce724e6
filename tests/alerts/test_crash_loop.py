"""Crashes by the same error, over several runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bare
import pytest

from twinkle_notifier.alerts import crash_loop
from twinkle_notifier.alerts.crash_loop import Past


def note(key: str, earlier: Sequence[float] = ()) -> Past:
    """A crash in a run that began just before it."""
    past = crash_loop.look(key, time.time(), earlier)
    crash_loop.keep(key, past)
    return past


def test_of_a_loop_fewer_and_fewer_are_told() -> None:
    """The first three, and then at intervals that double."""
    told = [n for n in range(1, 70) if Past(loop=n).is_sent()]
    assert told == [1, 2, 3, 5, 9, 17, 33, 65]


def test_each_message_says_how_many_it_stands_for() -> None:
    """So that the silent ones are accounted for: together they stand for all."""
    lines = {n: Past(count=n, loop=n, first=0.0).lines() for n in (1, 2, 3, 5, 9)}
    assert lines[1] == []
    assert "2nd time" in lines[2][0]
    assert lines[3][1:] == ["- Crash loop: the next message comes after 2 more crashes"]
    assert lines[5][1:] == [
        "- Crash loop: this message stands for 2 crashes; the next message comes after 4 more crashes",
    ]
    assert lines[9][1].startswith("- Crash loop: this message stands for 4 crashes; ")


def test_a_past_is_kept_in_the_folder() -> None:
    """Of one error; another has none."""
    counts = [note("error-a").count for _ in range(3)]
    assert counts == [1, 2, 3]
    assert note("error-b").count == 1


def test_a_checkpoint_knows_more() -> None:
    """On a machine that has not seen the error."""
    past = note("error-c", earlier=[100.0, 200.0])
    assert (past.count, past.first, past.loop) == (3, 100.0, 1)
    assert past.lines()[0].startswith("- Again: 3rd time, first at 1970-01-01")


def test_rare_crashes_are_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than ten minutes apart, each is told; more than a day apart, each is the first."""
    now = time.time()
    pasts = []
    for at in (0, 700, 1400, 2100, 2800, 2800 + 86_500):
        monkeypatch.setattr("time.time", lambda at=at: now + at)
        pasts.append(note("error-d"))
    assert [past.loop for past in pasts] == [1] * 6
    assert [past.count for past in pasts] == [1, 2, 3, 4, 5, 1]


_UNTIMED = b'{"count": 1, "first": NaN, "last": %f, "loop": 1}' % time.time()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 9999,
        b"[]",
        b'{"count": 1, "more": 2}',
        b'{"count": Infinity}',
        pytest.param(_UNTIMED, id="NaN"),
    ],
)
def test_a_damaged_past_is_none(content: bytes, tmp_path: Path) -> None:
    """And is written anew."""
    note("error-e")
    [path] = tmp_path.rglob("error-e")
    path.write_bytes(content)
    assert [note("error-e").count for _ in range(2)] == [1, 2]


def test_a_past_that_cannot_be_is_bounded(tmp_path: Path) -> None:
    """Or a message about it would take minutes to write."""
    note("error-e")
    [path] = tmp_path.rglob("error-e")
    now = time.time()
    path.write_text(json.dumps({"count": 10**12, "first": now, "last": now, "loop": 10**9}))
    assert 2 <= len(crash_loop.look("error-e", now + 1).lines()) <= 3


@pytest.mark.skipif(not bare.IS_ROOT, reason="only root gives files away")
@pytest.mark.parametrize("depth", range(4))
def test_another_user_s_past_is_none(depth: int, tmp_path: Path) -> None:
    """The file, or a folder above it: it could silence what is reported."""
    note("error-e")
    assert note("error-e").count == 2
    [path] = tmp_path.rglob("error-e")
    os.chown([path, *path.parents][depth], 12345, 12345)
    assert crash_loop.look("error-e", 1.0).count == 1


def test_without_a_folder_there_is_no_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted working folder, or none to write to, costs the past and nothing else."""

    def broken(*_: object) -> Path:
        raise OSError("full")

    monkeypatch.setattr("twinkle_notifier.runtime.state_dir.within", broken)
    assert [note("error-f").count for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("number", "text"), [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (113, "113th")]
)
def test_ordinals(number: int, text: str) -> None:
    """As people write them."""
    assert Past(count=number, loop=4).lines()[0].startswith(f"- Again: {text} time")


def test_runs_side_by_side_are_no_loop() -> None:
    """A sweep whose jobs all began before the first of them crashed."""
    began = time.time()
    loops = []
    for _ in range(6):
        past = crash_loop.look("error-g", began)
        crash_loop.keep("error-g", past)
        loops.append(past.loop)
    assert loops == [1] * 6


@pytest.mark.parametrize("look", [crash_loop.unknown, lambda earlier: crash_loop.look("error-n", time.time(), earlier)])
def test_what_is_no_time_is_no_crash(look: Callable[[Any], Past]) -> None:
    """A checkpoint, or a caller, may give anything; what is one counts."""
    damaged = [float("nan"), float("inf"), -1.0, 1e300, 10**400, True, "now", None, [5.0]]
    past = look([*damaged, 100.0, 200])
    assert (past.count, past.first) == (3, 100.0)
    assert past.lines()[0].startswith("- Again: 3rd time, first at 19")
    assert look(damaged).lines() == []
