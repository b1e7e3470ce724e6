"""One training run: what it reports, what a checkpoint holds of it, and where its notifier comes from."""

from __future__ import annotations

import _thread
import copy
import gc
import json
import math
import pickle
import re
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier import (
    DeliveryError,
    DingNotifier,
    Notifier,
    Outcome,
    Progress,
    TrainingRun,
    notify_exception,
    watch,
)
from twinkle_notifier.claims.stores.memory import MemoryStore
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier


@pytest.fixture(autouse=True)
def _no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of other tests that nobody began are not for the same trainer."""
    monkeypatch.setattr("twinkle_notifier.run_state._living", weakref.WeakSet())


class BadNotifier(Notifier):
    """Does `how` when called, and when described."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __call__(self, message: str) -> None:
        self.how()

    def to_dict(self) -> dict[str, Any]:
        return self.how()  # type: ignore[no-any-return]


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def fail() -> Any:
    raise RuntimeError("https://host/SEC0123456789abcdef")


def refuse() -> Any:
    raise DeliveryError("gone", final=True)


def endless() -> Any:
    data: dict[str, Any] = {"class": "BadNotifier"}
    data["self"] = data
    return data


def titles(told: RecordingNotifier) -> list[str]:
    """The first lines of what was reported, once the background is done."""
    assert background.flush(30)
    return [message.splitlines()[0] for message in told.messages]


# What it tells


def test_tells_of_start_and_end() -> None:
    """Of the start if asked to; of the end with how far it got and how long it took."""
    told = RecordingNotifier()
    run = TrainingRun(told, name="sft", on_start=True)
    run.started(["- Epochs: 3"])
    run.ended(lambda: Progress(step=1000, metrics={"loss": 0.25}))
    assert titles(told)[0] == "### sft started"
    assert re.fullmatch(r"### sft ended after \d+ s", titles(told)[1])
    assert "- Epochs: 3\n" in told.messages[0]
    assert "\n\n- Progress: step 1000\n- Metrics: loss 0.25\n" in told.messages[1]


def test_what_is_not_asked_for_is_not_told() -> None:
    """The start by default, and the end if it is switched off."""
    told = RecordingNotifier()
    run = TrainingRun(told, on_end=False)
    run.started()
    run.ended()
    assert titles(told) == []


def test_one_rank_tells_of_start_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0, as nobody waits for another's word there."""
    told = RecordingNotifier()
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    run = TrainingRun(told, on_start=True)
    run.started()
    run.ended()
    assert titles(told) == []
    assert run.state_dict()["sent"] == []


def test_tells_of_a_failure() -> None:
    """At once, with how far it got; and notes it."""
    told = RecordingNotifier()
    run = TrainingRun(told, name="sft")
    outcome = run.failed(raised(ValueError("x")), "fit", lambda: Progress(step=7))
    assert outcome.status == "sent"
    assert titles(told) == ["### sft failed: ValueError: x"]
    assert re.search(r"\n- Progress: step 7, after \d+ s\n", told.messages[0])
    assert [entry["what"] for entry in run.state_dict()["sent"]] == ["failed: ValueError"]


