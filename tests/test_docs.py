"""Every Python example of README.md and docs/ runs, as written, each in a process of its own."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import re
import shlex
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from forks import FORKS
from pages import PAGES, ROOT, TRANSLATIONS, anchors, blocks

import twinkle_notifier
from twinkle_notifier.cli.main import _parser
from twinkle_notifier.diagnosis import user_rules
from twinkle_notifier.diagnosis.known import KNOWN
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime import user_file

CORE = "twinkle_notifier"


EXAMPLES = {  # what two pages show runs once
    code: f"{page.stem}-{number}"
    for page in PAGES
    if page not in TRANSLATIONS
    for number, code in enumerate(blocks(page), 1)
}
FRAMEWORK = re.compile(r"^ *(?:import|from) (?:torch|lightning|transformers|accelerate)\b", re.MULTILINE)
OF_FRAMEWORKS = {name: code for code, name in EXAMPLES.items() if FRAMEWORK.search(code)}


def has_ended(code: str, status: int, err: str) -> bool:
    """Whether it ended as it must: one that raises again with its own exception."""
    raised = (
        re.search(r'^    raise (\w+)\("(.*)"\)', code, re.MULTILINE)
        if re.search(r"^    raise\b *(#.*)?$", code, re.MULTILINE)
        else None
    )
    ends = (1, f"{raised[1]}: {raised[2]}") if raised else (0, "")
    return (status, err.strip().rpartition("\n")[2] if raised else "") == ends


@pytest.mark.parametrize(
    "code", [pytest.param(code, id=name) for code, name in EXAMPLES.items() if name not in OF_FRAMEWORKS]
)
def test_examples_run(code: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """With DING_URL and DING_SECRET set, and nothing else.

    The robot, which wants signatures, refuses nothing: the URL has the secret, too, for examples that need none.
    """
    done = run(code, DING_URL=f"{inbox.url}&secret={inbox.robots['DingTalk'].secret}")
    assert inbox.requests == len(inbox.messages) + inbox.repeats
    assert has_ended(code, done.returncode, done.stderr), done.stderr


def test_examples_of_frameworks_run(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """So do these, each in a fork of one process that has loaded the frameworks."""
    assert len(OF_FRAMEWORKS) > 7
    for name, code in OF_FRAMEWORKS.items():
        folder = tmp_path / "work" / name
        folder.mkdir()
        (folder / "train.py").write_text(code)
    url = f"{inbox.url}&secret={inbox.robots['DingTalk'].secret}"
    done = run(FORKS, DING_URL=url, FOLDERS=json.dumps([*OF_FRAMEWORKS]))
    assert done.returncode == 0, done.stderr
    statuses = json.loads(done.stdout)
    errs = {name: (tmp_path / "work" / name / "err").read_text() for name in OF_FRAMEWORKS}
    assert {
        name: errs[name] for name, code in OF_FRAMEWORKS.items() if not has_ended(code, statuses[name], errs[name])
    } == {}
    told = [code for code in OF_FRAMEWORKS.values() if "env:DING_URL" in code]
    assert [message.title.partition(" after")[0] for message in inbox.messages] == ["sft ended"] * len(told)
    assert inbox.requests == len(inbox.messages) + inbox.repeats


# Programs that have an environment of their own: see tests/trainers.
ABSENT = (
    "import ray.train\n",
    "import twinkle\n",
    "from swift.",
    "from llamafactory.",
    "from twinkle_notifier.integrations.llamafactory ",
)


def test_only_what_needs_another_program_does_not_run() -> None:
    """A block ``py`` is not run: what it imports is not there in the tests."""
    left_out = [code for page in PAGES for code in blocks(page, "py")]
    assert left_out
    assert [code for code in left_out if not code.startswith(ABSENT)] == []


def commands(page: Path) -> list[list[str]]:
    """What the blocks for a shell give to `twinkle-notifier`."""
    text = "".join(block for language in ("console", "sh") for block in blocks(page, language))
    lines = [shlex.split(line, comments=True) for line in text.splitlines() if "twinkle-notifier " in line]
    return [words[words.index(name) + 1 :] for words in lines if (name := "twinkle-notifier") in words]


def test_commands_have_the_options_that_are_written() -> None:
    """Each `twinkle-notifier` in a block for a shell."""
    found = [words for page in PAGES for words in commands(page)]
    assert len(found) > 20
    for words in found:
        assert _parser().parse_args(words).do  # else it exits


def test_a_yaml_example_names_what_is_there() -> None:
    """Each class, and each of its arguments; not Axolotl's, which is not here."""
    found = [yaml.safe_load(code) for page in PAGES if page not in TRANSLATIONS for code in blocks(page, "yaml")]
    (callback,) = (callback for one in found if "trainer" in one for callback in one["trainer"]["callbacks"])
    classes = [(one["class_path"], one["init_args"]) for one in (callback, callback["init_args"]["notifier"])]
    for hydras in (one["hydra"]["callbacks"] for one in found if "hydra" in one):
        classes += [(given.pop("_target_"), given) for given in hydras.values()]
    assert len(classes) == 3
    for path, arguments in classes:
        module, _, name = path.rpartition(".")
        inspect.signature(getattr(importlib.import_module(module), name)).bind(**arguments)


