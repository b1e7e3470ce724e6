"""What a checkpoint holds of a notifier, and what a resume makes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier import DingNotifier, Notifier
from twinkle_notifier.checkpoint import add_sent, fresh, read
from twinkle_notifier.delivery.descriptor import describe, restored
from twinkle_notifier.testing import RecordingNotifier


class Described(Notifier):
    """Describes itself by what `how` returns."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __call__(self, message: str) -> None: ...

    def to_dict(self) -> dict[str, Any]:
        return self.how()  # type: ignore[no-any-return]


class PickyNotifier(Notifier):
    """Cannot be restored, and says more than it should."""

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        raise RuntimeError(f"cannot connect to {data['address']}")


# Reading


def test_what_was_sent_is_kept() -> None:
    """In order, through JSON, the last fifty."""
    state = fresh()
    for number in range(60):
        add_sent(state, what=f"message {number}", time="now")
    assert [entry["what"] for entry in state["sent"]] == [f"message {number}" for number in range(10, 60)]
    assert read(json.loads(json.dumps(state))) == state


def test_a_checkpoint_that_does_not_know_us_is_fresh(caplog: pytest.LogCaptureFixture) -> None:
    """And no reason to warn; one fresh state is not another."""
    assert read(None) == fresh() == {"version": 1, "notifier": None, "sent": []}
    add_sent(read(None), what="x", time="now")
    assert read(None)["sent"] == []
    assert caplog.text == ""


@pytest.mark.parametrize("data", [5, "text", [], {}, {"version": "1"}, {"version": None, "sent": []}])
def test_a_damaged_state_is_left_out(data: object, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning."""
    assert read(data) == fresh()
    assert "damaged" in caplog.text


def test_what_is_damaged_in_a_state_is_left_out() -> None:
    """The rest is used."""
    entry = {"what": "sft started", "time": "now"}
    sent = [entry, None, "text", {"what": "x"}, {"what": 5, "time": "now"}]
    assert read({"version": 1, "notifier": "text", "sent": sent}) == {"version": 1, "notifier": None, "sent": [entry]}
    assert read({"version": 1, "notifier": {"class": "N"}, "sent": "text"}) == {**fresh(), "notifier": {"class": "N"}}


def test_a_newer_state_is_used_as_far_as_it_is_known(caplog: pytest.LogCaptureFixture) -> None:
    """With a warning that names both versions; what is written next is of ours."""
    entry = {"what": "x", "time": "now", "more": 5}
    assert read({"version": 7, "sent": [entry], "more": 5}) == {"version": 1, "notifier": None, "sent": [entry]}
    assert "version 7" in caplog.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
STATE = st.fixed_dictionaries({}, optional={"version": st.integers(0, 3) | JSON, "notifier": JSON, "sent": JSON})


@given(JSON | STATE)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_any_state_is_read(data: object) -> None:
    """What comes out is read the same once more, and through JSON."""
    state = read(data)
    assert read(state) == state
    assert read(json.loads(json.dumps(state))) == state


# Restoring


def test_a_described_notifier_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its references, if they lead somewhere on this machine."""
    monkeypatch.setenv("DING_TEST_URL", "https://oapi.dingtalk.com/robot/send?access_token=x")
    ding = DingNotifier("env:DING_TEST_URL")
    assert restored(describe(ding, save_secrets=False)) == ding
    assert isinstance(restored(RecordingNotifier().to_dict()), RecordingNotifier)


def test_references_that_lead_nowhere_restore_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """With a warning that names them; the environment's notifier is used then."""
    ding = DingNotifier("env:DING_NOT_SET")
    assert restored(describe(ding, save_secrets=False)) is None
    assert "DING_NOT_SET" in caplog.text


def test_without_a_notifier_none_is_restored(caplog: pytest.LogCaptureFixture) -> None:
    """And that is no reason to warn."""
    assert restored(fresh()["notifier"]) is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"class": "DingNotifier", "ding_url": "***", "secret": None}, "what is kept holds no secrets"),
        (
            {"class": "Nested", "channels": [{"class": "DingNotifier", "ding_url": "***"}]},
            "what is kept holds no secrets",
        ),
        ({"class": "NoNotifier"}, "NoNotifier"),
        ({"class": "DingNotifier"}, "DingNotifier"),
        ({"class": "RecordingNotifier", "room": 5}, "RecordingNotifier"),
        ({"no": "class"}, "'class'"),
    ],
)
def test_what_cannot_be_restored_is_named(data: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture) -> None:
    """In a warning; a resume never fails for it."""
    assert restored(data) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert said in caplog.text


@pytest.mark.parametrize("data", [5, "text", ["x"], {"class": ["x"]}, {"class": "\x1b[31m\n# @all" + "X" * 9000}])
def test_what_describes_nothing_is_named_in_one_short_line(data: Any, harm: Any, caplog: Any) -> None:
    """One of our own files may be damaged, too."""
    assert restored(data) is None
    assert [harm(record.getMessage()) for record in caplog.records] == [[]]


def test_a_description_that_never_ends_restores_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does it raise."""
    data: Any = "x"
    for _ in range(3 * sys.getrecursionlimit()):  # some libraries raise it
        data = [data]
    assert restored({"class": "DingNotifier", "ding_url": data}) is None
    assert "RecursionError" in caplog.text


def test_our_own_files_may_hold_references_in_any_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process keeps, or notes for its supervisor: the folder is the user's."""

    class BuzzerNotifier(Notifier):
        def __init__(self, url: str) -> None:
            self.url = url

    monkeypatch.setenv("PAGER_URL", "https://pager.example")
    found = restored({"class": "BuzzerNotifier", "url": "env:PAGER_URL"})
    assert isinstance(found, BuzzerNotifier)
    assert found.url == "env:PAGER_URL"


def test_a_users_error_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may hold a secret that was saved."""
    assert restored({"class": "PickyNotifier", "address": "https://host/SEC0123"}) is None
    assert "PickyNotifier" in caplog.text
    assert "SEC0" not in caplog.text