class Value:
    """A logged value that does `how` when it is read, as a tensor on a device."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __float__(self) -> float:
        return float(self.how())


@pytest.mark.parametrize(
    ("how", "shown"),
    [(lambda: 1.0, True), (fail, True), (lambda: "x", True), (lambda: time.sleep(30), False)],
    ids=["can be read", "raises", "no number", "hangs"],
)
@pytest.mark.parametrize("end", ["ended", "failed"])
def test_a_logged_value_costs_at_most_the_course(how: Callable[[], Any], shown: bool, end: str) -> None:
    """It is read for the message, not when it is logged; how far the training got is told, whatever it does."""
    run = TrainingRun(told := RecordingNotifier(), name="sft")
    run.started()
    began = time.monotonic()
    for loss in (4.0, 2.0, 1.0, Value(how)):
        run.log({"loss": loss}, 7)
    assert time.monotonic() - began < 1
    if end == "ended":
        run.ended(lambda: Progress(step=7, metrics={"acc": 0.5}))
    else:
        run.failed(raised(ValueError("x")), progress=lambda: Progress(step=7, metrics={"acc": 0.5}))
    assert background.flush(20)  # what hangs is given up after 10 s
    [message] = told.messages
    assert re.search(r"\n- Progress: step 7\b.*\n- Metrics: acc 0.5\n", message)
    assert ("first 4, lowest 1, last 1\n" in message) >= shown


def test_the_last_checkpoint_is_what_the_trainer_says_else_what_was_noted() -> None:
    """Also where the trainer cannot be asked any more."""
    run = TrainingRun(told := RecordingNotifier())
    run.last_checkpoint = "/noted"
    for progress in (lambda: Progress(last_checkpoint="/said"), fail):
        run.started()
        run.failed(raised(ValueError("x")), progress=progress)
    run.ended(lambda: Progress(best_checkpoint="/noted"))
    assert len(titles(told)) == 3
    assert "- Last checkpoint: /said\n" in told.messages[0]
    assert "- Last checkpoint: /noted\n" in told.messages[1]
    assert "- Best checkpoint: /noted (also the last)\n" in told.messages[2]


def test_each_training_in_a_notebook_tells() -> None:
    """Though it fails at the same line as the one before, in the same process."""
    told = RecordingNotifier()
    for _ in range(2):
        run = TrainingRun(told)
        run.started()
        assert run.failed(raised(ValueError("x"))).status == "sent"
    assert len(told.messages) == 2


def test_a_rank_that_waited_knows_the_incident() -> None:
    """So that the checkpoint which it writes can say "again", whichever rank sent the message."""
    store, told = MemoryStore(), RecordingNotifier()
    runs = [TrainingRun(told, store=store) for _ in range(2)]
    sent, waited = [run.failed(raised(ValueError("x"))) for run in runs]
    assert (sent.status, waited.status, waited.incident) == ("sent", "duplicate", sent.incident)
    assert all(run.state_dict()["sent"][0]["incident"] == sent.incident for run in runs)


def test_an_exception_passes_two_handlers_of_one_training() -> None:
    """As when an adapter and the script both report it."""
    told = RecordingNotifier()
    one, two = TrainingRun(told), TrainingRun(told)
    one.started()
    two.started()
    error = raised(ValueError("x"))
    outcomes = [one.failed(error), two.failed(error)]
    assert [outcome.status for outcome in outcomes] == ["sent", "duplicate"]
    assert outcomes[0].incident == outcomes[1].incident != ""


def test_an_exception_that_comes_back_is_told_once() -> None:
    """As through two trainers, one within the other, that share a callback."""
    run, error = TrainingRun(told := RecordingNotifier()), raised(ValueError("x"))
    run.started()
    assert [run.failed(error).status, run.failed(error).status] == ["sent", "duplicate"]
    assert len(told.messages) == 1


@pytest.mark.parametrize("progress", [fail, lambda: sys.exit(3), lambda: time.sleep(60)])
def test_a_trainer_that_does_not_tell_costs_no_message(progress: Callable[[], Any]) -> None:
    """It raises, exits or hangs when asked how far it got."""
    told, began = RecordingNotifier(), time.monotonic()
    run = TrainingRun(told, name="sft")
    assert run.failed(raised(ValueError("x")), progress=progress).status == "sent"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "how",
    [fail, refuse, endless, lambda: sys.exit(3), lambda: 5, lambda: {"class": "N", "a": Unprintable()}],
    ids=["raises", "refuses", "endless", "exits", "a number", "unprintable"],
)
def test_nothing_raises(how: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the notifier does; and no secret is logged."""
    run = TrainingRun(BadNotifier(how), on_start=True)
    run.started()
    json.dumps(run.state_dict())
    run.live_in(states := {})
    run.load_state_dict(states)
    run.resume({"twinkle_notifier": 5, "other": None})
    run.ended()
    run.failed(raised(ValueError("x")))
    assert background.flush(30)
    assert "SEC0" not in caplog.text


