"""From an exception to the accepted message, in a warm process: beside a bare `requests.post` of the same body, and peers."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lab import HERE, Options, Worker, environment, progress, spread, table
from peers import PEERS

from twinkle_notifier.inbox.faults import Fault, Faulty, Visit, accept

_WARM = 3  # rounds that do not count
_RANKS = 8
_TRAINS = 0.5  # seconds
_FAR = 0.1  # seconds that a robot takes which is not on the loopback


def run(options: Options) -> str:
    """The tables for one process and for eight ranks."""
    return "\n\n".join([one_process(options), first(options), far(options), where(options), eight_ranks(options)])


class Stamped:
    """A robot that knows when it accepted what, by the clock that all processes share."""

    def __init__(self, fault: Fault = accept) -> None:
        self.times: list[float] = []
        self._fault = fault
        self.robot = Faulty(self._visit)

    def _visit(self, visit: Visit) -> None:
        self.times.append(time.monotonic())
        self._fault(visit)


@contextmanager
def workers(options: Options, names: list[str], robot: Faulty) -> Iterator[dict[str, Worker]]:
    """Warm processes of these peers; `requests.post` sends what we sent."""
    with ExitStack() as stack:
        body = stack.enter_context(tempfile.NamedTemporaryFile())
        with peer(options, "twinkle_notifier", robot) as first:
            first.ask()
        body.write(robot.requests[0].body)
        body.flush()
        started = {name: stack.enter_context(peer(options, name, robot, BODY=body.name)) for name in names}
        for _ in range(_WARM):
            for worker in started.values():
                worker.ask()
        yield started


@contextmanager
def peer(options: Options, name: str, robot: Faulty, **env: str) -> Iterator[Worker]:
    """A process of one peer, ready to meet an exception."""
    with Worker([options.peers, str(HERE / "peers.py"), name, robot.url], **env) as worker:
        worker.wait()
        yield worker


def rounds(options: Options, names: list[str], stamped: Stamped) -> dict[str, list[tuple[float, float]]]:
    """Of each peer, round by round: seconds from the exception to the robot's yes, and until the run may end."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with workers(options, names, stamped.robot) as started:
        for _ in range(options.times):
            for name, worker in started.items():
                stamped.times.clear()
                took, began = worker.ask()
                found[name].append((stamped.times[0] - began, took))
                time.sleep(0.05)  # the work in the background after it is not counted
    return found


def one_process(options: Options) -> str:
    """All peers."""
    progress("delivery, one process")
    found = rounds(options, list(PEERS), Stamped())
    header = ("", "ms to accepted", "times a bare post", "ms until the run may end", "times a bare post")
    return table(header, _rows(found))


def first(options: Options) -> str:
    """The first exception of each process, which has told nothing yet, after half a second of training."""
    progress("delivery, the first of a process")
    stamped = Stamped()
    names = ("twinkle_notifier", "requests.post")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(options.times):
        for name in names:
            with peer(options, name, stamped.robot) as worker:
                time.sleep(_TRAINS)
                stamped.times.clear()
                took, began = worker.ask()
                found[name].append((stamped.times[0] - began, took))
    header = ("the first exception of a process", "ms to accepted", "times a bare post")
    return table((*header, "ms until the run may end", "times a bare post"), _rows(found))


def far(options: Options) -> str:
    """Against a robot that takes a tenth of a second, as one over the network does."""
    progress("delivery, a robot that takes 0.1 s")

    def late(visit: Visit) -> None:
        time.sleep(_FAR)
        accept(visit)

    found = rounds(options, ["twinkle_notifier", "requests.post"], Stamped(late))
    rows = [(row[0], *row[3:]) for row in _rows(found)]
    return table((f"a robot that takes {_FAR} s", "ms until the run may end", "times a bare post"), rows)


def _rows(found: dict[str, list[tuple[float, float]]]) -> list[tuple[str, ...]]:
    bare = found["requests.post"]
    rows = []
    for name, pairs in found.items():
        figures = []
        for at in (0, 1):
            ratios = [pair[at] / other[at] for pair, other in zip(pairs, bare, strict=True)]
            figures += [spread([pair[at] for pair in pairs], 1000), spread(ratios, digits=2)]
        rows.append((name, *figures))
    return rows


def where(options: Options) -> str:
    """What of it takes how long, in the mean."""
    progress("delivery, where the time goes")
    stamped = Stamped()
    command = [options.peers, str(HERE / "where.py"), stamped.robot.url, str(options.times)]
    with tempfile.TemporaryDirectory() as folder:
        env = environment(TWINKLE_NOTIFIER_DIR=folder)
        done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    return table(
        ("step", "times a crash", "ms a crash"), [(step, f"{n:g}", f"{ms:.2f}") for step, (n, ms) in said.items()]
    )


def eight_ranks(options: Options) -> str:
    """Eight processes that meet one error at one moment, and agree in a folder."""
    progress("delivery, eight ranks")
    stamped = Stamped()
    accepted, left, messages = [], [], 0
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        ranks = []
        for rank in range(_RANKS):
            env = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(_RANKS)}
            env |= {"LOCAL_WORLD_SIZE": str(_RANKS), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
            ranks.append(
                stack.enter_context(
                    peer(options, "twinkle_notifier", stamped.robot, TWINKLE_NOTIFIER_DIR=folder, **env)
                )
            )
        for number in range(options.times + _WARM):
            stamped.times.clear()
            for rank in ranks:
                rank.post()
            answers = [rank.answer() for rank in ranks]
            first = min(began for _, began in answers)
            if number >= _WARM:
                accepted.append(stamped.times[0] - first)
                left.append(max(took + began for took, began in answers) - first)
                messages += len(stamped.times)
            time.sleep(0.05)
    header = (
        f"{_RANKS} ranks",
        "messages a crash",
        "ms from the first exception to accepted",
        "ms until the last rank may end",
    )
    return table(
        header, [("twinkle_notifier", f"{messages / options.times:g}", spread(accepted, 1000), spread(left, 1000))]
    )
