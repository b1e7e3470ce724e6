"""The tables of docs/trainers.md, which ``python tests/trainers`` makes of table.jsonl."""

from __future__ import annotations

import pytest
from programs import CRASHED, CRASHED_ALONE, ENDED, INTERRUPTED, KILLED, STALLED, Case
from trainers_table import CHINESE, FILE, PAGES, merged, put, rows, table


@pytest.mark.parametrize("language", PAGES)
def test_the_page_has_the_whole_table(language: str) -> None:
    """In both languages, as `make trainers` writes it."""
    page = PAGES[language].read_text()
    assert put(page, table(rows(FILE), language)) == page


def test_rows_of_a_trainer_take_the_place_of_its_older_ones() -> None:
    """Those of the others stay."""
    old = [{"trainer": "trl 1"}, {"trainer": "ray 2"}, {"trainer": "trl 1"}]
    new = [{"trainer": "trl 2"}]
    assert merged(old, new) == [{"trainer": "trl 2"}, {"trainer": "ray 2"}]


def test_what_a_message_lacks_is_in_the_row() -> None:
    """A row is written before its test fails."""
    row = {"trainer": "trl 2", "launch": "x", "what": "Ctrl-C", "messages": 1, "held": [], "lacks": ["interrupted"]}
    assert table([row], "en").splitlines()[-1] == "| trl 2 | `x` | Ctrl-C | 1 | nothing; not interrupted |"
    assert table([row], "zh").splitlines()[-1] == "| trl 2 | `x` | Ctrl-C | 1 | 没有；没有“被中断” |"


@pytest.mark.parametrize(
    "case", [CRASHED, CRASHED_ALONE, ENDED, INTERRUPTED, KILLED, STALLED], ids=lambda one: one.what
)
def test_all_words_of_a_row_are_translated(case: Case) -> None:
    """Of the cases that several trainers meet."""
    assert {case.what, *case.holds} <= {*CHINESE}