def test_what_is_no_notifier_is_refused_at_once() -> None:
    """Not when a run has crashed."""
    with pytest.raises(TypeError, match="int"):
        TrainingRun(5)  # type: ignore[arg-type]


# What a checkpoint holds


def test_two_runs_of_one_trainer_have_two_keys() -> None:
    """As two callbacks have, whether they have begun or not; once a run is gone its key is free."""
    one, two = TrainingRun(), TrainingRun()
    assert [one.key, two.key] == ["twinkle_notifier", "twinkle_notifier.2"]
    two.started()
    del one
    assert TrainingRun().key == "twinkle_notifier"


def test_a_key_counts_the_callbacks_of_a_trainer() -> None:
    """And what another trainer has left beside them goes; never what is not ours."""
    _others, run = [TrainingRun(), TrainingRun()], TrainingRun(RecordingNotifier())
    states: dict[str, Any] = {"twinkle_notifier.2": {}, "twinkle_notifier.3": {}, "theirs": 5}
    run.placed(0, 2)
    run.live_in(states)
    assert [*states] == ["twinkle_notifier.2", "theirs", "twinkle_notifier"]
    run.placed(0, 1)
    run.live_in(states)
    assert [*states] == ["theirs", "twinkle_notifier"]


def test_starts_and_ends_leave_no_trace_in_the_state() -> None:
    """Two runs without a failure have the same; what was reported of a failure stays."""
    run, same = TrainingRun(RecordingNotifier(), on_start=True), TrainingRun(RecordingNotifier())
    run.started()
    run.ended()
    assert run.state_dict() == same.state_dict()
    run.failed(raised(ValueError("x")))
    assert run.state_dict() != same.state_dict()


