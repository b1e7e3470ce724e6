"""``make bench``: beside what people use today, point by point. Prints the tables of docs/performance.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import delivery
import faults
import import_cost
import instructions
import plot
import ranks
import rendering
import training
from lab import HERE, Options, environment, machine

_PLOT = HERE.parent / "docs/ranks-cost.svg"
_SHOWN = ("twinkle-kit", "knockknock", "apprise", "sentry-sdk", "requests", "urllib3")
_SHOWN_HERE = ("torch", "lightning", "transformers", "ray")


def ranks_and_plot(options: Options) -> str:
    """The table of the ranks; its plot goes into the docs."""
    text, points = ranks.run(options)
    _PLOT.write_text(plot.svg(points, "ranks that meet one error at one moment", "seconds until all have decided"))
    return text


POINTS: dict[str, tuple[str, Callable[[Options], str]]] = {
    "import_cost": ("Import", import_cost.run),
    "delivery": ("From the exception to the accepted message", delivery.run),
    "training": ("Cost to a training", training.run),
    "instructions": ("Cost to a training, by instructions", instructions.run),
    "faults": ("Faults", faults.run),
    "ranks": ("Ranks", ranks_and_plot),
    "rendering": ("What is huge", rendering.run),
}


def versions(python: str, names: tuple[str, ...]) -> dict[str, str]:
    """Of what is installed for an interpreter."""
    code = (
        "import importlib.metadata as m, json, sys; have = {d.name: d.version for d in m.distributions()};"
        "print(json.dumps({name: have.get(name, 'not installed') for name in sys.argv[1:]}))"
    )
    done = subprocess.run([python, "-c", code, *names], env=environment(), check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "points", nargs="*", metavar="POINT", help=f"of {', '.join(POINTS)}; all of them if none is named"
    )
    parser.add_argument("--peers", default=sys.executable, help="the interpreter that has the peers")
    parser.add_argument("--times", type=int, default=Options.times, help="rounds of what is quick")
    parser.add_argument("--few", type=int, default=Options.few, help="rounds of what is slow")
    parser.add_argument("--most", type=float, default=Options.most, help="seconds that a peer may block")
    given = parser.parse_args()
    if unknown := set(given.points) - set(POINTS):
        parser.error(f"no such point: {', '.join(sorted(unknown))}")
    peers = str(Path(given.peers).absolute())  # not resolved: an environment's interpreter is a link
    options = Options(peers, given.times, given.few, given.most)
    print(machine({**versions(peers, _SHOWN), **versions(sys.executable, _SHOWN_HERE)}))
    for name in given.points or POINTS:
        title, run = POINTS[name]
        print(f"\n## {title}\n\n{run(options)}", flush=True)


if __name__ == "__main__":
    main()
