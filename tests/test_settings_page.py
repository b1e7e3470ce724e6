"""The table of docs/settings.md, in both languages, is what the code says. ``GOLDEN=write`` writes it anew."""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from settings_in_chinese import CHINESE

import twinkle_notifier
from twinkle_notifier import Notifier, TrainingRun, notify_exception, watch
from twinkle_notifier.cli import check, demo, flush, inbox, init, rules, run, send, swift_plugin
from twinkle_notifier.cli.main import _parser
from twinkle_notifier.runtime import user_file

ROOT = Path(__file__).parents[1]
PAGES = {"en": ROOT / "docs" / "settings.md", "zh": ROOT / "docs" / "settings.zh.md"}
BEGIN, END = "<!-- made by tests/test_settings_page.py -->\n\n", "\n<!-- up to here -->"
HEAD = ("what it sets", "in code", "command", "variable", "your file", "default")
COMMANDS = (run, init, check, send, rules, flush, demo, inbox, swift_plugin)
NOTIFIERS = [
    one
    for name in twinkle_notifier.__all__
    if inspect.isclass(one := getattr(twinkle_notifier, name)) and issubclass(one, Notifier) and one is not Notifier
]
# The callbacks have the arguments of `TrainingRun`: tests/integrations hold that.
IN_CODE: dict[str, Callable[..., Any]] = {
    "callbacks": TrainingRun,
    "`watch`": watch,
    "`notify_exception`": notify_exception,
    **{f"`{one.__name__}`": one for one in NOTIFIERS},
}
# What is called otherwise somewhere: an argument of notifiers, an option, a variable, a key.
SAME = {
    "ding_url": "webhook_url",
    "no_attach": "attach",
    "rule": "rules",
    "no_diagnosis": "diagnose",
    "session_id": "TWINKLE_SESSION_ID",
    "url": "notifier",
    "to": "notifier",
}
SHARED = ("to", "json")  # options that mean the same in each command
# A variable that no argument, option or key stands for has its meaning here, and so has what reads better than there.
MEANING = {
    "notifier": "where alerts go: in code a notifier, elsewhere [what a URL may be](#what-a-url-may-be); "
    "[`off`](#for-a-debug-run) in the variable: nowhere",
    "name": "[the run's name](loop.md#the-runs-name) in messages",
    "stall_after": "seconds without progress until a [stall](stalls.md) is reported; with `run` and in the variable also `90s`, `10m`, `1h30m`",
    "notifications": "[which alerts are sent](#which-alerts-are-sent)",
    "language": "[the language of messages](messages.md#languages): `en` or `zh`",
    "diagnose": "whether messages give [likely causes](messages.md#likely-causes)",
    "rules": "[rules on metrics](rules.md#write-a-rule); in the variable parted by `;` or lines, `off` for none",
    "progress_every": "how often [progress messages](messages.md#progress) are sent: `2h`, `90m`, or `10%` of the steps; `off`",
    "diagnosis": "a TOML file with [rules of your own](messages.md#write-a-rule) for them",
    "mentions": "[whom failures and stalls call](channels.md#mentions)",
    "min_level": "alerts [below it](channels.md#levels) are left out: `info`, `success`, `warning`, `error`",
    "store": "[where the ranks agree](ranks.md#where-claims-are-kept) on who sends",
    "save_secrets": "literal secrets [in checkpoints](security.md#what-a-checkpoint-holds), written and taken",
    "on_start": "an alert at the start",
    "on_end": "an alert at a good end",
    "webhook_url": "[the chat's webhook URL](channels.md#where-the-webhook-comes-from), or a reference to it",
    "secret": "the secret of a signed robot, or a reference to it",
    "url of apprise": "a URL in [apprise's form](channels.md#the-rest-by-apprise), or a reference to it",
    "timeout": "seconds for one request; for apprise, for one message",
    "insecure": "a URL that leads to another machine without TLS",
    "notifiers": "the notifiers that [a message goes to](channels.md#several)",
    "progress": "how far the training got",
    "mark": "claims before it belong to an earlier run",
    "met": "the workers of this process that met the exception",
    "earlier": "incidents of this run's past, and their times",
    "dir": "[the state folder](reliability.md#the-state-folder); machines of one run share it",
    "heartbeat": "[a URL to ask each minute](run.md#nobody-left-to-send), or a reference to one",
    "attach": "whether `run` [looks into the Python processes](run.md#what-it-sees) of its command; the variable also "
    "for what trainers [get without a line of code](trainers.md#without-a-line-of-code): `0`, `off`, `no` or `false`",
    "log": "the file that the output goes to, where `run` does not find it",
    "TWINKLE_SESSION_ID": "what processes of one run have in common, [if no launcher says it]"
    "(ranks.md#which-processes-are-one-run); twinkle-kit sets it",
    "TWINKLE_NOTIFIER": "the same as `TWINKLE_NOTIFIER_URL`, if that is not set. "
    "It is twinkle-kit's: [put no URL there](notifiers.md#with-twinkle-kit)",
    "supervisor": "do not set it: `run` sets it for its command",
    "attach_name": "do not set it: `run` sets it for its command",
}
# What None and "" come to, where nothing else is set up.
DEFAULT = {
    "notifier": "no alerts; `notify_exception` needs one",
    "name": "the script's name",
    "stall_after": "no stall is looked for",
    "language": "the locale's, else `en`",
    "store": "the best that works",
    "min_level": "all are sent",
    "mentions": "nobody",
    "dir": "the temporary folder",
    "mark": "this process's start",
    "attach": "yes",
    "notifications": "`all`",
    "diagnose": "yes",
    "rules": "NaN and infinity alone",
    "progress_every": "not at all",
}