def test_parts_are_told_as_a_whole() -> None:
    """As a search's trials are."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", on_start=True)
    with run.parts("search"):
        for _ in range(3):
            run.started()
            run.ended()
    run.ended(facts=lambda: ["- Search: 3 trials"], what="search")
    run.ended(facts=fail)
    assert [title.split(" after ")[0] for title in titles(told)] == [
        "### sft: search started",
        "### sft: search ended",
        "### sft ended",
    ]
    assert "\n- Search: 3 trials\n" in told.messages[1]


def test_a_preemption_that_a_trainer_ends_well_for() -> None:
    """Is reported as one, with how far it got."""
    run = TrainingRun(told := RecordingNotifier(), name="sft")
    assert run.preempted(lambda: Progress(step=7)).status == "sent"
    assert titles(told) == ["### sft was preempted"]
    assert re.search(r"\n- Progress: step 7, after \d+ s\n", told.messages[0])


def test_the_state_is_a_copy_or_live() -> None:
    """`state_dict` gives the first, for a checkpoint; `live_in` the second, which shows what is sent later."""
    run, states = TrainingRun(RecordingNotifier()), {"theirs": 5}
    run.live_in(states)
    before = run.state_dict()
    run.failed(raised(ValueError("x")))
    assert states["theirs"] == 5
    assert (len(before["sent"]), len(states[run.key]["sent"])) == (0, 1)
    assert states[run.key]["notifier"] == {"class": "RecordingNotifier"}


def test_a_resumed_run_knows_what_was_sent() -> None:
    """And adds to it."""
    first, second = TrainingRun(RecordingNotifier()), TrainingRun(RecordingNotifier())
    first.failed(raised(ValueError("x")))
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    second.failed(raised(KeyError("x")))
    assert [entry["what"] for entry in second.state_dict()["sent"]] == ["failed: ValueError", "failed: KeyError"]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["twinkle_notifier", "twinkle_notifier.2"], "twinkle_notifier.2"),
        (["other", "twinkle_notifier", "twinkle_notifier.3"], "twinkle_notifier"),
        (["twinkle_notifier_of_theirs", "other"], None),
        ([], None),
    ],
)
def test_a_run_resumes_its_own_state(keys: list[str], found: str | None) -> None:
    """Or the first of ours, if its own is not there; never another's."""
    _first, run = TrainingRun(RecordingNotifier()), TrainingRun(RecordingNotifier())
    states = {key: {"version": 1, "notifier": None, "sent": [{"what": key, "time": "now"}]} for key in keys}
    run.resume({**states, 5: None})  # type: ignore[dict-item]
    assert [entry["what"] for entry in run.state_dict()["sent"]] == ([found] if found else [])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_run_is_copied(
    copied: Callable[[TrainingRun], TrainingRun], inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To another program, say; it reports there, under the same name and key, if its notifier holds references."""
    monkeypatch.setenv("DING_TEST_URL", inbox.url)
    monkeypatch.setenv("DING_TEST_SECRET", "SEC0123456789abcdef")
    ding = DingNotifier("env:DING_TEST_URL", "env:DING_TEST_SECRET")
    _first, run = TrainingRun(), TrainingRun(ding, name="sft")
    other = copied(run)
    assert (other.name, other.key) == ("sft", "twinkle_notifier.2")
    assert other.failed(raised(ValueError("x"))).status == "sent"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_run_that_goes_on_is_copied(copied: Callable[[TrainingRun], TrainingRun]) -> None:
    """Whatever its trainer answers with. The copy has not begun, and asks no trainer."""
    lock = threading.Lock()  # which cannot be copied
    run = TrainingRun(on_end=False, name="sft", stall_after=600)
    run.started(progress=lambda: Progress(step=3 + lock.locked()))
    run.log({"loss": 0.5})
    other = copied(run)
    assert (run.is_underway, other.is_underway, other.name) == (True, False, "sft")
    assert (run.so_far().step, other.so_far().step) == (3, None)
    run.ended()


# Where its notifier comes from


def test_without_a_notifier_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Once, at the start, with what to do."""
    run = TrainingRun()
    run.started()
    assert "set TWINKLE_NOTIFIER" in caplog.text
    assert run.failed(raised(ValueError("x"))).status == "skipped"


@pytest.mark.parametrize("how", ["url", "json"])
def test_the_environment_gives_a_notifier(
    how: str, monkeypatch: pytest.MonkeyPatch, inbox: Inbox, ding: DingNotifier
) -> None:
    """As a pasted URL, or as JSON with references."""
    monkeypatch.setenv("TEST_URL", inbox.url)
    monkeypatch.setenv("TEST_SECRET", ding.secret or "")
    data = {"class": "DingNotifier", "ding_url": "env:TEST_URL", "secret": "env:TEST_SECRET"}
    with Inbox() as unsigned:
        monkeypatch.setenv("TWINKLE_NOTIFIER", f" {unsigned.url}\n" if how == "url" else json.dumps(data))
        assert TrainingRun().failed(raised(ValueError("x"))).status == "sent"
        assert (len(unsigned.messages), len(inbox.messages)) == ((1, 0) if how == "url" else (0, 1))


@pytest.mark.parametrize(
    "text",
    [
        "SEC0123456789",
        "https://host/SEC0123456789",
        "https://[SEC0123456789]/robot/send",
        "https://SEC0123456789\u2100/robot/send",
        "http://host:SEC0123456789/robot/send",
        '{"class": "DingNotifier", "ding_url": "https://oapi.dingtalk.com/SEC0123456789',
        '{"class": "DingNotifier", "ding_url": "ftp://host/SEC0123456789"}',
        '{"class": "DingNotifier", "token": "SEC0123456789"}',
        '{"token": "SEC0123456789"}',
        '{"class": "RudeNotifier", "token": "SEC0123456789"}',
    ],
)
def test_a_malformed_environment_is_told_without_what_it_holds(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on."""

    class RudeNotifier(Notifier):
        @classmethod
        def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
            raise RuntimeError(f"bad token {data['token']}")

    monkeypatch.setenv("TWINKLE_NOTIFIER", text)
    run = TrainingRun()
    run.started()
    assert run.failed(raised(ValueError("x"))).status == "skipped"
    assert "no notifier from the environment" in caplog.text
    assert "SEC0" not in caplog.text


def test_a_given_notifier_wins(monkeypatch: pytest.MonkeyPatch, inbox: Inbox, ding: DingNotifier) -> None:
    """Over the checkpoint's and the environment's: neither redirects alerts."""
    monkeypatch.setenv("TWINKLE_NOTIFIER", inbox.url)
    run = TrainingRun(told := RecordingNotifier())
    run.load_state_dict({"version": 1, "notifier": ding.to_dict(), "sent": []})
    run.failed(raised(ValueError("x")))
    assert (len(told.messages), inbox.requests) == (1, 0)


@pytest.mark.parametrize(("configured", "counts"), [(True, (1, 0)), (False, (0, 1))])
def test_the_environments_wins_over_the_checkpoints(
    configured: bool, counts: tuple[int, int], monkeypatch: pytest.MonkeyPatch, inbox: Inbox, ding: DingNotifier
) -> None:
    """Without it the checkpoint's is used, if its references lead somewhere."""
    monkeypatch.setenv("TEST_URL", inbox.url)
    monkeypatch.setenv("TEST_SECRET", ding.secret or "")
    saved = TrainingRun(DingNotifier("env:TEST_URL", "env:TEST_SECRET")).state_dict()
    with Inbox() as own:
        if configured:
            monkeypatch.setenv("TWINKLE_NOTIFIER", own.url)
        run = TrainingRun()
        run.load_state_dict(saved)
        assert run.failed(raised(ValueError("x"))).status == "sent"
        assert (len(own.messages), len(inbox.messages)) == counts


# A damaged or hostile state


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"class": [value]}
    return value


class Raising(dict[str, Any]):
    """Raises whatever it is asked; as an unpickled object may."""

    def get(self, *_: object) -> Any:
        raise SystemExit("get")

    __iter__ = __getitem__ = __contains__ = items = keys = get  # type: ignore[assignment]


class Lying:
    """Says that it is a dict."""

    @property
    def __class__(self) -> Any:
        return dict


def again(state: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> str:
    """What people get of an error that a run on another machine met before, whose checkpoint holds `state`."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "one"))
    incident = TrainingRun(RecordingNotifier(), name="sft").failed(raised(ValueError("x"))).incident
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "two"))
    run = TrainingRun(told := RecordingNotifier(), name="sft")
    run.resume(states := {"twinkle_notifier": state(incident)})
    run.live_in(states)
    assert run.failed(raised(ValueError("x"))).status == "sent"
    json.dumps(copy.deepcopy(states))  # as trainers do, in each checkpoint
    pickle.dumps(run.state_dict())
    [message] = told.messages
    return message


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "at", [NAN, INF, -INF, -1e300, 1e300, -1, 10**400, True, "now", None, [1.0], nested(3000), Lying()]
)
def test_a_time_that_is_none_is_no_reason_for_silence(at: object, monkeypatch: Any, tmp_path: Any) -> None:
    """The crash is reported as one whose past is not known."""
    entry = {"what": "failed", "time": "then"}
    sent = lambda incident: {"version": 1, "notifier": None, "sent": [{**entry, "incident": incident, "at": at}]}  # noqa: E731
    assert "- Again: " not in again(sent, monkeypatch, tmp_path)


def test_what_else_is_sound_is_used(monkeypatch: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Beside what is damaged; a time may be a whole number, too."""
    entry = {"what": "failed", "time": "then"}

    def sent(incident: str) -> Any:
        times = [NAN, time.time() - 60, 1_700_000_000]
        return {
            "version": 1,
            "notifier": nested(3000),
            "sent": [{**entry, "incident": incident, "at": at} for at in times],
        }

    assert "- Again: 3rd time, first at 2023-11-1" in again(sent, monkeypatch, tmp_path)
    assert caplog.text.count("parts of the notifier's state in the checkpoint are damaged") == 1


@pytest.mark.parametrize(
    "state",
    [
        nested(3000),
        {"version": 1, "notifier": nested(3000), "sent": nested(3000)},
        {"version": 1, "notifier": Raising({"class": "DingNotifier"}), "sent": [Raising()]},
        {"version": 1, "notifier": Lying(), "sent": Lying()},
        {"version": 1, "notifier": {"class": Unprintable()}, "sent": [Unprintable()]},
        {"version": 1, "notifier": {"class": "DingNotifier", "ding_url": "x" * 10**7}, "sent": ["x" * 10**7] * 3000},
        {"version": 1, "notifier": {"class": "DingNotifier", "timeout": NAN}, "sent": [{"what": NAN, "time": INF}]},
        {"version": 10**5000, "notifier": None, "sent": []},
        {"version": True, "notifier": 10**5000, "sent": {"what": "x"}},
        {"version": 1, "notifier": {5: b"x", None: {1}}, "sent": [{5: 5}, {"what": "x" * 10**7, "time": "x"}]},
        Raising(),
        Lying(),
        object(),
    ],
    ids=range(13),
)
def test_no_state_hinders_the_resume_or_the_message(state: Any, monkeypatch: Any, tmp_path: Any, caplog: Any) -> None:
    """Nor the checkpoints that are written after it; a line in the log says that something is left out."""
    again(lambda _: state, monkeypatch, tmp_path)
    assert "damaged" in caplog.text
    assert len(caplog.text) < 3000


@pytest.mark.parametrize("states", [None, 5, Lying(), Raising(twinkle_notifier=5), {Lying(): 5, "twinkle_notifier": 5}])
def test_no_states_hinder_the_resume(states: Any) -> None:
    """Whatever the checkpoint holds in their place."""
    run = TrainingRun(RecordingNotifier())
    run.resume(states)
    assert run.state_dict() == {"version": 1, "notifier": {"class": "RecordingNotifier"}, "sent": []}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([nested(500), Lying(), b"x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {"what": st.text() | ANYTHING, "time": st.text() | ANYTHING}, optional={"incident": st.just("x"), "at": ANYTHING}
)
NOTIFIER = st.fixed_dictionaries(
    {"class": st.sampled_from(["DingNotifier", "ConsoleNotifier", "RecordingNotifier", "None"]) | ANYTHING},
    optional={"ding_url": st.sampled_from(["env:HOME", "file:/dev/zero"]) | ANYTHING, "timeout": st.floats()},
)
STATE = st.fixed_dictionaries(
    {"version": st.just(1) | ANYTHING, "notifier": NOTIFIER | ANYTHING, "sent": st.lists(ENTRY, max_size=3) | ANYTHING}
)


@given(STATE | ANYTHING)
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_any_state_is_taken_over(data: Any) -> None:
    """The next crash is reported, by the notifier that the user gave; and the next checkpoint is plain and small."""
    bare, run = TrainingRun(), TrainingRun(told := RecordingNotifier(), name=uuid.uuid4().hex)
    for one in (bare, run):
        one.load_state_dict(data)
        assert len(json.dumps(one.state_dict(), allow_nan=False)) < 500_000
    incident = run.failed(raised(ValueError("x"))).incident
    again = TrainingRun(told, name=run.name)
    again.load_state_dict(with_incident(data, incident))
    assert again.failed(raised(ValueError("x"))) == Outcome("sent", incident=incident)
    assert len(told.messages) == 2


def with_incident(data: Any, incident: str) -> Any:
    if not issubclass(type(data), dict) or not isinstance(data.get("sent"), list):
        return data
    entries = [{**entry, "incident": incident} if isinstance(entry, dict) else entry for entry in data["sent"]]
    return {**data, "sent": entries}


def test_a_notifier_that_is_empty_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """It may have a length, as a container of messages has."""

    class Container(RecordingNotifier):
        def __len__(self) -> int:
            return len(self.messages)

    assert TrainingRun(Container()).failed(raised(ValueError("x"))).status == "sent"


def test_a_sigterm_while_the_trainer_is_asked_waits(start: Any, inbox: Inbox) -> None:
    """Until the message is out."""
    source = """
    import os, signal
    import twinkle_notifier as t
    run = t.TrainingRun(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
    def progress():
        os.kill(os.getpid(), signal.SIGTERM)
        return t.Progress()
    try:
        raise ValueError("x")
    except ValueError as e:
        run.failed(e, progress=progress)
    """
    assert start(source).result().returncode == -15
    assert len(inbox.messages) == 1


def test_a_path_that_cannot_be_asked_for_is_not_known() -> None:
    """Whatever the trainer's property does: it raises, or it hangs."""
    run = TrainingRun(RecordingNotifier(), name="sft")
    began = time.monotonic()
    assert not run.saved(lambda: str(1 / 0))
    assert not run.saved(lambda: time.sleep(60) or "")
    assert time.monotonic() - began < 15
    assert run.saved(lambda: "out/1", 7)
    assert run.last_checkpoint == "out/1"


def test_a_checkpoint_may_be_a_path() -> None:
    """As `Accelerator.save_state` returns it; the end names it."""
    told = RecordingNotifier()
    run = TrainingRun(told, name="sft")
    run.started()
    assert run.saved(Path("out/1"), 7)
    run.ended(lambda: Progress(step=7))
    assert background.flush(10)
    assert "- Last checkpoint: out/1\n" in told.messages[0]


def test_an_end_with_odd_progress_is_reported_and_raises_nothing() -> None:
    """What the trainer's fields hold is not looked at before."""
    told = RecordingNotifier()
    odd: Any = Path("out/1")
    run = TrainingRun(told, name="sft")
    run.ended(lambda: Progress(step=odd, last_checkpoint=odd, why_ended=odd, metrics={odd: odd}, history=odd))
    assert background.flush(10)
    assert "- Last checkpoint: out/1\n" in told.messages[0]


OUT: dict[str, Any] = {"400": 10**400, "-400": -(10**400), "5000": 10**5_000, "nan": math.nan, "inf": math.inf}


@pytest.mark.parametrize("value", OUT.values(), ids=OUT)
def test_numbers_out_of_bounds_cost_their_line(value: Any) -> None:
    """At the end and on the way: of each message the rest is said, and nothing is raised."""
    run = TrainingRun(told := RecordingNotifier(), name="sft", rules=["lr > 1"])
    reached = Progress(
        step=value, of_steps=value, epoch=value, seconds=value, saved_steps=value, history=[3, value, 2, 1]
    )
    run.started(progress=lambda: reached._replace(last_checkpoint="out/1"))
    run.saved("out/1", value)
    for step in range(3):
        run.log({"loss": 2 + step}, step)
    run.log({"loss": value, "lr": 7}, value)
    run.log({"loss": math.nan}, value)
    run.ended(lambda: reached._replace(last_checkpoint="out/1"))
    assert background.flush(10)
    lost = f"### sft: loss is {'inf' if value == math.inf else 'nan'}"
    *alerts, end = [message.splitlines()[0] for message in told.messages]
    assert sorted(alerts) == [lost, "### sft: lr > 1"]
    assert end.startswith("### sft ended after ")
    for message in told.messages:
        assert "- Last checkpoint: out/1\n" in message
        assert "step" not in message


@pytest.mark.parametrize("facts", [lambda: 5, lambda: [object(), 5, None], lambda: 1 / 0, lambda: ["- A: b"]])
def test_facts_of_another_kind_do_not_keep_the_end_back(facts: Any) -> None:
    """An adapter may be anybody's."""
    run = TrainingRun(told := RecordingNotifier(), name="sft")
    run.ended(facts=facts)
    assert background.flush(10)
    assert [one.startswith("### sft ended after ") for one in told.messages] == [True]


def test_ctrl_c_ends_the_wait_for_how_far_it_got() -> None:
    """It is the user's, and stays what it is."""
    run = TrainingRun(RecordingNotifier(), name="sft")
    threading.Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        run.ended(lambda: time.sleep(1.5) or Progress())


# What alerts of code around it say


def test_an_alert_of_code_around_it_says_how_far_it_got() -> None:
    """While it goes on, where the code says nothing itself. The exception has ended it: a later one is not its own."""
    told = RecordingNotifier()
    run = TrainingRun(on_end=False, stall_after=600)

    def fail_in_step() -> None:
        run.started(progress=lambda: Progress(epoch=2, step=7))
        run.log({"loss": 0.5, "lr": 0.25, "stage": "warm-up"})
        run.saved("out/6", 6)
        raise ValueError("the loss is lost")

    for fail in (fail_in_step, lambda: [][1]):
        with pytest.raises((ValueError, IndexError)), watch(told, name="sft"):
            fail()
    first, second = told.messages
    for line in ("Progress: step 7, epoch 2, after", "Metrics: loss 0.5, lr 0.25", "Last checkpoint: out/6"):
        assert f"\n- {line}" in first, first
    assert re.search(r"\n- Lost since the last checkpoint: \d+ s, 1 step\n", first)
    assert "Progress" not in second
    assert (run.is_underway, run.watcher) == (False, None)


class Trainer:
    """Has its run, as a callback has; the run has a method of it."""

    def __init__(self, step: int) -> None:
        self.run = TrainingRun(on_end=False)
        self.step = step

    def reached(self) -> Progress:
        return Progress(step=self.step)


def test_what_code_around_it_says_itself_counts() -> None:
    """And a training that is over, or gone, is not meant."""

    def steps(**more: Any) -> list[str]:
        told = RecordingNotifier()
        notify_exception(told, exc=raised(ValueError("the loss is lost")), **more)
        [message] = told.messages
        return re.findall("step [0-9]+", message)

    run = TrainingRun(on_end=False)
    run.started(progress=lambda: Progress(step=7))
    assert (steps(), steps(progress=Progress(step=3))) == (["step 7"], ["step 3"])
    run.ended()
    assert steps() == []
    trainer = Trainer(8)
    trainer.run.started(progress=trainer.reached)
    assert steps() == ["step 8"]
    del trainer
    gc.collect()
    assert steps() == []


def test_a_training_of_another_thread_goes_on() -> None:
    """When code beside it fails."""
    run = TrainingRun(on_end=False)
    thread = threading.Thread(target=run.started)
    thread.start()
    thread.join()
    with pytest.raises(ValueError, match="lost"), watch(RecordingNotifier(), name="sft"):
        raise ValueError("the loss is lost")
    assert run.is_underway
    run.ended()


def test_a_progress_that_cannot_be_had_does_not_keep_an_alert_back() -> None:
    """Whatever the trainer's answer does."""
    run = TrainingRun(on_end=False)
    for ask in (lambda: time.sleep(60), lambda: 1 / 0):
        run.started(progress=ask)  # type: ignore[arg-type]
        assert notify_exception(RecordingNotifier(), exc=raised(ValueError("the loss is lost"))).status == "sent"
    run.ended()
