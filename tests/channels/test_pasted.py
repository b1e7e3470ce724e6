"""What people paste: URLs as a chat's page or a browser gives them, several in one text, and what is no robot's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, DingNotifier, FeishuNotifier, Notifier, SlackNotifier, WeComNotifier
from twinkle_notifier.channels import from_text, pasted
from twinkle_notifier.inbox import Inbox

DING = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef"
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/tok-0123456789abcdef"
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=tok-0123456789abcdef"
SLACK = "https://hooks.slack.com/services/T0/B0/tok-0123456789abcdef"
DISCORD = "https://discord.com/api/webhooks/123456789012345678/tok-0123456789abcdef"
TEAMS = "https://prod-12.westus.logic.azure.com:443/workflows/0123/triggers/manual/paths/invoke?sv=1.0&sig=tok-0123"
POWER = "https://d0.ab.environment.api.powerplatform.com:443/powerautomate/workflows/0123/triggers/x?sig=tok-0123"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DING, DingNotifier(DING)),
        (f"  {DING}&secret=SEC0123\n", DingNotifier(DING, "SEC0123")),
        (FEISHU, FeishuNotifier(FEISHU)),
        (f"{FEISHU}?secret=abc", FeishuNotifier(FEISHU, "abc")),
        (FEISHU.replace("feishu.cn", "larksuite.com"), FeishuNotifier(FEISHU.replace("feishu.cn", "larksuite.com"))),
        (WECOM, WeComNotifier(WECOM)),
        (SLACK, SlackNotifier(SLACK)),
        (SLACK.replace("slack.com", "slack-gov.com"), SlackNotifier(SLACK.replace("slack.com", "slack-gov.com"))),
        (json.dumps({"class": "DingNotifier", "ding_url": DING}), DingNotifier(DING)),
    ],
)
def test_a_webhook_is_of_the_service_that_host_and_path_name(text: str, expected: Notifier) -> None:
    """Whatever stands around it; and JSON is what `to_dict` has written."""
    assert Notifier.from_url(text) == expected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (DISCORD, DISCORD),
        (DISCORD.replace("//", "//canary."), DISCORD),
        (DISCORD.replace("discord.com/api", "ptb.discordapp.com/api/v10"), DISCORD),
        (f"{DISCORD}?thread_id=7&secret=x", f"{DISCORD}?thread_id=7"),
        ("https://api.telegram.org/bot123:AA-b_c/sendMessage?chat_id=-1001&text=x", "tgram://123:AA-b_c/-1001/"),
        ("https://api.telegram.org/bot123:AA-b_c?chat_id=@runs", "tgram://123:AA-b_c/@runs/"),
        (TEAMS, TEAMS),
        (f"{POWER}&secret=mine", POWER),
        ("https://ntfy.sh/runs", "ntfys://ntfy.sh/runs?format=markdown"),
        ("https://me:pw@ntfy.example.org/runs", "ntfys://me:pw@ntfy.example.org/runs?format=markdown"),
        ("http://ntfy.example.org:8080/runs", "ntfy://ntfy.example.org:8080/runs?format=markdown"),
        ("https://sctapi.ftqq.com/SCT12Tab.send?title=hello", "schan://SCT12Tab"),
        ("https://www.pushplus.plus/send?token=ab12&title=x", "pushplus://ab12"),
        ("https://www.pushplus.plus/send/ab12", "pushplus://ab12"),
        ("https://api2.pushdeer.com/message/push?pushkey=PDU1&text=x", "pushdeers://PDU1"),
        ("https://deer.example.org:8800/message/push?pushkey=PDU1", "pushdeers://deer.example.org:8800/PDU1"),
        ("https://push.example.org/message?token=Ab.c", "gotifys://push.example.org/Ab.c?format=markdown"),
        ("https://example.org/gotify/message?token=Ab.c", "gotifys://example.org/gotify/Ab.c?format=markdown"),
        (
            "https://chat.googleapis.com/v1/spaces/A/messages?key=b",
            "https://chat.googleapis.com/v1/spaces/A/messages?key=b",
        ),
        ("tgram://123:AA-b_c/-1001", "tgram://123:AA-b_c/-1001"),
        ("mailtos://me:pw@example.org?to=you@example.org", "mailtos://me:pw@example.org?to=you@example.org"),
    ],
)
def test_what_apprise_serves_is_written_as_apprise_takes_it(text: str, address: str) -> None:
    """The text of a browser's example, and our own fields, are left out."""
    assert pasted.for_apprise(text, "x") == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://www.feishu.cn/flow/api/trigger-webhook/tok-0123", "the trigger of a Feishu flow.* a custom bot"),
        ("https://open.feishu.cn/open-apis/bot/hook/tok-0123", "of the first kind.* a custom bot"),
        ("https://abc.feishu.cn/wiki/tok-0123", "a page of Feishu.* a custom bot"),
        ("https://hooks.slack.com/workflows/T0/A0/tok-0123", "a Slack workflow.* Incoming Webhooks"),
        ("https://hooks.slack.com/triggers/T0/A0/tok-0123", "a Slack workflow.* Incoming Webhooks"),
        ("https://app.slack.com/client/tok-0123", "a page of Slack.* Incoming Webhooks"),
        (
            "https://abc.webhook.office.com/webhookb2/tok-0123",
            "a connector of Teams, .*retired.* workflow in the channel",
        ),
        ("https://outlook.office.com/webhook/tok-0123", "a connector of Teams"),
        ("https://open-dev.dingtalk.com/fe/app#/tok-0123", "a page of DingTalk.* a custom robot"),
        ("https://login.dingtalk.com/oauth2/tok-0123", "a page of DingTalk"),
        ("https://work.weixin.qq.com/wework_admin/tok-0123", "a page of WeCom.* message push"),
        ("https://discord.com/channels/1/tok-0123", "a page of Discord.* Copy Webhook URL"),
        ("https://t.me/tok-0123", "a page of Telegram.* @BotFather"),
        ("https://12.push.ft07.com/send/tok-0123.send", "ServerChan's app.* sct.ftqq.com"),
        ("https://api2.pushdeer.com/message/push?text=tok-0123", "names no pushkey"),
        ("https://push.example.org/message?title=tok-0123", "names no token"),
        ("dingtalk://tok-0123/13800000000", "serves itself: .* a custom robot"),
        ("feishu://tok-0123", "serves itself"),
        ("https://example.org/tok-0123", "neither a webhook URL of DingTalk, .* nor a JSON object"),
        ("tok-0123", "neither"),
        ("https://[tok-0123", "neither"),
        ("https://example.org:tok-0123/", "neither"),
        ("", "neither"),
        (" , ", "neither"),
        ('{"class": tok-0123', "begins like JSON"),
        (f"{DING} and tok-0123", "no URL: paste the webhook URL alone"),
        (f"{DING}, https://hooks.slack.com/triggers/tok-0123", "a Slack workflow"),
        (f"{DISCORD}?mention=tok-0123", "takes no `mention="),
    ],
)
def test_what_is_no_robot_s_is_refused_with_the_page_to_copy_from(text: str, said: str) -> None:
    """By an error that shows nothing of the text."""
    with pytest.raises(ArgumentError, match=f"(?s)^the text .*{said}") as caught:
        Notifier.from_url(text)
    assert "tok-" not in f"{caught.value!r}{caught.value.__context__!r}{caught.value.__cause__!r}"


