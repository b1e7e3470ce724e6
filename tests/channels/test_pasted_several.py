"""What a pasted text becomes where it names several services, whom to mention, or a service that apprise serves."""

from __future__ import annotations

import json

import pytest

from twinkle_notifier import AppriseNotifier, DingNotifier, FanoutNotifier, FeishuNotifier, Notifier, SlackNotifier
from twinkle_notifier.channels import from_text
from twinkle_notifier.cli.common import each, named
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime import user_file
from twinkle_notifier.settings import set_up

pytest.importorskip("apprise")

DING = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef"
SLACK = "https://hooks.slack.com/services/T0/B0/tok-0123456789abcdef"
NTFY = "https://ntfy.sh/runs"


def test_several_are_one_notifier() -> None:
    """Each of its own kind; each is named and can be checked by itself."""
    made = Notifier.from_url(f"{DING}&secret=SEC0123,{SLACK} {NTFY}\n{SLACK}")
    parts = [
        DingNotifier(DING, "SEC0123"),
        SlackNotifier(SLACK),
        AppriseNotifier("ntfys://ntfy.sh/runs?format=markdown"),
    ]
    assert made == FanoutNotifier(*parts)
    assert Notifier.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert list(map(named, each(made))) == ["DingTalk", "Slack", "ntfy"]


def test_references_to_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that leads to one URL stays; what leads to several is looked up now."""
    monkeypatch.setenv("ONE", SLACK)
    monkeypatch.setenv("TWO", f"{DING} {SLACK}")
    assert Notifier.from_url("env:ONE env:TWO") == FanoutNotifier(
        SlackNotifier("env:ONE"), FanoutNotifier(DingNotifier(DING), SlackNotifier(SLACK))
    )


def test_a_reference_to_what_apprise_takes_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be rewritten cannot."""
    monkeypatch.setenv("URL", "ntfys://ntfy.sh/runs")
    assert Notifier.from_url("env:URL") == AppriseNotifier("env:URL")
    monkeypatch.setenv("URL", NTFY)
    assert Notifier.from_url("env:URL") == AppriseNotifier("ntfys://ntfy.sh/runs?format=markdown")


def test_a_message_reaches_each(inbox: Inbox) -> None:
    """By one variable."""
    urls = [f"{inbox.url}&secret=SEC0123456789abcdef", inbox.urls["WeCom"], inbox.urls["Slack"]]
    Notifier.from_url(", ".join(urls))("### hello")
    assert sorted(message.service for message in inbox.messages) == ["DingTalk", "Slack", "WeCom"]


def test_mentions_of_a_url_and_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to the channel, whether it has the URL or a reference to it."""
    assert from_text(f"{DING}&mention=13800000000&mention=@all") == DingNotifier(DING, mentions=("13800000000", "@all"))
    monkeypatch.setenv("URL", f"{DING}&mention=13800000000")
    assert from_text("env:URL") == DingNotifier("env:URL", mentions=("13800000000",))
    feishu = "https://open.feishu.cn/open-apis/bot/v2/hook/tok-0123456789abcdef"
    assert from_text(feishu, "x", ["@all"]) == FeishuNotifier(feishu, mentions=("@all",))


def test_the_user_s_file_has_a_level_and_mentions() -> None:
    """For all that its URL names."""
    place = user_file.path()
    assert place is not None
    place.parent.mkdir(parents=True)
    place.write_text(f'url = "{DING} {NTFY}"\nmin_level = "error"\nmentions = ["@all"]\n')
    place.chmod(0o600)
    parts = (DingNotifier(DING, mentions=("@all",)), AppriseNotifier("ntfys://ntfy.sh/runs?format=markdown"))
    assert set_up() == (FanoutNotifier(*parts, min_level="error"), str(place))
