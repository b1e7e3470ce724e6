"""A thousand processes that claim one incident at once."""

from __future__ import annotations

import math
import os
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from twinkle_notifier.claims import Claim, Claims, Watermark, node
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.claims.stores import torch
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.claims.stores.memory import MemoryStore
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Instant

_LIMIT = 20.0  # seconds without a decision
_BOUND = 2.0  # seconds within which 1,024 must have decided on files
_RESULT = struct.Struct("?d")
_MEMORY = "/dev/shm"  # a file system without a disk, which may stall for seconds
_EACH = 8  # ranks of a node
_NODES = "CLAIMANTS_NODES"  # a variable: the folder that holds those of the nodes
_ESTABLISHED = "01"  # in /proc/net/tcp
Decision = tuple[bool, float]  # whether it won, and seconds from the start until it knew


def claim_at_once(
    count: int,
    opened: Callable[[], Store],
    warm: Callable[[], Store],
    claim: Callable[..., Decision] | None = None,
    decided: Callable[[], object] = lambda: None,
) -> list[Decision]:
    """`count` forked processes claim at one moment, each by a fresh store; the winner says "sent" at once.

    `decided` is called when they all have, and live.
    """
    claim = claim or _claim
    mark = Watermark(Instant.now())
    gate, opened_gate = os.pipe()
    exit_gate, opened_exit = os.pipe()
    results, write_results = os.pipe()
    children = []
    for rank in range(count):
        child = os.fork()
        if not child:
            try:
                os.close(opened_gate)
                os.close(opened_exit)
                _claim(f"warm-{rank}", 0, 1, warm, mark)  # a fork's first steps copy pages; a rank has its own already
                os.write(write_results, bytes(_RESULT.size))  # it stands at the gate
                os.read(gate, 1)  # until the parent closes its end
                os.write(write_results, _RESULT.pack(*claim("incident", rank, count, opened, mark)))
                os.read(exit_gate, 1)  # what it costs to end a thousand processes is not measured
            except Exception:  # the store does not work, or hangs: this claimant takes the next best, in real life
                os.write(write_results, _RESULT.pack(False, math.inf))
            finally:
                os._exit(0)  # the parent's code is not the child's to run on
        children.append(child)
    for _ in range(count):
        _read(results)
    began = time.monotonic()
    os.close(opened_gate)
    decisions = []
    for _ in range(count):
        won, at = _RESULT.unpack(_read(results))
        decisions.append((won, at - began))
    decided()
    os.close(opened_exit)
    for child in children:
        os.waitpid(child, 0)
    for handle in (gate, exit_gate, results, write_results):
        os.close(handle)
    return decisions


def _read(results: int) -> bytes:
    if not select.select([results], [], [], _LIMIT)[0]:
        raise TimeoutError(f"a claimant said nothing for {_LIMIT:g} s")
    return os.read(results, _RESULT.size)


def _claim(key: str, rank: int, count: int, opened: Callable[[], Store], mark: Watermark) -> tuple[bool, float]:
    where = Where.here()._replace(rank=rank, world_size=count)
    claim = Claims(Access(opened, 3.0), where, mark).claim(key, 30.0)
    if isinstance(claim, Claim):
        claim.close("sent")
    return isinstance(claim, Claim), time.monotonic()


def _claim_by_node(key: str, rank: int, count: int, opened: Callable[[], Store], mark: Watermark) -> Decision:
    """As ranks do that agree with those of their node first, in a folder of it."""
    number, local = divmod(rank, _EACH)
    os.environ.update(TORCHELASTIC_RUN_ID="claimants", GROUP_RANK=str(number))
    os.environ[state_dir.VARIABLE] = f"{os.environ[_NODES]}/{number}"
    size = {"world_size": count, "local_rank": local, "local_world_size": _EACH}
    where = Where.here()._replace(rank=rank, **size)
    torch.is_served = lambda: True  # as by torchrun
    lease = node.node_lease(where, None, mark, key, 30.0)
    if lease.verdict is not None:
        return False, time.monotonic()
    try:
        claim = lease.claims(Access(opened, 3.0)).claim(key, 30.0)
    except OSError:  # it takes the next best store, in real life, and tells its node all the same
        lease.end(Outcome("sent"), rank)
        raise
    if isinstance(claim, Claim):
        claim.close("sent")
    lease.end(Outcome("sent"), rank)
    return isinstance(claim, Claim), time.monotonic()


