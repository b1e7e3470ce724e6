"""Rules of a user's own, from a TOML file and from packages."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, DingNotifier, notify_exception
from twinkle_notifier.diagnosis import user_rules
from twinkle_notifier.diagnosis.known import KNOWN
from twinkle_notifier.diagnosis.rule import Advice, Rule
from twinkle_notifier.testing import RecordingNotifier

RULES = """
[[rule]]
id = "our-store-is-full"
says = ["store {name:word} is full: {used:size} of {all:size}"]
types = ["OSError"]
when = ["used > 0.9 * all"]
likely = "the group's store {name} is full ({used})"
next = ["delete old runs: /store/{name}/runs", "ask storage@example.org for more"]
source = "https://wiki.example.org/store"

[rule.zh]
likely = "课题组的存储 {name} 已满（{used}）"
next = ["删除旧的任务目录"]
"""


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_rules, "_table", None)


def told(exc: BaseException, language: str = "en") -> str:
    notify_exception(notifier := RecordingNotifier(), "fit", exc, "sft", language=language)  # type: ignore[arg-type]
    [message] = notifier.messages
    return message


def test_a_rule_of_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the alert's language, before those of this package."""
    place = tmp_path / "rules.toml"
    place.write_text(RULES)
    monkeypatch.setenv(user_rules.VARIABLE, str(place))
    text = told(OSError("store vision is full: 950 GB of 1000 GB"))
    assert (
        "\n- Likely: the group's store vision is full (950 GB)\n- Next: delete old runs: /store/vision/runs\n" in text
    )
    assert "\n- 可能原因: 课题组的存储 vision 已满（950 GB）\n" in told(
        OSError("store vision is full: 950 GB of 1 TB"), "zh"
    )
    assert "Likely" not in told(OSError("store nlp is full: 1 GB of 1 TB"))
    assert [rule.id for rule in user_rules.table().rules][1:] == [rule.id for rule in KNOWN]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rule = ", "it is no TOML"),
        ("x = 1", "it holds no [[rule]]"),
        (RULES.replace("says", "sais"), "'our-store-is-full' has a field 'sais': there are says, also"),
        (RULES.replace('likely = "the', 'next2 = "the'), "has a field 'next2'"),
        (RULES.replace('["OSError"]', "[3]"), "`types` is no list of texts"),
        (RULES.replace("used > 0.9 * all", "used over all"), "'used over all' is no comparison"),
        (RULES.replace("{used:size} of", "{used:size}{of} of"), "side by side"),
        (RULES + RULES, "two rules have the id 'our-store-is-full': give each its own"),
        (RULES + "\n[[rules]]\n", "it holds 'rules': write each rule below a [[rule]]"),
        (RULES.replace("[rule.zh]", "[rule.zh]\nlikly = 'x'"), "`zh` is no table of `likely` and `next`"),
        (RULES.partition("[rule.zh]")[0] + 'zh = "满了"', "`zh` is no table of `likely` and `next`"),
        (
            RULES.replace("https://wiki.example.org/store", "\\n").replace('source = "\\n"', "source = 5"),
            "`source` is no",
        ),
        (RULES.replace('"our-store-is-full"', "5"), "`id` is no text"),
        (RULES.replace('types = ["OSError"]', 'signals = ["KILL"]'), "no signal 'KILL'; write it as 'SIGKILL'"),
        (RULES.replace("used > 0.9", "usd > 0.9"), "no pattern has a slot 'usd'"),
        (RULES.replace("{name:word}", "{name!r}"), "{name!r} is no slot; write {name}"),
        (RULES.replace("group's store {name}", "group's store {nam}"), "no pattern has a slot 'nam'"),
        (RULES.replace("group's store {name}", "group's store {name!r}"), "no pattern has a slot 'name!r'"),
        (RULES.replace("delete old runs: ", "delete old runs:\\n- At: forged"), "`next` has a line break"),
        (RULES.replace("the group's", "the " + "long " * 60 + "group's"), "`likely` has more than 300 characters"),
        ("a = " + "[" * 10_000 + "]" * 10_000, "it is no TOML (it is nested too deeply)"),
        ('[[rule]]\nid = "x"\nsays = ["{n}"]\nlikely = "x"\nnext = ["y"]', "'{n}' holds for every line"),
        ("[[rule]]\n" * 1_001, "it has more than 1,000 rules"),
    ],
)
def test_a_file_that_cannot_work_is_one_warning(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says what to mend; the package's rules are used, and the alert goes out."""
    place = tmp_path / "rules.toml"
    place.write_text(text)
    monkeypatch.setenv(user_rules.VARIABLE, str(place))
    with pytest.raises(ArgumentError):
        user_rules.parsed(text)
    with caplog.at_level(logging.WARNING):
        told(OSError("x"))
    [warning] = caplog.messages
    assert warning.startswith(f"the rules in {place} are not used: ")
    assert why in warning


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "there is no such file: correct TWINKLE_NOTIFIER_DIAGNOSIS, or `diagnosis` in your file"),
        (RULES.encode("gb18030"), "it is no UTF-8: save it anew in that encoding"),
        (RULES.encode("utf-16"), "it is no UTF-8"),
    ],
    ids=["missing", "in another encoding", "of another editor"],
)
def test_a_file_that_cannot_be_read_is_one_warning(
    data: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says how to mend that."""
    place = tmp_path / "rules.toml"
    if data is not None:
        place.write_bytes(data)
    monkeypatch.setenv(user_rules.VARIABLE, str(place))
    assert len(user_rules.table().rules) == len(KNOWN)
    [warning] = caplog.messages
    assert warning.startswith(f"the rules in {place} are not used: {why}")


def test_a_byte_order_mark_is_no_part_of_the_rules(tmp_path: Path) -> None:
    """Editors under Windows write one."""
    (tmp_path / "rules.toml").write_text(RULES, "utf-8-sig")
    [rule] = user_rules.read(tmp_path / "rules.toml")
    assert rule.id == "our-store-is-full"


def test_a_rule_of_ones_own_takes_the_place_of_ours_with_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a warning: it is how a cluster says its own steps."""
    place = tmp_path / "rules.toml"
    place.write_text(RULES.replace("our-store-is-full", KNOWN[3].id))
    monkeypatch.setenv(user_rules.VARIABLE, str(place))
    assert len(user_rules.table().rules) == len(KNOWN)
    assert user_rules.table().rules[0].en.likely.startswith("the group's store")
    assert caplog.messages == []


def test_the_marks_of_a_rule_are_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And those that it makes together with what the error says: nobody is mentioned, and no link is made."""
    place = tmp_path / "rules.toml"
    place.write_text(
        '[[rule]]\nid = "m"\nsays = ["store of {name:word}: "]\n'
        'likely = "@all <at id=all></at> ask @{name} and [here](https://example.org)"\nnext = ["**{name}**"]\n'
    )
    monkeypatch.setenv(user_rules.VARIABLE, str(place))
    text = told(OSError("store of everyone: full"))
    said = "\n".join(line for line in text.splitlines() if line.startswith(("- Likely", "- Next")))
    assert said.count("everyone") == 2
    for mark in ("@all", "@everyone", "<at", "](", "**everyone"):
        assert mark not in said, mark


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "rules.toml")
    monkeypatch.setenv(user_rules.VARIABLE, str(tmp_path / "rules.toml"))
    assert len(user_rules.table().rules) == len(KNOWN)


def test_a_package_may_have_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an entry point; one that raises is left out."""
    info = tmp_path / "ours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{user_rules.GROUP}]\na = ours_rules:RULES\nb = ours_rules:broken\n")
    (tmp_path / "ours_rules.py").write_text(
        "from twinkle_notifier.diagnosis.rule import Advice, Rule\n"
        "ADVICE = Advice('the sun', ('draw the curtain',))\n"
        "RULES = [Rule('sun', ADVICE, ADVICE, 'https://example.org', says=('too bright',))]\n"
        "def broken(): raise KeyError('x')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "- Likely: the sun\n- Next: draw the curtain\n" in told(ValueError("too bright here"))


def test_rules_are_read_when_the_notifier_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash is no moment to read the disk: what has held the rules may be gone by then."""
    place = tmp_path / "rules.toml"
    place.write_text(RULES)
    monkeypatch.setenv(user_rules.VARIABLE, str(place))
    DingNotifier("https://oapi.dingtalk.com/robot/send?access_token=0123")
    place.unlink()
    assert "\n- Likely: the group's store vision is full (950 GB)\n" in told(
        OSError("store vision is full: 950 GB of 1000 GB")
    )


def test_rules_may_come_with_a_notifier_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That notifier does not wait for them: they wait for it."""
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{user_rules.GROUP}]\na = their_rules:RULES\n")
    (tmp_path / "their_rules.py").write_text(
        "from twinkle_notifier import DingNotifier\n"
        "from twinkle_notifier.diagnosis.rule import Advice, Rule\n"
        "PAGER = DingNotifier('https://oapi.dingtalk.com/robot/send?access_token=0123')\n"
        "ADVICE = Advice('the moon', ('light a lamp',))\n"
        "RULES = [Rule('moon', ADVICE, ADVICE, 'https://example.org', says=('too dark',))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    DingNotifier("https://oapi.dingtalk.com/robot/send?access_token=0123")
    assert "- Likely: the moon\n- Next: light a lamp\n" in told(ValueError("too dark here"))


ADVICE = Advice("the sun", ("draw the curtain",))


@pytest.mark.parametrize(
    "given",
    [
        {"says": "too bright"},
        {"says": ("too bright",), "types": "OSError"},
        {"says": ("too bright",), "modules": 5},
        {"says": (5,)},
        {"says": ("too bright",), "en": "the sun"},
        {"says": ("too bright",), "zh": ("the sun", ("draw the curtain",))},
        {"says": ("too bright",), "en": Advice("the sun", "draw the curtain")},  # type: ignore[arg-type]
        {"says": ("too bright",), "en": Advice(5, ("draw the curtain",))},  # type: ignore[arg-type]
    ],
)
def test_a_rule_of_wrong_types_is_refused(given: dict[str, Any]) -> None:
    """One would match letter by letter, another would fail in a crash, and take all advice with it."""
    with pytest.raises(ArgumentError, match="rule 'sun'"):
        Rule(**{"id": "sun", "en": ADVICE, "zh": ADVICE, "source": "", **given}).check()


def test_rules_that_never_end_are_read_up_to_a_bound() -> None:
    entry = EntryPoint("a", f"{__name__}:endless", user_rules.GROUP)
    assert len(user_rules._loading(entry)()) == 1_000


def endless() -> Iterator[Rule]:
    return (Rule(f"sun {number}", ADVICE, ADVICE, "", says=("too bright",)) for number in count())


def twice() -> list[Rule]:
    return [Rule("sun", ADVICE, ADVICE, "", says=("too bright",))] * 2


def test_a_package_has_no_two_rules_with_one_id() -> None:
    with pytest.raises(ArgumentError, match="two rules have the id 'sun'"):
        user_rules._loading(EntryPoint("a", f"{__name__}:twice", user_rules.GROUP))()


def test_the_rule_of_a_package_with_the_id_of_the_file_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says so."""
    (tmp_path / "rules.toml").write_text(RULES)
    monkeypatch.setenv(user_rules.VARIABLE, str(tmp_path / "rules.toml"))
    info = tmp_path / "same-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: same\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{user_rules.GROUP}]\na = same_rules:RULES\n")
    (tmp_path / "same_rules.py").write_text(
        "from twinkle_notifier.diagnosis.rule import Advice, Rule\n"
        "RULES = [Rule('our-store-is-full', *[Advice('x', ('y',))] * 2, '', says=('too bright',))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(user_rules.table().rules) == len(KNOWN) + 1
    assert caplog.messages == ["a second rule with the id 'our-store-is-full' is not used: give it another"]


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """And not cut, as the rules behind the cut would be missing in silence."""
    place = tmp_path / "rules.toml"
    place.write_text(RULES + "# more\n" * 200_000)
    with pytest.raises(ArgumentError, match="1,048,576 bytes"):
        user_rules.read(place)


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the argument, and by the environment."""
    error = OSError(28, "No space left on device", "/data/x")
    assert "\n- Likely: " in told(error)
    notify_exception(notifier := RecordingNotifier(), "fit", OSError(28, "No space left on device"), diagnose=False)
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIAGNOSE", "0")
    assert "Likely" not in notifier.messages[0] + told(OSError(28, "No space left on device", "/data/y"))