class Row(NamedTuple):
    """A setting, with each way to set it."""

    code: dict[str, list[str]]  # the argument, and what has it
    options: list[str]
    variables: list[str]
    keys: list[str]
    meanings: list[str]
    defaults: list[str]


def rows() -> dict[str, Row]:
    found: dict[str, Row] = {}

    def row(name: str) -> Row:
        return found.setdefault(name, Row({}, [], [], [], [], []))

    for where, name, default, meaning in arguments():
        one = row("url of apprise" if (where, name) == ("`AppriseNotifier`", "url") else SAME.get(name, name))
        one.code.setdefault(name, []).append(where)
        one.meanings.append(meaning)
        one.defaults.append(default)
    for command, option, default, meaning in options():
        name = option.lstrip("-").replace("-", "_")
        shared = name in SHARED or (command == "run" and name != "on_success")
        one = row(SAME.get(name, name) if shared else f"{command} {option}")
        one.options.append(f"`{command} {option}`")
        one.meanings.append(meaning)
        one.defaults.append(default)
    for key in user_file.KEYS:
        row(SAME.get(key, key)).keys.append(f"`{key}`")
    for variable in sorted(variables()):
        name = variable.removeprefix("TWINKLE_NOTIFIER_").removeprefix("TWINKLE_").lower()
        name = variable if variable == "TWINKLE_NOTIFIER" else name
        row(SAME.get(name, name)).variables.append(f"`{variable}`")
    return found


def arguments() -> Iterator[tuple[str, str, str, str]]:
    """Where, name, default and meaning of each."""
    for where, taken in IN_CODE.items():
        said = described(inspect.getdoc(taken) or "")
        for name, parameter in inspect.signature(taken).parameters.items():
            yield where, name, shown(parameter.default), said.get(name, "")


