"""When a command counts as standing still, and when not."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Beat
from twinkle_notifier.supervisor.exit_report import ExitReport
from twinkle_notifier.supervisor.output_watchdog import OutputWatchdog
from twinkle_notifier.supervisor.reporter import Reporter
from twinkle_notifier.testing import RecordingNotifier

Begin = Callable[..., Any]


def words(
    silence: OutputWatchdog, times: list[float], last: Callable[[float], float], beats: list[Beat] | None = None
) -> list[str]:
    """What `silence` says at these times, where the wall clock shows the same."""
    said = ((now, silence.check(now, last(now), now, beats or [])) for now in times)
    return [f"{word} at {now:g}, {silence.lasted:g}" for now, word in said if word is not None]


def seconds(first: int, last: int) -> list[float]:
    return [float(now) for now in range(first, last)]


def test_silence_is_reported_once_and_so_is_its_end() -> None:
    """The output stops after 5 s, and comes back after 100 s."""
    said = words(OutputWatchdog(60, 0), seconds(1, 200), lambda now: min(now, 5) if now < 105 else now)
    assert said == ["silent at 66, 61", "moving at 105, 100"]


def test_what_writes_is_not_silent() -> None:
    """A line every 50 s."""
    assert words(OutputWatchdog(60, 0), seconds(1, 1000), lambda now: now - now % 50) == []


def test_a_suspended_machine_is_not_silent() -> None:
    """Nobody looked for an hour: neither did the command write."""
    assert words(OutputWatchdog(60, 0), [*seconds(1, 50), *seconds(3650, 3655)], lambda _: 0.0) == []


def test_slow_steps_are_no_silence() -> None:
    """Ten times the slowest step that a rank has seen."""
    slow = Beat(rank=0, steps=3, idle=0, stalled=False, slowest=20, at=1)
    assert words(OutputWatchdog(60, 0), seconds(1, 202), lambda _: 0.0, [slow]) == []
    assert words(OutputWatchdog(60, 0), seconds(1, 203), lambda _: 0.0, [slow]) == ["silent at 202, 201"]


def test_a_rank_with_a_watcher_reports_itself() -> None:
    """It knows more; only when its watcher stands still, too, is it told from here."""
    silence = OutputWatchdog(60, 0)
    watched = [(now, [Beat(0, 3, now, True, 1, at=now if now < 300 else 300)]) for now in seconds(1, 400)]
    said = [(now, silence.check(now, 0.0, now, beats)) for now, beats in watched]
    assert [pair for pair in said if pair[1] is not None] == [(361.0, "silent")]


def test_a_silent_command(begin: Begin, robot: Inbox) -> None:
    """Reported once while it makes no progress, once when it resumes; not at its end."""
    source = "import time\nprint('step 1', flush=True)\ntime.sleep(5)\nprint('step 2', flush=True)\ntime.sleep(1.5)"
    done = begin(source, options=("--stall-after", "2s")).result()
    titles = [message.title for message in robot.messages]
    assert (done.returncode, len(titles)) == (0, 2), (titles, done.stderr)
    assert titles[0].startswith("sft has been silent for ")
    assert titles[1].startswith("sft resumed after ")
    assert "py-spy dump --pid" in robot.messages[0].text


def test_a_silent_command_that_ends_well(begin: Begin, robot: Inbox) -> None:
    """After an alert about a silence there is one about the end, too: it writes nothing more, and its exit code is 0."""
    done = begin("import time\nprint('step 1', flush=True)\ntime.sleep(5)", options=("--stall-after", "2s")).result()
    titles = [message.title for message in robot.messages]
    assert (done.returncode, len(titles)) == (0, 2), (titles, done.stderr)
    assert titles[0].startswith("sft has been silent for ")
    assert titles[1].startswith("sft ended after ")


@pytest.mark.parametrize(
    ("wanted", "expected"), [("end_only", ["sft ended after"]), ("failure_only", ["sft has been silent for"])]
)
def test_only_what_people_want_is_reported(begin: Begin, robot: Inbox, wanted: str, expected: list[str]) -> None:
    """Of a silence, what follows it, and a good end."""
    source = "import time\nprint('step 1', flush=True)\ntime.sleep(7)\nprint('step 2', flush=True)\ntime.sleep(1)"
    options = ("--stall-after", "4s", "--on-success")
    done = begin(source, options=options, TWINKLE_NOTIFIER_NOTIFICATIONS=wanted).result()
    titles = [message.title for message in robot.messages]
    assert (done.returncode, [title[: len(begun)] for title, begun in zip(titles, expected, strict=True)]) == (
        0,
        expected,
    )


def test_an_end_that_was_reported_before_is_reported_after_a_silence(begin: Begin, robot: Inbox) -> None:
    """The exception was told, then nothing moved: "silent" is not the last word."""
    source = """
        import os, time
        import twinkle_notifier as t
        try:
            raise ValueError("the loss is lost")
        except ValueError as e:
            t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", e, name="sft")
        time.sleep(4)
        os._exit(1)  # without a word, which would count as moving again
    """
    done = begin(source, options=("--stall-after", "1.5s")).result()
    first, silent, last = [message.title for message in robot.messages]
    assert (done.returncode, first, last) == (1, "sft failed: ValueError: the loss is lost", "sft failed: exit code 1")
    assert silent.startswith("sft has been silent for ")


def reporter(told: RecordingNotifier) -> tuple[Reporter, Callable[[int], ExitReport]]:
    """Of a command that SIGTERM has asked to end, and how it ends."""
    begun = time.time()

    def ending(code: int) -> ExitReport:
        return ExitReport("sft", ["x"], code, time.time() - begun, time.time(), 1, signal.SIGTERM, begun)

    return Reporter("sft", told, Mailbox(Path("no-folder"))), ending


@pytest.mark.parametrize("first", ["preempted", "silent"])
@pytest.mark.parametrize("code", [0, 1, -signal.SIGTERM])
def test_a_preemption_and_a_silence(first: str, code: int) -> None:
    """Whichever comes first: the last word is that it was preempted."""
    told = RecordingNotifier()
    mine, ending = reporter(told)
    steps = [lambda: mine.preempted(ending(0)), lambda: mine.silent(60.0, [])]
    for step in steps if first == "preempted" else reversed(steps):
        step()
    mine.ended(ending(code), on_success=False, known=True)
    words = ["silent" if " silent " in message else "preempted" for message in told.messages]
    assert words == (["preempted", "silent", "preempted"] if first == "preempted" else ["silent", "preempted"])


def test_a_command_that_writes_is_not_silent(begin: Begin, robot: Inbox) -> None:
    """Half a second between two lines."""
    source = "import time\nfor step in range(8):\n    print('step', step, flush=True)\n    time.sleep(0.5)"
    begin(source, options=("--stall-after", "3s")).result()
    assert robot.messages == []


def test_it_turns_the_ranks_watchers_on(begin: Begin, robot: Inbox) -> None:
    """By a variable, which a user may have set to something else."""
    says = ["sh", "-c", "echo $TWINKLE_NOTIFIER_STALL_AFTER"]
    assert begin(says, options=("--stall-after", "10m")).result().stdout == "600\n"
    assert begin(says, options=("--stall-after", "10m"), TWINKLE_NOTIFIER_STALL_AFTER="5").result().stdout == "5\n"


STALLS = """
import os, sys, threading, time
ready = threading.Event()
def wait():  # on a busy machine the imports take longer than the stall
    while not ready.wait(0.5): print("not yet", flush=True)
threading.Thread(target=wait, daemon=True).start()
import torch, torch.distributed as dist
from twinkle_notifier import DingNotifier, TrainingRun
dist.init_process_group("gloo")
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False)
def load(step):
    if step == 20 and dist.get_rank() == 3:
        time.sleep(9)
run.started()
ready.set()
for step in range(30):
    load(step)
    dist.all_reduce(torch.ones(1))
    run.beat()
    time.sleep(0.05)
run.ended()
"""


@pytest.mark.stress
def test_a_stalled_rank_of_four_is_named_by_the_ranks(begin: Begin, robot: Inbox) -> None:
    """By their own watchers; the supervisor has nothing to add. (To load torch may take seconds without a word.)"""
    done = begin(STALLS, ranks=4, options=("--stall-after", "30s"), TWINKLE_NOTIFIER_STALL_AFTER="4").result()
    told = [message.text.partition("\n")[0] for message in robot.messages]
    assert (done.returncode, len(told)) == (0, 2), (told, done.stderr)
    assert told[0].startswith("### sft has made no progress for ")
    assert ": rank 3 has not entered " in told[0]
    assert told[1].startswith("### sft resumed after ")
    assert "load" in robot.messages[0].text
