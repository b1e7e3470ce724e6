"""Messages and seconds for 1 to 2,048 ranks that meet one error at one moment, by the store in which they agree.

The ranks are forked processes that do what a rank does with the store, and no more: see tests/stress/claimants.py.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from lab import HERE, Options, environment, progress, spread, table

_STRESS = HERE.parent / "tests/stress"
sys.path.append(str(_STRESS))

COUNTS = (1, 8, 64, 512, 2048)
_RAY_COUNTS = (1, 8)  # each is a Python process of Ray's, of 100 MB
STORES = ("files", "TCPStore", "TCPStore, by node", "TCPStore, no name server", "by node, no name server", "Ray")
_LIMIT = 300.0  # seconds for one round
# Winners; claimants that had no answer; seconds until all others had decided; connections at the server.
Round = tuple[float, float, float, float]


def run(options: Options, counts: tuple[int, ...] = COUNTS) -> tuple[str, dict[str, dict[int, list[float]]]]:
    """The table, and the seconds by store and count, for the plot."""
    rows, points = [], {}
    for store in STORES:
        if store.endswith("no name server") and os.getuid():
            continue
        for count in counts:
            if (store == "Ray" and count not in _RAY_COUNTS) or ("by node" in store and count == 1):
                continue
            progress(f"ranks: {count} on {store}")
            found = [_apart(store, count) for _ in range(options.few)]
            rows.append((count, store, *_figures([one for one in found if one is not None])))
            points.setdefault(store, {})[count] = [one[2] for one in found if one and not one[1] and one[0] == 1]
    header = ("ranks", "store", "messages", "connections", "without an answer in 3 s", "s until all have decided")
    return f"{table(header, rows)}\n\n{_rates(options)}", points


def _rates(options: Options) -> str:
    """What one client at a time gets out of a TCPStore's server: the least that it can do."""
    progress("ranks: a TCPStore's rates")
    found = [figures for _ in range(options.few) if (figures := _apart("rates, no name server", 0)) is not None]
    if not found:
        return "The rates of a TCPStore's server could not be measured here."
    names = ("connections a second", "operations a second", "readings a second of 12,500 members")
    rows = [(name, spread([figures[at] for figures in found], digits=0)) for at, name in enumerate(names)]
    return table(("a TCPStore's server, asked by one client", "figure"), rows)


def _figures(found: list[Any]) -> tuple[str, str, str, str]:
    if not found:
        return "not measured", "", "", ""
    winners, silent, seconds, connections = zip(*found, strict=True)
    took = spread(seconds, digits=3) if any(seconds) else "none has"
    made = f"{max(connections):,}" if any(connections) else ""
    return ", ".join(map(str, sorted(set(winners)))), made, str(max(silent)), took


def _apart(store: str, count: int) -> list[Any] | None:
    """One round, in a process of its own; None if it does not work here."""
    command = [sys.executable, __file__, store, str(count)]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as names:
        if store.endswith("no name server") and not os.getuid():
            names.write("hosts: files\n")
            names.flush()
            inner = f'mount --bind {names.name} /etc/nsswitch.conf && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", inner, "sh", *command]
        try:
            done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=_LIMIT)
            found: list[Any] = json.loads(done.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, IndexError, ValueError):
            progress(f"{store}, {count} ranks: no figures")
            return None
    return found


def once(store: str, count: int) -> Round:
    """One round."""
    decisions = _WAYS[store](count)
    last = max((at for _, at in decisions if at < math.inf), default=0.0)
    connections = _connections[0] if _connections else 0
    return sum(won for won, _ in decisions), sum(at == math.inf for _, at in decisions), last, connections


_connections: list[int] = []  # of this round, once all have decided


def _on_files(count: int) -> list[tuple[bool, float]]:
    import claimants

    return claimants.on_files(count)


def _on_tcp(count: int) -> list[tuple[bool, float]]:
    import claimants

    return claimants.on_tcp(count, decided=_connections.append)


def _by_node(count: int) -> list[tuple[bool, float]]:
    import claimants

    return claimants.on_tcp_by_node(count, _connections.append)


def _on_ray(count: int) -> list[tuple[bool, float]]:
    """Actors of a local cluster, one each."""
    import logging

    import ray

    ray.init(num_cpus=max(count, 2), include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    @ray.remote(num_cpus=1)
    class Rank:
        def claim(self, rank: int, count: int, start: float) -> tuple[bool, float]:
            sys.path.append(str(_STRESS))
            import claimants

            from twinkle_notifier.claims import Watermark
            from twinkle_notifier.claims.stores.memory import RayStore
            from twinkle_notifier.runtime.process import Instant

            if not start:
                RayStore()  # a driver has loaded it when it trains
                return False, 0.0
            mark = Watermark(Instant("", 0.0, 0.0))
            time.sleep(max(start - time.monotonic(), 0.0))
            won, at = claimants._claim("incident", rank, count, RayStore, mark)
            return won, at - start

    ranks = [Rank.remote() for _ in range(count)]
    ray.get([rank.claim.remote(number, count, 0.0) for number, rank in enumerate(ranks)])
    start = time.monotonic() + 1.0
    return list(ray.get([rank.claim.remote(number, count, start) for number, rank in enumerate(ranks)]))


def rates() -> tuple[float, float, float]:
    """Fresh clients, additions, and readings of a set of 12,500 members, each per second."""
    import torch.distributed

    distributed: Any = torch.distributed
    server = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    clients: list[Any] = []

    def connected() -> None:
        clients.append(distributed.TCPStore("127.0.0.1", server.port, is_master=False, wait_for_workers=False))

    connecting = _per_second(connected, 300)
    adding = _per_second(lambda: clients[0].add("n", 1), 5000)
    clients[0].set("members", "".join(f"{rank}@node-{rank:05d}\n" for rank in range(12_500)))
    return connecting, adding, _per_second(lambda: clients[0].get("members"), 200)


def _per_second(work: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return times / (time.perf_counter() - began)


_WAYS: dict[str, Callable[[int], list[tuple[bool, float]]]] = {
    "files": _on_files,
    "TCPStore": _on_tcp,
    "TCPStore, by node": _by_node,
    "TCPStore, no name server": _on_tcp,
    "by node, no name server": _by_node,
    "Ray": _on_ray,
}

if __name__ == "__main__":
    print(json.dumps(rates() if sys.argv[1].startswith("rates") else once(sys.argv[1], int(sys.argv[2]))))