def test_toml_examples_can_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """A user's file, and a file with rules."""
    (settings,) = blocks(ROOT / "docs" / "settings.md", "toml")
    read = user_file._parsed(Path("config.toml"), settings.encode())
    assert (bool(read.url), read.notifications, read.problem, caplog.text) == (True, "failure_only", "", "")
    (rules,) = blocks(ROOT / "docs" / "messages.md", "toml")
    assert [rule.id for rule in user_rules.parsed(rules)] == ["store-full"]


def test_an_extra_is_installed_from_a_checkout() -> None:
    """In one way on each page: there is no such package on an index. Each extra is one that there is."""
    named = {found for page in PAGES for found in re.findall(r"pip install '([^']*)\[([\w-]+)\]'", page.read_text())}
    extras = {*(metadata("twinkle-notifier").get_all("Provides-Extra") or [])}
    ours = {(what, extra) for what, extra in named if what != "requests"}
    assert {what for what, _ in ours} == {"."}
    assert {extra for _, extra in ours} <= extras


PROMISES = {
    "README.md": r"More than (\d+) \[known errors\]",
    "README.zh.md": r"(\d+) 多种\[已知错误\]",
    "CHANGELOG.md": r"more than (\d+) kinds of known errors",
    "docs/comparison.md": r"\[here\]\(diagnosis.md\) more than (\d+)",
    "docs/comparison.zh.md": r"\[这里\]\(diagnosis.md\)有 (\d+) 多种",
}


@pytest.mark.parametrize("page", PROMISES)
def test_as_many_known_errors_as_a_page_promises(page: str) -> None:
    """And not many more: a number that stays behind sells the table short."""
    (promised,) = re.findall(PROMISES[page], (ROOT / page).read_text())
    assert int(promised) < len(KNOWN) <= int(promised) + 200


def test_no_example_swallows_an_exception() -> None:
    """What people copy raises again: a scheduler would take a swallowed crash for success."""
    tells = [
        code for code in EXAMPLES if re.search(r"^except .*:\n(?:    .*\n)*    notify_exception", code, re.MULTILINE)
    ]
    assert tells
    assert [
        code for code in tells if not re.search(r"^    raise\b", code.partition("notify_exception(")[2], re.MULTILINE)
    ] == []


def test_links_lead_somewhere() -> None:
    """Each relative link of a page."""
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!https:)([^)#:]+)[^)]*\)", page.read_text())]
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_links_lead_to_a_heading() -> None:
    """Each link with an anchor."""
    links = [(page, *link) for page in PAGES for link in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())]
    wrong = [
        (page.name, name, to) for page, name, to in links if to not in anchors(page.parent / name if name else page)
    ]
    assert wrong == []


QUESTIONS = [line.split(" | ") for line in (ROOT / "tests" / "docs_questions.txt").read_text().splitlines()]


@pytest.mark.parametrize(("question", "place", "says"), QUESTIONS, ids=[line[0] for line in QUESTIONS])
def test_a_question_is_answered_in_two_clicks(question: str, place: str, says: str) -> None:
    """From the first page a link leads to the page, and the table of its headings to the answer."""
    page, _, anchor = place.partition("#")
    first = ROOT / "docs" / "index.md"
    assert page == first.name or re.search(rf"\]\({re.escape(page)}[)#]", first.read_text())
    assert says in sections(ROOT / "docs" / page)[anchor]


def sections(page: Path) -> dict[str, str]:
    """What stands below each heading, up to the next."""
    text = re.sub(
        r"^```.*?^```", lambda block: block[0].replace("\n#", "\n "), page.read_text(), flags=re.DOTALL | re.M
    )
    return dict(zip(anchors(page), re.split(r"^#+ .*\n", text, flags=re.MULTILINE)[1:], strict=True))


def test_the_api_page_has_every_public_name() -> None:
    """No more and no fewer: names that are not there may change."""
    named = re.findall(r"^::: twinkle_notifier\.(\w+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(twinkle_notifier.__all__)


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs.yml names each page of docs/ once; a translation is found by its name."""
    listed = re.findall(r"^ +- (?:.*: )?(\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in PAGES[1:] if page not in TRANSLATIONS)


def test_the_map_of_rooms_is_true() -> None:
    """Each file that docs/architecture.md and CONTRIBUTING.md name is there, and each room is in the former's table."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    pages = text + (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?|\w+\.py)`", pages))
    assert [name for name in sorted(named) if not any((top / name).exists() for top in (ROOT / CORE, ROOT))] == []
    rooms = {f"{path.parent.name}/" for path in (ROOT / CORE).glob("*/__init__.py")} | {"integrations/"}
    assert rooms <= set(re.findall(r"^\| `(\w+/)` \|", text, re.MULTILINE))


@functools.cache
def strings() -> list[list[str]]:
    """Each string of the source, as the texts between its values."""
    files = [path for room in (CORE, "integrations") for path in sorted((ROOT / room).rglob("*.py"))]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    return [texts for node in nodes if (texts := texts_between_values(node))]


def texts_between_values(node: ast.AST) -> list[str]:
    """Of a literal, which may be a format with ``%`` or ``{slots}``, or of an f-string; nothing of other nodes."""
    match node:
        case ast.Constant(value=str() as text):
            return re.split(r"%[.\d]*[sdrg]|\{\w+\}", text)
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts).split("\0")
    return []