def on_files(count: int, where: str | None = _MEMORY) -> list[Decision]:
    """In a new folder, in memory or elsewhere."""
    with tempfile.TemporaryDirectory(dir=where) as folder, tempfile.TemporaryDirectory(dir=_MEMORY) as warm:
        return claim_at_once(count, lambda: _store_in(folder), lambda: _store_in(warm))


def _store_in(folder: str) -> FileStore:
    os.environ[state_dir.VARIABLE] = folder
    return FileStore.of_run("claimants")


def on_tcp(
    count: int, claim: Callable[..., Decision] | None = None, decided: Callable[[int], object] = lambda _: None
) -> list[Decision]:
    """At a TCPStore of a process of its own, as torchrun's agent serves it.

    `decided` is given the number of connections that the claimants have to it.
    """
    code = (
        "import sys, torch.distributed as d; s = d.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False);"
        "print(s.port, flush=True); sys.stdin.read()"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=server.stdout.readline().strip())
        os.environ["TORCH_CPP_LOG_LEVEL"] = "FATAL"  # what has no answer is counted
        import torch.distributed  # here, so that the children have it already

        assert torch.distributed.is_available()
        from twinkle_notifier.claims.stores.torch import TorchStore

        before = _connections()  # the server has one to itself
        return claim_at_once(count, TorchStore.kept, MemoryStore, claim, lambda: decided(_connections() - before))
    finally:
        server.kill()
        server.communicate()


def on_tcp_by_node(count: int, decided: Callable[[int], object] = lambda _: None) -> list[Decision]:
    """The same, one rank of each node for all of it. A node's folder lies in memory, and is its own."""
    with tempfile.TemporaryDirectory(dir=_MEMORY) as nodes:
        os.environ[_NODES] = nodes
        return on_tcp(count, _claim_by_node, decided)


def _connections() -> int:
    """How many the server has, by the system's own table."""
    port = int(os.environ["MASTER_PORT"])
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return sum(line[1].endswith(f":{port:04X}") and line[3] == _ESTABLISHED for line in lines)


def table(times: int, store: str, run: Callable[[int], list[Decision]], bound: float = math.inf) -> tuple[str, bool]:
    """Rows with the median and greatest seconds until all have decided; and whether that was within `bound`."""
    lines, good = [], True
    for count in (8, 64, 1024):
        rounds = [run(count) for _ in range(times)]
        winners = {sum(won for won, _ in decisions) for decisions in rounds}
        last = [max((at for _, at in decisions if at < math.inf), default=0.0) for decisions in rounds]
        undecided = max(sum(at == math.inf for _, at in decisions) for decisions in rounds)
        good &= winners == {1} and max(last) <= bound and not undecided
        figures = f"{statistics.median(last):.3f} ({max(last):.3f})"
        figures += f"; up to {undecided} had no answer" if undecided else ""
        lines.append(f"| {count} | {store} | {', '.join(map(str, sorted(winners)))} | {figures} |")
    return "\n".join(lines), good


def main(times: int) -> bool:
    """Print the table of all stores; whether each claim had one winner, on files within `_BOUND` seconds.

    The TCPStore's server looks up the name of each client, one after the other. So its figures are those of the
    machine's resolver, and as root also those without one. A claimant that gets no answer takes the next best store.
    """
    print("| claimants at once | store | winners | s until all have decided, median (max) |\n|---|---|---|---|")
    rows, good = table(times, "files, in memory", on_files, _BOUND)
    print(rows, flush=True)
    print(table(times, "files, on this disk", lambda count: on_files(count, tempfile.gettempdir()))[0], flush=True)
    print(table(times, "TCPStore", on_tcp)[0], flush=True)
    print(table(times, "TCPStore, by node", on_tcp_by_node)[0], flush=True)
    if not os.getuid():
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as names:
            names.write("hosts: files\n")
            names.flush()
            inner = f'mount --bind {names.name} /etc/nsswitch.conf && exec "$@"'
            code = f"""import claimants as c
print(c.table({times}, "TCPStore, no name server", c.on_tcp)[0], flush=True)
print(c.table({times}, "by node, no name server", c.on_tcp_by_node)[0])
"""
            command = ["unshare", "--mount", "sh", "-c", inner, "sh", sys.executable, "-c", code]
            subprocess.run(command, cwd=Path(__file__).parent, check=True)
    return good


if __name__ == "__main__":
    sys.exit(0 if main(5) else 1)
