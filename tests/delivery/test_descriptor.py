"""How checkpoints and files describe a notifier."""

from __future__ import annotations

import enum
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier import ConsoleNotifier, DingNotifier, Notifier, isolation
from twinkle_notifier.delivery.descriptor import channel, describe, restored

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Described(Notifier):
    """Describes itself by what `how` returns."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __call__(self, message: str) -> None: ...

    def to_dict(self) -> dict[str, Any]:
        return self.how()  # type: ignore[no-any-return]


class Color(str, enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Loss(float): ...


def fail() -> None:
    raise ValueError("https://host/SEC0123456789abcdef")


def test_describes_without_secrets() -> None:
    """References stay."""
    ding = DingNotifier("https://oapi.dingtalk.com/robot/send?access_token=tok", "env:DING_SECRET", 3)
    assert describe(ding, save_secrets=False) == {
        "class": "DingNotifier",
        "ding_url": "***",
        "secret": "env:DING_SECRET",
        "timeout": 3,
    }


class Punctual(Described):
    """Promises that its calls end in time."""

    ends_in_time = True

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict()


class Overriding(Punctual):
    def to_dict(self) -> dict[str, Any]:
        return super().to_dict()


@pytest.mark.parametrize(("kind", "inline"), [(Described, False), (Punctual, True), (Overriding, False)])
def test_a_promise_to_end_in_time_holds_for_the_description_too(kind: type[Described], inline: bool) -> None:
    """Of the class that made it, and of what inherits it."""
    threads: list[int] = []

    def described() -> dict[str, Any]:
        threads.append(threading.get_ident())
        return {"class": "A"}

    def alert() -> int:
        channel(kind(described))
        return threading.get_ident()

    assert (isolation.call(alert, 60).result() == threads[0]) is inline


def test_describes_faithfully_if_asked_to() -> None:
    """The user knows who reads the checkpoints."""
    ding = DingNotifier("https://oapi.dingtalk.com/robot/send?access_token=tok", "SEC")
    assert describe(ding, save_secrets=True) == ding.to_dict()


def test_a_function_is_not_described(caplog: pytest.LogCaptureFixture) -> None:
    """And that is no reason to warn."""
    assert describe(print, save_secrets=False) is None
    assert caplog.text == ""


@pytest.mark.parametrize("how", [fail, lambda: sys.exit(3), lambda: None, lambda: "text", lambda: time.sleep(60)])
def test_who_cannot_describe_itself_is_not_described(how: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> None:
    """With a warning that shows no secret, and within bounds."""
    began = time.monotonic()
    assert describe(Described(how), save_secrets=True) is None
    assert time.monotonic() - began < 30
    assert "Described.to_dict() gave no dict" in caplog.text
    assert "SEC0" not in caplog.text


def test_describes_in_plain_types() -> None:
    """What JSON writes and Lightning loads under weights_only; numbers stay numbers, and enums their values."""
    told = describe(
        Described(
            lambda: {
                "class": "Described",
                "folder": Path("runs"),
                "day": date(2026, 11, 24),
                "rooms": ("a", ["b"]),
                "set": {"a"},
                "map": {1: Number.ONE},
                "loss": Loss(0.5),
                "color": Color.RED,
                "on": True,
                "none": None,
            }
        ),
        save_secrets=False,
    )
    assert told == {
        "class": "Described",
        "folder": "runs",
        "day": "2026-11-24",
        "rooms": ["a", ["b"]],
        "set": ["a"],
        "map": {"1": 1},
        "loss": 0.5,
        "color": "red",
        "on": True,
        "none": None,
    }
    assert {type(value) for value in [*told.values(), told["map"]["1"]]} == {
        str,
        list,
        dict,
        int,
        float,
        bool,
        type(None),
    }


def test_a_channel_stays_the_same_wherever_its_module_lies() -> None:
    """Its hash names spool folders and claims on the disks of users."""
    robot = DingNotifier("https://oapi.dingtalk.com/robot/send?access_token=pinned", "SECpinned")
    assert (channel(robot), channel(ConsoleNotifier())) == ("318e927d", "b9c81588")


def test_a_channel_shows_nothing_of_its_secrets(ding: DingNotifier) -> None:
    """It is the same for an equal notifier, another for another, and short."""
    other = DingNotifier(ding.ding_url, "SECanother")
    assert channel(ding) == channel(DingNotifier(ding.ding_url, ding.secret)) != channel(other)
    assert len(channel(ding)) == 8


@given(st.dictionaries(st.text(), JSON, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_any_description_is_plain_and_redacted_once(data: dict[str, Any]) -> None:
    """As it is with `save_secrets`; without them, describing what was described changes nothing."""
    assert describe(Described(lambda: data), save_secrets=True) == data
    once = describe(Described(lambda: data), save_secrets=False)
    assert describe(Described(lambda: once), save_secrets=False) == once


def to(url: str, rank: int = 0) -> Callable[[str], object]:
    return lambda message: (url, rank, message)


def post(url: str, message: str) -> None: ...


def test_two_rooms_of_one_host_are_two_channels() -> None:
    """A short number is no secret, but says where it goes."""
    assert len({channel(to(f"https://host/send?room={room}")) for room in (12, 1200, 1201)}) == 3


@pytest.mark.parametrize("made", [to, lambda url: partial(post, url)], ids=["closure", "partial"])
def test_functions_made_with_different_urls_are_different_channels(made: Any) -> None:
    """And those with the same one are the same, as they are made anew on each rank."""
    first, again, second = (channel(made(f"https://example.org/hook?token={name}")) for name in "aab")
    assert first == again != second
    assert channel(to("https://example.org/a", 0)) == channel(to("https://example.org/a", 1))


@pytest.mark.parametrize("made", [to, lambda url: partial(post, url)], ids=["closure", "partial"])
@pytest.mark.parametrize(
    "url", ["http://node-{}:6006/", "tcp://10.0.0.{}:29500", "file:///runs/rank{}", "s3://runs/{}/last"]
)
def test_functions_that_hold_an_address_of_their_rank_are_one_channel(made: Any, url: str) -> None:
    """It is where something of the rank is, and no webhook."""
    assert channel(made(url.format(0))) == channel(made(url.format(1)))


def test_what_is_restored_as_no_notifier_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """It is not said to lack a secret."""

    class Odd(Notifier):
        @classmethod
        def _from_dict_impl(cls, data: dict[str, Any]) -> Any:
            return data

    assert restored({"class": "Odd"}) is None
    assert "Odd that was kept cannot be restored (its _from_dict_impl gives no Notifier)" in caplog.text