@functools.cache
def lines() -> list[re.Pattern[str]]:
    """The strings, as patterns with a group for each value; without those that hardly say a thing."""
    return [re.compile("(.*?)".join(map(re.escape, texts))) for texts in strings() if len("".join(texts)) >= 10]


def is_logged(line: str) -> bool:
    """Whether the source can write `line`, in which "..." stands for the rest or for a value."""
    if len(line.split()) <= 3:  # a value, such as a name
        return True
    if line.endswith("...") and any(texts[0].startswith(line[:-3]) for texts in strings()):
        return True
    return any(all(map(is_logged, found.groups())) for known in lines() if (found := known.fullmatch(line)))


def test_what_the_log_says_is_in_the_source() -> None:
    """Each line that docs/troubleshooting.md quotes is one that this package writes."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    tables = re.findall(r"^\| the log says .*\n((?:\|.*\n)*)", page, re.MULTILINE)
    quoted = [quote for table in tables for quote in re.findall(r"^\| (`+)(.+?)\1 \|", table, re.MULTILINE)]
    blocks = re.findall(r"^```log\n(.*)\n```", page, re.MULTILINE)
    rows = sum(table.count("\n") - 1 for table in tables)
    assert len(quoted) == rows > 20
    assert [line for line in [*(text for _, text in quoted), *blocks] if not is_logged(line)] == []


def test_a_line_that_nobody_writes_is_found() -> None:
    """The check above is no rubber stamp."""
    assert is_logged("alert not sent for ValueError: ...")
    assert not is_logged("alert not posted for ValueError: ...")
    assert not is_logged("DingTalk 310000: the signature looks wrong: ... (...)")


def test_each_variable_of_others_is_one_that_the_source_names() -> None:
    """The page's own table of ours is checked by test_settings_page.py."""
    page = (ROOT / "docs" / "settings.md").read_text().partition("## Variables of others")[2].partition("\n## ")[0]
    others = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE))))
    assert others
    assert others <= {texts[0] for texts in strings() if len(texts) == 1}


COMPONENT = {
    "base interface": """
from twinkle_notifier import Notifier

class Notifier:
    def __call__(self, message: str):
        ...

    def to_dict(self) -> dict:
        ...

    @classmethod
    def from_dict(cls, data: dict) -> Notifier:
        ...
""",
    "DingNotifier": """
from twinkle_notifier import DingNotifier

notifier = DingNotifier(
    ding_url={url!r},
    secret={secret!r},  # Optional: for signed robots
    timeout=5.0,
)

# Send a message
notifier("### Training Complete\\n\\n- Steps: 1000\\n- Loss: 0.25")
""",
    "notify_exception": """
from twinkle_notifier import DingNotifier
notifier = DingNotifier(ding_url={url!r}, secret={secret!r}, timeout=5.0)
class model:
    def forward_backward(batch): raise ValueError("lost")
batch = None

from twinkle_notifier.base import notify_exception

try:
    model.forward_backward(batch)
except Exception as e:
    notify_exception(notifier, context='forward_backward', exc=e, name='sft_train')
""",
    "SlackNotifier": """
from twinkle_notifier import Notifier

class SlackNotifier(Notifier):
    def __init__(self, webhook_url: str):
        self.webhook_url = webhook_url

    def __call__(self, message: str):
        import requests
        requests.post(self.webhook_url, json={{'text': message}})

    def to_dict(self):
        return {{'class': 'SlackNotifier', 'webhook_url': self.webhook_url}}

    @classmethod
    def _from_dict_impl(cls, data):
        return cls(webhook_url=data['webhook_url'])

restored = Notifier.from_dict(SlackNotifier({url!r}).to_dict())
assert type(restored) is SlackNotifier and restored.webhook_url == {url!r}
restored("hello")
""",
}


@pytest.mark.parametrize(
    ("block", "titles"),
    [
        ("base interface", []),
        ("DingNotifier", ["Training Complete"]),
        ("notify_exception", ["sft_train failed: ValueError: lost"]),
        ("SlackNotifier", []),
    ],
)
def test_the_components_documentation_runs(
    block: str, titles: list[str], run: Callable[..., Any], inbox: Inbox
) -> None:
    """Each code block, with only the import changed (and a local robot's address)."""
    code = COMPONENT[block]
    if "{" in code:
        code = code.format(url=inbox.url, secret="SEC0123456789abcdef")
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert [message.title for message in inbox.messages] == titles
