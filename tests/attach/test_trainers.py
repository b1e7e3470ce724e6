"""Real trainers without a line of ours below the real supervisor: what people learn of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripts import OWN, script
from supervised import begin, robot

from twinkle_notifier.inbox import Inbox

Begin = Callable[..., Any]
STRESS = pytest.mark.stress

__all__ = ["begin", "robot"]

HAPPENS = "\ndef happens(step, rank):\n    "
CRASH = HAPPENS + "if step == 7: raise ValueError('the loss is lost')\n"
CRASH_OF_ONE = CRASH.replace("step == 7", "step == 7 and rank == 1")
NOTHING = HAPPENS + "pass\n"
KILL = HAPPENS + "if step == 7 and rank == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
STALL = HAPPENS + "if step == 7 and rank == int(os.environ.get('WORLD_SIZE', 1)) - 1: time.sleep(9)\n"
GO_ON = r"To go on: (?:resume_from_checkpoint=|ckpt_path=|accelerator\.load_state).*checkpoints/\S+"
OF_STEPS = {"transformers": " of 16", "lightning": " of 16", "pytorch_lightning": " of 16", "accelerate": ""}
SAID = "sft failed: ValueError: the loss is lost"


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


@pytest.mark.parametrize(
    ("framework", "ranks"),
    [
        pytest.param("transformers", 0, marks=STRESS),
        pytest.param("transformers", 2, marks=STRESS),
        ("lightning", 0),
        pytest.param("lightning", 2, marks=STRESS),
        pytest.param("pytorch_lightning", 2, marks=STRESS),
        pytest.param("accelerate", 0, marks=STRESS),
        pytest.param("accelerate", 2, marks=STRESS),
    ],
)
def test_a_crash_is_reported_once_with_how_far_it_got(begin: Begin, robot: Inbox, framework: str, ranks: int) -> None:
    """For all ranks, with step, epoch, loss and the last checkpoint."""
    done = begin(script(framework) + CRASH + "train()", ranks=ranks).result()
    assert (done.returncode, titles(robot)) == (1, [SAID]), done.stderr
    text = robot.messages[0].text
    reached, lost, go_on = re.findall(r"(?m)^- ((?:Progress|Lost since .*|To go on): .*)", text)
    assert re.fullmatch(rf"Progress: step 7{OF_STEPS[framework]}, epoch [\d.]+, after \d+ s", reached), text
    assert re.search(r"(?m)^- (Metrics: loss 0.5|loss: .* last 0.5$)", text), text
    assert re.fullmatch(r"Lost since the last checkpoint: \d+ s, 1 step(?:, .*)?", lost), text
    assert re.fullmatch(GO_ON, go_on), text
    assert ("- Ranks: 0-1 of 2" in text) == (ranks == 2), text
    assert "not attached" not in done.stderr


@pytest.mark.stress
@pytest.mark.parametrize("framework", ["transformers", "accelerate"])
def test_the_crash_of_one_rank_is_reported_once_as_its_own(begin: Begin, robot: Inbox, framework: str) -> None:
    """What its peer meets then is no second one."""
    done = begin(script(framework) + CRASH_OF_ONE + "train()", ranks=2).result()
    assert (done.returncode, titles(robot)) == (1, [SAID]), done.stderr
    assert "- Rank: 1 of 2" in robot.messages[0].text
    assert re.search(f"\n- {GO_ON}\n", robot.messages[0].text)


@STRESS
@pytest.mark.parametrize("framework", ["transformers", "lightning", "accelerate"])
def test_a_killed_rank_is_reported_once_by_its_number(begin: Begin, robot: Inbox, framework: str) -> None:
    """With the last checkpoint, though it could say nothing any more."""
    done = begin(script(framework) + KILL + "train()", ranks=2).result()
    assert len(robot.messages) == 1, (titles(robot), done.stderr)
    assert re.match(r"sft failed: rank 1 on .* was killed by SIGKILL$", titles(robot)[0])
    assert re.search(r"- (Last checkpoint|To go on): .*checkpoints/", robot.messages[0].text)


@STRESS
@pytest.mark.parametrize(("framework", "ranks"), [("transformers", 0), ("lightning", 2), ("accelerate", 2)])
def test_a_stall_is_reported_with_its_stack_and_its_end(begin: Begin, robot: Inbox, framework: str, ranks: int) -> None:
    """By the ranks themselves, which know where they stand; loading torch, which may take as long, is no stall."""
    more = {"options": ("--stall-after", "60s"), "TWINKLE_NOTIFIER_STALL_AFTER": "3"}
    done = begin(script(framework) + STALL + "train()", ranks=ranks, **more).result()
    assert (done.returncode, len(robot.messages)) == (0, 2), (titles(robot), done.stderr)
    first, second = robot.messages
    assert first.title.startswith("sft has made no progress for "), first.title
    assert re.search(r"train\.py.*in happens", first.text), first.text
    assert second.title.startswith("sft resumed after "), second.title


@pytest.mark.parametrize(
    ("framework", "ranks"),
    [
        ("transformers", 0),
        *(pytest.param("pytorch_lightning", ranks, marks=STRESS) for ranks in (0, 2)),
        *(pytest.param("accelerate", ranks, marks=STRESS) for ranks in (0, 2)),
    ],
)
def test_a_clean_end_is_reported_with_its_metrics(begin: Begin, robot: Inbox, framework: str, ranks: int) -> None:
    """Once, by the supervisor, where `--on-success` asks for it."""
    done = begin(script(framework) + NOTHING + "train()", ranks=ranks, options=("--on-success",)).result()
    assert (done.returncode, len(robot.messages)) == (0, 1), (titles(robot), done.stderr)
    assert titles(robot)[0].startswith("sft ended after ")
    steps = f"Progress: step 16{OF_STEPS[framework]}, epoch "
    said = rf"(?m)^- (Ended because|{steps}\d|Last checkpoint|Metrics: loss 0.5|loss: .* last 0.5$)"
    found = re.findall(said, robot.messages[0].text)
    if OF_STEPS[framework]:
        assert found.pop(0) == "Ended because", robot.messages[0].text
    assert found.pop(0)[:-1] == steps, robot.messages[0].text
    assert len(found) == 2, robot.messages[0].text


@STRESS
@pytest.mark.parametrize("framework", ["transformers", "lightning", "accelerate"])
def test_ctrl_c_is_reported_once_as_such(begin: Begin, robot: Inbox, framework: str) -> None:
    """At the terminal all processes get it."""
    stops = HAPPENS + "if step == 7: os.killpg(0, signal.SIGINT); time.sleep(60)\n"
    done = begin(script(framework) + stops + "train()").result()
    assert len(robot.messages) == 1, (titles(robot), done.stderr)
    assert titles(robot)[0].startswith("sft was interrupted"), titles(robot)


@STRESS
@pytest.mark.parametrize(
    ("framework", "more"),
    [
        ("transformers", "train()"),
        ("lightning", "try: train()\nexcept ValueError: pass"),
        pytest.param("transformers", "try: train()\nexcept ValueError: pass", marks=STRESS),
        ("accelerate", "train()"),
        ("accelerate", "try: train()\nexcept ValueError: pass"),
    ],
)
def test_who_ends_well_is_silent(begin: Begin, robot: Inbox, framework: str, more: str) -> None:
    """Also where the program has handled what a training met: nobody asked for an alert about that."""
    happens = CRASH if "except" in more else NOTHING
    done = begin(script(framework) + happens + more).result()
    assert (done.returncode, titles(robot)) == (0, []), done.stderr


@pytest.mark.parametrize(
    ("framework", "how"),
    [("transformers", "late"), *(pytest.param("lightning", how, marks=STRESS) for how in ("late", "callbacks"))],
)
def test_a_callback_of_the_user_s_is_the_only_one(begin: Begin, robot: Inbox, framework: str, how: str) -> None:
    """Wherever it is added: what it says counts, such as the name."""
    own = f"train({how}=[NotifierCallback(name='mine')])"
    done = begin(script(framework) + OWN[framework] + CRASH + own).result()
    assert (done.returncode, titles(robot)) == (1, ["mine failed: ValueError: the loss is lost"]), done.stderr


@pytest.mark.stress
def test_what_the_program_reports_itself_is_reported_once(begin: Begin, robot: Inbox) -> None:
    """By a notifier of another description, which the supervisor does not know."""
    own = """
