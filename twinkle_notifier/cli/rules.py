"""``twinkle-notifier rules``: tries rules on a run that is over."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from twinkle_notifier.cli.common import Commands, add_command, add_json, print_json
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.rules.fault import nearest
from twinkle_notifier.rules.replay import Log, logs_of, replayed
from twinkle_notifier.rules.rule import Rule, rules_of
from twinkle_notifier.rules.state import Change

_NAME = 100  # characters
_NAMES = 20  # of metrics that are listed


def add(commands: Commands) -> None:
    """Add the command."""
    rules = add_command(
        commands,
        "rules",
        "try rules on metrics",
        "Rules on metrics send an alert when a condition holds: see docs/rules.md.",
        "twinkle-notifier rules test 'zscore(loss[50]) > 5' --run checkpoint-1000/trainer_state.json",
    )
    verbs = rules.add_subparsers(required=True, metavar="VERB")
    test = add_command(
        verbs,
        "test",
        "say when rules would have fired in a run that is over",
        "Say at which steps rules would have fired in a run that is over, and when that was over. NaN and infinity are "
        "looked for in any case. No time passes here, so no cooldown holds an alert back. Nothing is sent.",
        "twinkle-notifier rules test 'zscore(loss[50]) > 5 => error: spike' --run checkpoint-1000/trainer_state.json",
        "twinkle-notifier rules test 'stalled(val_loss[5], 0.01)' --run lightning_logs/version_0/metrics.csv",
    )
    test.add_argument("rule", nargs="*", metavar="RULE", help="a rule; without any, NaN and infinity alone")
    test.add_argument(
        "--run",
        required=True,
        metavar="FILE",
        help="trainer_state.json of the HF Trainer, metrics.csv of Lightning's CSVLogger, or a folder with one of them",
    )
    add_json(test)
    test.set_defaults(do=_test)


def _test(given: argparse.Namespace) -> int:
    rules, logs = rules_of(given.rule, "RULE"), logs_of(given.run)
    found = list(replayed(rules, logs))
    if given.json:
        for change in found:
            print_json(_plain(change))
        return 0
    for change in found:
        print(_line(change))
    for problem in _problems(rules, logs):
        print(problem)
    fired = sum(change.kind == "fired" for change in found)
    print(f"{fired} {'alert' if fired == 1 else 'alerts'} in {len(logs)} logs")
    return 0


def _what(change: Change) -> str:
    if change.not_finite is not None:
        metric, value = change.not_finite
        return f"{shown_in_log(metric, _NAME)} is {'nan' if value != value else 'inf'}"
    return shown_in_log(change.title or change.rule, _NAME)


def _step(change: Change) -> str:
    return "?" if change.step is None else f"{change.step:,.0f}"


def _line(change: Change) -> str:
    values = ", ".join(f"{shown_in_log(text, _NAME)} {value:.4g}" for text, value in change.values)
    said = f"step {_step(change)}: {change.kind}, {change.level}: {_what(change)}"
    return f"{said} ({values})" if values else said


def _plain(change: Change) -> dict[str, object]:
    return {
        "step": None if change.step is None else int(change.step),
        "kind": change.kind,
        "level": change.level,
        "what": _what(change),
        "rule": change.rule,
        "values": {text: repr(value) if value - value else value for text, value in change.values},
    }


def _problems(rules: Iterable[Rule], logs: Iterable[Log]) -> list[str]:
    """Metrics that the rules read and the run has not logged."""
    logged = {name for log in logs for name in log.numbers}
    missing = {name for rule in rules for name in rule.windows} - logged
    shown = ", ".join(shown_in_log(name, _NAME) for name in sorted(logged)[:_NAMES])
    return [
        f"{shown_in_log(name, _NAME)} was never logged{nearest(name, logged)}; there are {shown}"
        for name in sorted(missing)
    ]
