"""Each known error gets its own advice, what only looks like it gets none, and an unknown error gets none."""

from __future__ import annotations

import importlib
import pkgutil
import re

import known_errors
import pytest
from diagnosed import Case

from twinkle_notifier.diagnosis.known import KNOWN
from twinkle_notifier.diagnosis.rule import Rule
from twinkle_notifier.diagnosis.table import Table
from twinkle_notifier.messages.sanitize import line

CASES: dict[str, Case] = {}
for module in pkgutil.iter_modules(known_errors.__path__):
    CASES |= importlib.import_module(f"known_errors.{module.name}").CASES
TABLE = Table(KNOWN)
SLOT = re.compile(r"\{\w*\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_each_rule_has_its_own_id() -> None:
    assert len({rule.id for rule in KNOWN}) == len(KNOWN) == len(TABLE.rules)


@pytest.mark.parametrize("rule", KNOWN, ids=lambda rule: rule.id)
def test_a_rule_is_whole(rule: Rule) -> None:
    """Two texts and two near misses at least, a source, and Chinese where people read Chinese."""
    case = CASES[rule.id]
    assert len(case.hits) >= 2
    assert len(case.misses) >= 2
    assert rule.source.startswith("https://")
    assert CHINESE.search(rule.zh.likely)
    assert len(rule.zh.next) == len(rule.en.next)
    assert not CHINESE.search(rule.en.likely)
    for advice in (rule.en, rule.zh):
        assert len(advice.likely) <= 160
        assert all(len(step) <= 200 for step in advice.next)
        assert "\n" not in "".join((advice.likely, *advice.next))


@pytest.mark.parametrize("rule", KNOWN, ids=lambda rule: rule.id)
def test_a_message_shows_the_advice_unchanged(rule: Rule) -> None:
    """No secret is seen in it, and no mark is broken."""
    for advice in (rule.en, rule.zh):
        for text in (advice.likely, *advice.next):
            if not SLOT.search(text):
                assert line(text, 300) == text


@pytest.mark.parametrize("name", CASES)
def test_what_it_says_holds_for_its_errors_alone(name: str) -> None:
    for evidence in CASES[name].hits:
        found = TABLE.diagnose(evidence)
        assert found is not None, evidence
        assert found.rule.id == name, evidence
        for language in ("en", "zh"):
            advice = found.advice(language)
            assert not re.search(r"\{\w*\}", "".join((advice.likely, *advice.next)))
    for evidence in CASES[name].misses:
        found = TABLE.diagnose(evidence)
        assert found is None or found.rule.id != name, evidence


def test_no_case_is_of_an_unknown_rule() -> None:
    assert CASES.keys() == {rule.id for rule in KNOWN}
