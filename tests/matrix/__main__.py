"""Runs the adapters' tests in each environment of `make matrix`; prints a table, and fails if a test does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("lowest", "newest")
# The distributions of a row, and what the name of a test has that is about them.
ROWS = {
    ("lightning", "pytorch-lightning"): "lightning|installed",
    ("transformers",): "transformers|callbacks",
    ("accelerate",): "accelerate",
}
TESTS = [
    "tests/integrations",
    *(f"tests/attach/test_{name}.py" for name in ("installed", "lightning", "transformers", "trainers")),
]
VERSIONS = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
# Lightning 2.2 and transformers 4.46 load what they have saved as torch did before 2.6.
OLD_TORCH = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}


def run(name: str, folder: Path) -> dict[str, str]:
    """How the tests of each row ended in the environment `name`; what fails is printed."""
    report = folder / f"{name}.xml"
    command = [str(python(name).with_name("pytest")), "-W", "default", "-n", "2", f"--junitxml={report}"]
    env = {**os.environ, **(OLD_TORCH if name == "lowest" else {})}
    subprocess.run([*command, *(sys.argv[1:] or ["-m", "not alone"]), *TESTS], cwd=ROOT, env=env, check=False)
    tests = ElementTree.parse(report).iter("testcase")
    ended = [(f"{test.get('classname')}.{test.get('name')}", outcome(test)) for test in tests]
    return {words: told(Counter(how for test, how in ended if re.search(words, test))) for words in ROWS.values()}


def python(name: str) -> Path:
    return ROOT / ".venv-matrix" / name / "bin/python"


def outcome(test: ElementTree.Element) -> str:
    kinds = {part.tag for part in test}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[how]} {how}" for how in ("passed", "skipped", "failed") if counts[how])


def versions(name: str, distributions: tuple[str, ...]) -> str:
    command = [python(name), "-c", VERSIONS, *distributions]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return ", ".join(dict.fromkeys(found))


def main() -> int:
    with TemporaryDirectory() as folder:
        ended = {name: run(name, Path(folder)) for name in ENVIRONMENTS}
    print("\n| | lowest | its tests | newest | its tests |\n|---|---|---|---|---|")
    for row, words in ROWS.items():
        cells = [cell for name in ENVIRONMENTS for cell in (versions(name, row), ended[name][words])]
        print(f"| {' | '.join(['`' + '`, `'.join(row) + '`', *cells])} |")
    return int(any("failed" in cell for name in ENVIRONMENTS for cell in ended[name].values()))


if __name__ == "__main__":
    sys.exit(main())
