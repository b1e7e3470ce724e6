"""Errors of real worker processes, as their parents report them."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch.multiprocessing
from torch.utils.data import DataLoader, Dataset

from twinkle_notifier import notify_exception
from twinkle_notifier.testing import RecordingNotifier

HERE = Path(__file__)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spawned process has to find this module; the package it takes from where it is installed."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(HERE.parents[2])])


class Broken(ValueError):
    pass


def lose(_: int = 0) -> None:
    try:
        {}["k"]  # type: ignore[index]
    except KeyError as error:
        raise Broken("lost\nat step 3") from error


class Rows(Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> None:
        lose()


def load() -> None:
    next(iter(DataLoader(Rows(), num_workers=1)))


def launch() -> None:
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    there = {"rdzv_backend": "c10d", "rdzv_endpoint": "127.0.0.1:0", "monitor_interval": 0.1, "max_restarts": 0}
    kept = {number: signal.getsignal(number) for number in (1, 2, 3, 15)}  # it puts its own in place, for good
    try:
        elastic_launch(LaunchConfig(1, 1, 1, run_id="lost", **there), lose)()  # type: ignore[arg-type]
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def spawn() -> None:
    torch.multiprocessing.spawn(lose, nprocs=1)


def with_executor(method: str, work: Callable[[], None] = lose) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        pool.submit(work).result()


def with_pool(method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        pool.apply(lose)


def alert_of(work: Callable[[], None]) -> Iterator[str]:
    """The lines that show the error, of the one message about what `work` raises; and the whole of it."""
    notifier = RecordingNotifier()
    with pytest.raises(Exception, match="lost") as caught:
        work()
    assert notify_exception(notifier, "training", caught.value, "sft").status == "sent"
    (message,) = notifier.messages
    yield from message.splitlines()[:1]
    yield from (line for line in message.splitlines() if line.startswith("- At"))
    yield message


@pytest.mark.parametrize(
    "work",
    [
        load,
        launch,
        spawn,
        partial(with_executor, "fork"),
        pytest.param(partial(with_executor, "spawn"), marks=pytest.mark.stress),
        pytest.param(partial(with_executor, "spawn", load), marks=pytest.mark.stress),
        partial(with_pool, "fork"),
    ],
    ids=["DataLoader", "torchelastic", "spawn", "executor by fork", "executor", "DataLoader in executor", "Pool"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
def test_a_workers_error(work: Callable[[], None]) -> None:
    """Its type, message and place in heading and facts; cause and all in the traceback."""
    heading, at, message = alert_of(work)
    assert heading == "### sft failed: Broken: lost at step 3"
    assert at == f"- At: {HERE.name}:{lose.__code__.co_firstlineno + 4} in lose"
    assert "KeyError: 'k'" in message.partition("```")[2]
    assert 'raise Broken("lost' in message.partition("```")[2]


def quote() -> None:
    raise Broken(
        "lost; the server answered:\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'k'"
    )


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.stress)])
def test_what_the_users_own_code_quotes_in_a_pool_is_not_the_error(method: str) -> None:
    """Its own type and place are shown, though a library passes it on."""
    heading, at, _ = alert_of(partial(with_executor, method, quote))
    assert heading == "### sft failed: Broken: lost; the server answered: KeyError: 'k'"
    assert at.startswith("- At: test_remote_processes.py:")
    assert at.endswith(" in quote")