@pytest.mark.parametrize("value", [None, 1, ["a"], b"https://ntfy.sh/x"])
def test_what_is_no_text_is_refused(value: Any) -> None:
    """By an error of ours."""
    with pytest.raises(ArgumentError, match="takes a text"):
        Notifier.from_url(value)


@pytest.mark.parametrize(
    "text",
    [
        f"{DING}&secret=SEC0 {SLACK}",
        f"{DING}&secret=SEC0,{SLACK}",
        f"{DING}&secret=SEC0 , \n{SLACK},",
        f"{DING}&secret=SEC0\n{SLACK}\n{SLACK}",
    ],
)
def test_several_are_parted_by_spaces_commas_or_new_lines(text: str) -> None:
    """Each once."""
    assert pasted.split(text) == [f"{DING}&secret=SEC0", SLACK]


def test_a_comma_within_a_url_parts_nothing() -> None:
    """Only one before another URL or reference does; a path may have a space."""
    assert pasted.split("mailto://x?to=a,b,env:A, file:/a b/c") == ["mailto://x?to=a,b", "env:A", "file:/a b/c"]


def test_mentions_are_taken_off() -> None:
    """Said in several fields, or in one with commas; each once. The rest of the URL stays to the letter."""
    url = f"{DING}&mention=13800000000&mention=%40all%2C13800000000&x=%2f"
    assert pasted.parted(url) == (f"{DING}&x=%2f", ("13800000000", "@all"))
    assert pasted.parted(f"{DING}&x=%2f") == (f"{DING}&x=%2f", ())


def test_our_own_fields_never_reach_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor when only a reference's URL has them."""
    monkeypatch.setenv("URL", f"{DING}&mention=13800000000&secret=SEC0123")
    for made in (DingNotifier(f"{DING}&mention=13800000000&secret=SEC0123"), DingNotifier("env:URL")):
        assert made._looked_up() == (DING, "SEC0123")


@pytest.mark.parametrize("kind", ["env", "file"])
def test_a_reference_to_a_webhook_stays_one(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that no checkpoint holds the URL."""
    monkeypatch.setenv("URL", f"{FEISHU}?secret=abc")
    (tmp_path / "url").write_text(f"{FEISHU}?secret=abc\n")
    reference = "env:URL" if kind == "env" else f"file:{tmp_path / 'url'}"
    assert Notifier.from_url(reference) == FeishuNotifier(reference)


def test_a_pasted_webhook_sends(inbox: Inbox) -> None:
    """To each service's robot, which lies on the same port."""
    for service, url in inbox.urls.items():
        secret = "secret=SEC0123456789abcdef" if service in ("DingTalk", "Feishu") else ""
        Notifier.from_url(f"{url}{'&' if '?' in url else '?'}{secret}")("### hello")
    assert sorted(message.service for message in inbox.messages) == sorted(inbox.urls)


def test_what_holds_the_text_is_named() -> None:
    """So that a person knows where to mend it."""
    with pytest.raises(ArgumentError, match=r"^--to holds the trigger of a Feishu flow"):
        from_text("https://www.feishu.cn/flow/api/trigger-webhook/0123", "--to")


@pytest.mark.parametrize(
    ("address", "service"),
    [
        (DISCORD, "Discord"),
        (TEAMS, "Teams"),
        ("tgram://123:AA/-1001/", "Telegram"),
        ("ntfys://ntfy.sh/runs?format=markdown", "ntfy"),
        ("mailtos://me:pw@example.org", "mailtos"),
        ("env:URL", ""),
        ("https://example.org/x", ""),
    ],
)
def test_the_service_behind_apprise_is_named(address: str, service: str) -> None:
    """As people call it."""
    assert pasted.service(address) == service
