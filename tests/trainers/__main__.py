"""Prints what the tests of the trainers have learned, as the table of docs/trainers.md: ``python tests/trainers FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(file: Path) -> None:
    """A row for each line of `file`."""
    print("| trainer | launch | what happens | messages | what the first one held |")
    print("|---|---|---|---|---|")
    for row in map(json.loads, file.read_text().splitlines()):
        lacks = f"; not {', '.join(row['lacks'])}" if row["lacks"] else ""
        held = ", ".join(row["held"]) or "nothing"
        print(f"| {row['trainer']} | `{row['launch']}` | {row['what']} | {row['messages']} | {held}{lacks} |")


main(Path(sys.argv[1]))