from twinkle_notifier import DingNotifier, notify_exception
try:
    train()
except ValueError as error:
    notify_exception(DingNotifier(os.environ["DING_URL"], os.environ["DING_SECRET"]), exc=error, name="mine")
    raise
"""
    done = begin(script("lightning") + CRASH + own).result()
    assert (done.returncode, titles(robot)) == (1, ["mine failed: ValueError: the loss is lost"]), done.stderr


@pytest.mark.stress
def test_of_two_exceptions_the_one_that_was_handled_is_not_reported(begin: Begin, robot: Inbox) -> None:
    """The program tries once more after the first, and ends by the second."""
    own = HAPPENS + "if step == 7: raise next(errors)\nerrors = iter([ValueError('the first'), KeyError('the second')])"
    own += "\ntry:\n    train()\nexcept ValueError:\n    pass\ntrain()"
    done = begin(script("lightning") + own).result()
    assert (done.returncode, titles(robot)) == (1, ["sft failed: KeyError: 'the second'"]), done.stderr


@pytest.mark.stress
def test_the_notifier_of_to_is_used_and_no_secret_is_shown(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """A literal URL is in no environment, command line or checkpoint of the command; its processes tell all the same."""
    looks = """
from pathlib import Path
token = "tok-" + "0123456789abcdef"
for what in ("environ", "cmdline"):
    assert token not in Path(f"/proc/self/{what}").read_text("latin-1"), what
passed = Path(os.environ["TWINKLE_NOTIFIER_URL"].partition("file:")[2])
assert token in passed.read_text() and passed.stat().st_mode & 0o077 == 0
"""
    url = f"{robot.url}&secret=SEC0123456789abcdef"
    more = {"TWINKLE_NOTIFIER": "", "DING_URL": "", "TWINKLE_NOTIFIER_STALL_AFTER": "3"}
    source = script("lightning") + looks + STALL.replace("step == 7", "step == 5") + "train()"
    done = begin(source, options=("--to", url), **more).result()
    assert done.returncode == 0, done.stderr
    assert [title.partition(" 3 s")[0].partition(" after")[0] for title in titles(robot)] == [
        "sft has made no progress for",
        "sft resumed",
    ], done.stderr
    saved = list((tmp_path / "run" / "checkpoints").glob("*"))
    assert saved
    assert not any(b"tok-0123456789abcdef" in path.read_bytes() or b"twinkle" in path.read_bytes() for path in saved)
    assert "tok-0123456789abcdef" not in done.stdout + done.stderr