def described(doc: str) -> dict[str, str]:
    """The arguments of a docstring in Google's style."""
    part = re.search(r"^Args:\n((?:    .*\n|\n)+)", f"{doc}\n", re.MULTILINE)
    entries = re.findall(r"^    (\w+): (.*\n(?:     +.*\n)*)", part[1] if part else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def options() -> Iterator[tuple[str, str, str, str]]:
    """Command, option, default and meaning of each, but for ``--help``."""
    commands = dict(below(_parser()))
    assert len(commands) == len(COMMANDS)
    for command, parser in sorted(commands.items(), key=lambda one: one[0] != "run"):
        for action in parser._actions:
            if action.help is argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
                continue
            name = action.option_strings[-1] if action.option_strings else str(action.metavar)
            is_flag = action.nargs == 0
            yield command, name, "no" if is_flag else shown(action.default), (action.help or "").split(". ")[0]


def below(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command, as people write it: ``rules test``."""
    verbs = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for verb, inner in (one for action in verbs for one in action.choices.items()):
        yield from below(inner, f"{name} {verb}".strip())
    if not verbs:
        yield name, parser


def variables() -> set[str]:
    """Those of our own that the source names."""
    files = [path for room in ("twinkle_notifier", "integrations") for path in (ROOT / room).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch(r"TWINKLE_[A-Z_]+", text)}


def shown(default: object) -> str:
    match default:
        case inspect.Parameter.empty:
            return "needed"
        case None | "" | ():
            return ""
        case bool():
            return "yes" if default else "no"
        case int() | float() | str():
            return f"`{default}`"
    return ""


def table(language: str) -> str:
    lines = [[word(text, language) for text in HEAD], ["---"] * len(HEAD)]
    lines += [cells(name, row, language) for name, row in rows().items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells(name: str, row: Row, language: str) -> list[str]:
    meaning, default = spoken(name, row)
    comma, semicolon = (", ", "; ") if language == "en" else ("、", "；")
    code = [in_code(argument, where, language, comma) for argument, where in row.code.items()]
    named = (comma.join(names) for names in (row.options, row.variables, row.keys))
    return [word(meaning, language), semicolon.join(code), *named, word(default, language)]


def spoken(name: str, row: Row) -> tuple[str, str]:
    """What it means, and what holds without it; in English."""
    meaning = MEANING.get(name) or next(filter(None, row.meanings), "")
    return escaped(meaning), escaped(DEFAULT.get(name) or next(filter(None, row.defaults), ""))


def in_code(argument: str, where: list[str], language: str, comma: str) -> str:
    named = comma.join(word(place, language) for place in places(where))
    return f"`{argument}` of {named}" if language == "en" else f"`{argument}`（{named}）"


def word(text: str, language: str) -> str:
    """`text` in the language; what is only code is the same in each."""
    return text if language == "en" or re.fullmatch("`[^`]+`", text) else CHINESE[text]


def places(where: list[str]) -> list[str]:
    everywhere = {f"`{one.__name__}`" for one in NOTIFIERS}
    return ["all chats"] if set(where) == everywhere else where


def escaped(text: str) -> str:
    text = re.sub(r"``([^`]+)``", r"`\1`", re.sub(r" \(default: %\(default\)\w\)|\.$", "", text))
    return text.replace("|", r"\|")


@pytest.mark.parametrize("language", PAGES)
def test_the_table_is_what_the_code_says(language: str) -> None:
    """Each argument, option, variable and key that there is, and no other."""
    page, made = PAGES[language], table(language)
    before, _, rest = page.read_text().partition(BEGIN)
    written, _, after = rest.partition(END)
    if os.environ.get("GOLDEN") == "write":
        page.write_text(before + BEGIN + made + END + after)
        written = made
    assert written.splitlines() == made.splitlines()


def test_each_setting_has_a_meaning() -> None:
    """No row is empty, and no meaning or default is of a setting that is gone."""
    found = rows()
    assert [name for name, row in found.items() if not (MEANING.get(name) or any(row.meanings))] == []
    assert (set(MEANING) | set(DEFAULT)) - set(found) == set()


def test_each_chinese_text_is_of_an_english_one() -> None:
    """None is left of a text that has changed."""
    found = rows()
    said = {text for name, row in found.items() for text in spoken(name, row)}
    places_said = {place for row in found.values() for where in row.code.values() for place in places(where)}
    assert set(CHINESE) - {*HEAD, *said, *places_said} == set()
