"""``python tests/trainers FILE``: puts what the tests of the trainers have learned into docs/trainers.md, and prints it.

FILE has a row of JSON a line, as `programs.check` writes it. The rows of trainers that it does not name stay.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

import trainers_table


def main(file: Path) -> None:
    """The rows of `file` into table.jsonl and into both pages; the whole table is printed."""
    all_rows = trainers_table.merged(trainers_table.rows(trainers_table.FILE), trainers_table.rows(file))
    trainers_table.FILE.write_text(trainers_table.lines(all_rows))
    for language, page in trainers_table.PAGES.items():
        page.write_text(trainers_table.put(page.read_text(), trainers_table.table(all_rows, language)))
    print(trainers_table.table(all_rows, "en"), end="")


main(Path(sys.argv[1]))
