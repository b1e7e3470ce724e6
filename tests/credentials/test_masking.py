"""References, masking in text, and redaction of state."""

from __future__ import annotations

import copy
import logging
import string
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier import CredentialError, resolve
from twinkle_notifier.credentials.masking import holds_redacted, mask, masked_logs, redact, secrets_in_url
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.inbox import Inbox

WORDS = st.text(string.ascii_letters + string.digits, min_size=8)


def no_credential(reference: str) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        resolve(reference)
    return caught.value


# References


def test_a_literal_is_itself() -> None:
    """Only what begins like a reference is one."""
    assert resolve("SEC0123 ") == "SEC0123 "
    assert [is_reference(value) for value in ("env:X", "file:/x", "https://x", "ENV:X", "", None, 5)] == [True] * 2 + [
        False
    ] * 5


def test_a_variable_is_read_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the white space around it."""
    monkeypatch.setenv("TWINKLE_TEST_A", "  SEC0123\n")
    assert resolve("env:TWINKLE_TEST_A") == "SEC0123"
    monkeypatch.setenv("TWINKLE_TEST_A", "SEC4567")
    assert resolve("env:TWINKLE_TEST_A") == "SEC4567"


def test_a_file_is_read_from_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~` is the user's home; the last newline is none of the secret."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ding").write_text("SEC0123\n")
    assert resolve("file:~/ding") == resolve(f"file:{tmp_path}/ding") == "SEC0123"


def test_what_a_reference_holds_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret may look like a reference."""
    monkeypatch.setenv("TWINKLE_TEST_A", "env:TWINKLE_TEST_B")
    assert resolve("env:TWINKLE_TEST_A") == "env:TWINKLE_TEST_B"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_variable_that_holds_nothing_is_named(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is missing or empty."""
    if value is not None:
        monkeypatch.setenv("TWINKLE_TEST_A", value)
    assert "env:TWINKLE_TEST_A" in str(no_credential("env:TWINKLE_TEST_A"))


@pytest.mark.parametrize(
    "reference", ["env:", "file:", "file:/proc/self/mem", "file:/proc/self", "file:/nowhere/x", "file:a\0b"]
)
def test_an_unreadable_reference_is_named(reference: str) -> None:
    """A missing file, a folder, a file that gives an error, a path that cannot be one."""
    assert reference in str(no_credential(reference))


@pytest.mark.parametrize("content", [b"", b" \n\t", b"\xff\xfeSEC0123456789"])
def test_a_file_that_holds_no_text_is_named(content: bytes, tmp_path: Path) -> None:
    """And nothing of its content is shown, not by what the error holds on to, either."""
    (tmp_path / "ding").write_bytes(content)
    error: BaseException | None = no_credential(f"file:{tmp_path}/ding")
    assert f"file:{tmp_path}/ding" in str(error)
    while error is not None:
        assert "SEC0" not in repr(error)
        error = error.__cause__ or error.__context__


def test_a_file_without_end_is_read_in_part() -> None:
    """A device does not fill the memory."""
    assert len(resolve("file:/dev/zero")) == 64 * 1024


# Masking


@given(secret=WORDS, before=st.text(), after=st.text())
@settings(database=None, deadline=None)
def test_a_secret_in_a_text_is_never_left(secret: str, before: str, after: str) -> None:
    """Whatever is around it."""
    assert secret not in mask(before + secret + after, [secret])


@given(
    secret=st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=4),
    before=st.text(),
    after=st.text(),
)
@settings(database=None, deadline=None, derandomize=True, max_examples=100)
def test_any_secret_of_four_characters_is_masked(secret: str, before: str, after: str) -> None:
    """As it is, and as URLs have it."""
    for written in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret)):
        assert written not in mask(before + written + after, [secret])


@given(secrets=st.lists(WORDS, min_size=1, max_size=4), glue=st.text(max_size=3))
@settings(database=None, deadline=None)
def test_no_secret_of_several_is_left(secrets: list[str], glue: str) -> None:
    """Though one is a part of another, or overlaps it."""
    text = mask(glue.join(secrets), secrets)
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize(
    "written",
    [str, quote_plus, lambda text: quote(text, safe=""), lambda text: quote_plus(quote_plus(text)), quote],
    ids=["raw", "form", "query", "twice", "path"],
)
def test_masks_raw_and_encoded(written: Callable[[str], str]) -> None:
    """As a form, a query or a path of a URL has it; the text around it stays."""
    secret = "SEC+a/b c=="
    assert mask(f"a{written(secret)}; b", [secret]) == "a***; b"


def test_a_secret_within_another_leaves_nothing_of_that() -> None:
    """The longer one is masked first."""
    assert mask("a 0123456789abcdef b", ["456789", "0123456789abcdef", "0123"]) == "a *** b"


def test_hardly_a_secret_is_not_masked() -> None:
    """Masking a letter wherever it is would destroy the text."""
    assert mask("a text", ["a", "", "tex"]) == "a text"


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://host/robot/send?access_token=tok1&sign=s%2Bx&empty=", ["tok1", "s+x", "s%2Bx"]),
        ("https://user:pass@host/x", ["pass"]),
        ("https://hooks.host/services/T0123456/B01234567890123456", ["B01234567890123456"]),
        ("https://host/x?message_thread_id=1200&chat_id=-1001234567&room=99999", ["-1001234567"]),
        (
            "https://host/x?room=100000&key=1234&access_token=12345&pin=%31234&wait=true",
            ["100000", "1234", "12345", "%31234"],
        ),
        ("https://host/x?message_thread_id=1&token=1200&wait=1200", ["1200"]),
        ("https://host/", []),
        ("", []),
    ],
)
def test_finds_what_grants_access(url: str, secrets: list[str]) -> None:
    """Query values, a password, long segments of the path."""
    assert secrets_in_url(url) == secrets


@pytest.mark.parametrize("token", ["SEC+0/1=", "SEC%2B0%2F1%3D", "SEC%2b0%2f1%3d", "SEC%2B0/1%3D"])
def test_a_url_is_masked_as_it_is_written(token: str) -> None:
    """However it is encoded: with large or small hexadecimal digits, and the slash or not."""
    url = f"https://host/send?access_token={token}"
    assert mask(url, secrets_in_url(url)) == "https://host/send?access_token=***"


def test_urllib3_logs_no_secret_meanwhile(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """And logs as before when the block is left, by an exception too."""
    caplog.set_level(logging.DEBUG)
    get, token = urllib3.PoolManager().request, "tok-0123456789abcdef"
    with suppress(KeyError), masked_logs([token]):
        get("GET", inbox.url)
        raise KeyError
    assert token not in caplog.text
    assert "/robot/send?access_token=***" in caplog.text
    get("GET", inbox.url)
    assert token in caplog.text


# Redaction


@pytest.mark.parametrize(
    "name",
    [
        *("ding_url", "url", "webhook", "slackWebhook", "dsn", "token", "access_token", "accessToken", "secret"),
        *("key", "api_key", "apikey", "routing_key", "password", "passwd", "Authorization", "credentials"),
        *("appKey", "smtp_pass", "passphrase"),
    ],
)
def test_redacts_by_name(name: str) -> None:
    """However short and simple the value is."""
    assert redact({"class": "N", name: "hunter"}) == {"class": "N", name: "***"}


@pytest.mark.parametrize("value", ["https://host/x", "postgres://x", "xoxb0123456789abc", "Bearer 0123456789abcdef"])
def test_redacts_by_shape(value: str) -> None:
    """A URL, or a long word of letters and digits, under any name."""
    assert redact({"to": value}) == {"to": "***"}


def test_redacts_all_that_is_nested() -> None:
    """A name counts for all below it; references, the class and what is no secret stay; the original is not touched."""
    state = {
        "class": "N0123456789abcdef",
        "secrets": {"a": "hunter", "b": ["hunter", "env:B"]},
        "channels": [{"class": "M", "url": "file:~/url", "hook": "x", "room": "sft runs"}],
        "timeout": 5.0,
        "at": [1, None, True, ""],
    }
    before = copy.deepcopy(state)
    assert redact(state) == {
        "class": "N0123456789abcdef",
        "secrets": {"a": "***", "b": ["***", "env:B"]},
        "channels": [{"class": "M", "url": "file:~/url", "hook": "***", "room": "sft runs"}],
        "timeout": 5.0,
        "at": [1, None, True, ""],
    }
    assert state == before


@pytest.mark.parametrize(
    ("state", "holds"),
    [({"a": [{"b": "***"}]}, True), ({"a": [{"b": "env:B"}, 5, None, "a *** b"]}, False), ({}, False), ("***", True)],
)
def test_knows_what_was_taken_out(state: Any, holds: bool) -> None:
    """At any depth."""
    assert holds_redacted(state) is holds
