"""How often progress messages are sent: what people write, and what is wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinkle_notifier import ArgumentError, TrainingRun
from twinkle_notifier.progress.every import LEAST, VARIABLE, Every, every, parsed

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}


@pytest.mark.parametrize(
    ("text", "seconds", "part"),
    [
        ("2h", 7200, 0),
        ("90m", 5400, 0),
        (" 90 min ", 5400, 0),
        ("1h30m", 5400, 0),
        ("1.5H", 5400, 0),
        ("1d", 86400, 0),
        ("60s", 60, 0),
        ("10%", 0, 0.1),
        ("2.5 %", 0, 0.025),
    ],
)
def test_what_people_write(text: str, seconds: float, part: float) -> None:
    """Times and parts of the steps."""
    found = parsed(text, "x")
    assert found is not None
    assert (found.seconds, found.part) == pytest.approx((seconds, part))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2 weeks", 'give a time such as "2h"'),
        ("2", 'give a time such as "2h"'),
        ("h", 'give a time such as "2h"'),
        ("-2h", 'give a time such as "2h"'),
        ("1e3s", 'give a time such as "2h"'),
        ("30m1h", 'give a time such as "2h"'),
        ("٢h", 'give a time such as "2h"'),
        ("30s", 'a minute ("1m") at least'),
        ("0h", 'a minute ("1m") at least'),
        ("999999d", 'a year ("365d") at most'),
        ("0%", '"0.01%" and "99%"'),
        ("100%", '"0.01%" and "99%"'),
        ("nan%", 'give a time such as "2h"'),
        (7200, "progress_every is 7200: give a time"),
        (0.1, "progress_every is 0.1: give a time"),
        (True, "progress_every is True: give a time"),
        (object(), "progress_every is a object: give a time"),
    ],
)
def test_what_is_wrong_says_how_to_mend_it(value: Any, said: str) -> None:
    """As an argument it is an error, at once."""
    with pytest.raises(ArgumentError, match="progress_every is") as caught:
        TrainingRun(progress_every=value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", ["1d" + " " * 97 + "x", "1d" + " " * 100_000 + "x", "1 " * 50_000, "1d" + " " * 99 + "\n"]
)
def test_a_long_text_is_refused_at_once(text: str) -> None:
    """However many spaces it has, which the parts of a time could share out among them."""
    began = time.process_time()
    with pytest.raises(ArgumentError, match="give a time such as"):
        parsed(text, "x")
    assert time.process_time() - began < 0.5


def test_spaces_join_no_numbers() -> None:
    """What is meant by it nobody knows."""
    assert parsed(" 1h \t 30 m ", "x") == Every("1h 30 m", seconds=5400)
    with pytest.raises(ArgumentError):
        parsed("1 30m", "x")


def test_a_secret_at_the_wrong_place_is_not_shown() -> None:
    """Such as a robot's URL in the variable beside its own."""
    with pytest.raises(ArgumentError) as caught:
        parsed("https://h/send?access_token=0123456789abcdef0123456789abcdef", "x")
    assert "0123" not in str(caught.value)


@given(
    st.dictionaries(st.sampled_from(["d", "h", "m", "s"]), st.integers(0, 9_999), min_size=1),
    st.sampled_from(["", " "]),
)
def test_every_time_is_the_sum_of_its_parts(amounts: dict[str, int], space: str) -> None:
    """From a minute to a year; what is shorter or longer is an error."""
    ordered = [(unit, amounts[unit]) for unit in "dhms" if unit in amounts]
    text = space.join(f"{amount}{space}{unit}" for unit, amount in ordered)
    seconds = sum(UNITS[unit] * amount for unit, amount in ordered)
    if LEAST <= seconds <= 365 * 86400:
        assert parsed(text, "x") == Every(text.strip(), seconds=seconds)
    else:
        with pytest.raises(ArgumentError):
            parsed(text, "x")


@given(st.text(max_size=12) | st.from_regex(r"\A[0-9. dhms%]{1,12}\Z"))
def test_any_text_is_a_rhythm_or_an_error(text: str) -> None:
    """Never another exception, nor a rhythm without end."""
    try:
        found = parsed(text, "x")
    except ArgumentError:
        return
    assert found is None or LEAST <= found.seconds <= 365 * 86400 or 0 < found.part < 1


def test_the_argument_goes_before_the_environment_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`off` switches off what is set up below it; a bad value that is set up costs one warning."""
    monkeypatch.setattr("twinkle_notifier.runtime.user_file._read", None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "twinkle-notifier" / "config.toml"
    file.parent.mkdir()
    file.write_text('progress_every = "3h"\n')
    file.chmod(0o600)
    assert every() == Every("3h", seconds=10800)
    monkeypatch.setenv(VARIABLE, "10%")
    assert every() == Every("10%", part=0.1)
    assert every("2h") == Every("2h", seconds=7200)
    assert every("off") is None
    monkeypatch.setenv(VARIABLE, "off")
    assert every() is None
    assert not caplog.records
    monkeypatch.setenv(VARIABLE, "5s")
    assert every() is None
    assert f"no progress messages: {VARIABLE} is '5s': give a minute" in caplog.text
