"""How long each peer blocks a crashing run when the network is out of order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from lab import HERE, Options, Worker, progress, table
from peers import PEERS

sys.path.append(str(HERE.parent / "tests/reliability"))

import trials
from trials import Place

from twinkle_notifier.inbox import faults

_AT_ONCE = 8  # processes at a time: they only wait
_CONNECTED = "accepts, and answers nothing"


@contextmanager
def dead_proxy() -> Iterator[Place]:
    """The way out is a proxy, and its address is dead."""
    with faults.dead() as proxy:
        url = "https://robot.invalid/robot/send?access_token=tok-0123456789"
        yield Place(url, env={"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy})


FAULTS: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "blackhole: no answer to a connection": trials.dead,
    f"blackhole: {_CONNECTED}": trials.at(faults.blackhole),
    "drip: the head, 1 byte a second": trials.at(faults.drip_head),
    "drip: the body": trials.at(faults.drip_body),
    "a dead proxy": dead_proxy,
    "a resolver that answers nothing": trials.silent_resolver,
}


def run(options: Options) -> str:
    """The table: seconds, and "over" for what was cut off."""
    progress(f"faults: up to {options.most:g} s each")
    names = {name: fault for name, fault in FAULTS.items() if os.getuid() == 0 or fault is not trials.silent_resolver}
    jobs = [(fault, peer) for fault in names for peer in PEERS]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        said = dict(zip(jobs, pool.map(partial(_blocked, options), jobs), strict=True))
    rows = [(fault, *(said[fault, peer] for peer in PEERS)) for fault in names]
    note = "" if len(names) == len(FAULTS) else "\n\nWithout root the resolver cannot be changed: it was left out."
    return table(("seconds", *PEERS), rows) + note


def _blocked(options: Options, job: tuple[str, str]) -> str:
    fault, peer = job
    with FAULTS[fault]() as place:
        command = [options.peers, str(HERE / "peers.py"), peer, place.url]
        with Worker(command, place.before, **place.env) as worker:
            worker.wait()
            try:
                return f"{worker.ask(options.most)[0]:.1f}"
            except TimeoutError:
                return f"over {options.most:g}"
