"""What becomes of a message, whatever the network, the robot or the process does: each trial of tests/reliability."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from trials import TRIALS, Seen, Trial

_AT_ONCE = 14  # most only wait


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> dict[str, Callable[[], Seen]]:
    """All trials that were chosen, side by side."""
    chosen = [item.callspec.params["trial"] for item in cast(list[Any], request.session.items) if _is_ours(item)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures: dict[str, Future[Seen]] = {trial.name: pool.submit(trial.run) for trial in chosen if _possible(trial)}
    return {name: future.result for name, future in futures.items()}


def _is_ours(item: Any) -> bool:
    return item.path == Path(__file__) and hasattr(item, "callspec")


def _possible(trial: Trial) -> bool:
    return not (trial.needs_root and os.getuid()) and not (trial.needs_openssl and not shutil.which("openssl"))


@pytest.mark.alone  # a busy machine misses seconds, and with them tries
@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_it_comes_out_as_it_must(trial: Trial, runs: dict[str, Callable[[], Seen]]) -> None:
    """Outcome, seconds, requests, messages and memory; and nowhere the token."""
    if trial.name not in runs:
        pytest.skip("it needs root, or openssl")
    seen = runs[trial.name]()
    assert not seen.leaked, seen.stderr[-3000:]
    assert trial.complaints(seen) == [], f"{seen.outcomes}\n{seen.stderr[-3000:]}"


def test_trials_have_names_of_their_own() -> None:
    """Their table is read by them."""
    assert len({trial.name for trial in TRIALS}) == len(TRIALS)
