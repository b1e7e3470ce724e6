"""How an end reads."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from twinkle_notifier.runtime.launcher import Attempt
from twinkle_notifier.supervisor.cause import Cause, by_texts
from twinkle_notifier.supervisor.exit_report import ExitReport
from twinkle_notifier.supervisor.torchrun import Lost, Recorded

RANK = Lost(-9, 20506, 1, 5, "node-b")
PRINTED = """epoch 1
[rank4]: Traceback (most recent call last):
[rank4]:   File "train.py", line 9, in step
[rank4]: RuntimeError: Connection closed by peer
[rank5]: Traceback (most recent call last):
[rank5]:   File "train.py", line 7, in step
[rank5]: ValueError: the loss is lost
[rank6]: Traceback (most recent call last):
[rank6]:   File "train.py", line 9, in step
[rank6]: RuntimeError: Connection closed by peer
"""
CHAINED = """Traceback (most recent call last):
  File "train.py", line 1, in <module>
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "train.py", line 3, in <module>
    raise ValueError("boom") from e
ValueError: boom
"""


def ending(code: int = 1, **known: Any) -> ExitReport:
    return ExitReport("sft", ["python", "train.py"], code, 187.0, 1000.0, **known)


def printed(output: str, lost: Lost | None = None) -> ExitReport:
    """The end of a command of which only its output is known."""
    found = by_texts(Cause(lost=lost), output, None, (), ())
    return ending(1, lost=lost, recorded=found.recorded, output=output)


@pytest.mark.parametrize(
    ("end", "headline"),
    [
        (ending(0), "sft ended after 3 min 07 s"),
        (ending(3), "sft failed: exit code 3"),
        (ending(-9), "sft failed: killed by SIGKILL"),
        (ending(137), "sft failed: killed by SIGKILL"),
        (ending(-9, out_of_memory=1), "sft failed: ran out of memory, and was killed"),
        (ending(-9, out_of_memory=0), "sft failed: killed by SIGKILL"),
        (ending(-40), "sft failed: killed by signal 40"),
        (ending(-40, language="zh"), "sft 失败：被 信号 40 杀死"),
        (ending(1, lost=RANK), "sft failed: rank 5 on node-b was killed by SIGKILL"),
        (ending(1, lost=RANK, out_of_memory=2), "sft failed: rank 5 on node-b ran out of memory, and was killed"),
        (ending(1, lost=Lost(7, 1, 1, 5, "node-b")), "sft failed: exit code 7 of rank 5 on node-b"),
        (
            printed(PRINTED, Lost(1, 1, 1, 5, "node-b")),
            "sft failed: ValueError: the loss is lost (rank 5 on node-b)",
        ),
        (printed(CHAINED), "sft failed: ValueError: boom (exit code 1)"),
        (printed("Traceback (most recent call last):\n  never ended"), "sft failed: exit code 1"),
        (ending(1, recorded=Recorded("OSError: no space", "")), "sft failed: OSError: no space (exit code 1)"),
        (ending(1, attempt=Attempt(3, 3)), "sft failed for good in attempt 3 of 3: exit code 1"),
        (ending(1, attempt=Attempt(2)), "sft failed: exit code 1"),
        (ending(-15), "sft was preempted (SIGTERM)"),
        (ending(143), "sft was preempted (SIGTERM)"),
        (ending(1, agent=15), "sft was preempted (SIGTERM)"),
        (ending(0, asked=signal.SIGUSR1), "sft was preempted (SIGUSR1)"),
        (ending(1, asked=signal.SIGINT), "sft was interrupted (SIGINT)"),
        (ending(130), "sft was interrupted (SIGINT)"),
        (ending(-3, asked=signal.SIGQUIT), "sft failed: killed by SIGQUIT"),
    ],
)
def test_the_heading(end: ExitReport, headline: str) -> None:
    """The run, and what became of it."""
    assert end.headline() == headline
    assert end.markdown().startswith(f"### {headline}\n")


def test_the_last_lines() -> None:
    """Forty of them, and none of a good end."""
    output = "\n".join(f"line {number}" for number in range(100))
    assert "line 59\n" not in ending(1, output=output).markdown()
    assert "line 60\nline 61\n" in ending(1, output=output).markdown()
    assert "line 60" not in ending(0, output=output).markdown()


def test_text_of_the_output_stays_text() -> None:
    """It mentions nobody, ends no code block, and is bounded."""
    text = ending(1, output="```\n@all " + "x" * 100_000).markdown()
    assert text.count("\n```") == 2
    assert "@all" not in text
    assert len(text) < 10_000


def test_the_place_has_its_line_of_code() -> None:
    """Where the record has it."""
    known = Recorded("OSError: x", "Traceback ...", "train.py:2 in step", code="open(*paths)")
    assert "- At: train.py:2 in step: `open(*paths)`\n" in ending(1, recorded=known).markdown()
    assert "- At: train.py:2 in step\n" in ending(1, recorded=known._replace(code="")).markdown()
    assert "- At:" not in ending(1, recorded=known._replace(at="")).markdown()


def test_how_far_a_run_had_come_that_was_killed() -> None:
    """With what it lost and how it goes on, which names the checkpoint."""
    reached = ["- Progress: step 7", "- To go on: --resume x"]
    killed = ending(-9, lost=RANK, checkpoint="/x/ckpt-5", progress=reached)
    assert "\n- Progress: step 7\n- To go on: --resume x\n\n" in killed.markdown()
    assert "Last checkpoint" not in killed.markdown()
    assert "- Progress: step 7\n- Last checkpoint: /x/ckpt-5\n" in killed._replace(progress=reached[:1]).markdown()
    assert "- Last checkpoint: /x/ckpt-5\n" in killed._replace(progress=[]).markdown()


def test_what_ranks_that_lost_a_peer_say() -> None:
    """Which they were; and that the cause is not known, where nobody knows it."""
    text = ending(1, followers=[0, 1, 2, 4]).markdown()
    assert "- Errors that follow from it: ranks 0-2, 4\n- Note: secondary errors; no rank reported the cause\n" in text
    assert "killed" not in text
    of_one = ending(1, followers=[0], lost=RANK).markdown()
    assert ("- Errors that follow from it: rank 0\n" in of_one, "Note" in of_one) == (True, False)


@pytest.mark.parametrize(
    ("closed", "followers", "shown"),
    [
        ([4, 6, 7], [4, 6], "ranks 4, 6-7 (7 ended by the launcher)"),
        ([4, 6, 7], [4], "ranks 4, 6-7 (6-7 ended by the launcher)"),
        ([4, 6, 7], [4, 6, 7], "ranks 4, 6-7"),
        ([], [4, 6], "ranks 4, 6"),
        ([4, 6, 7], [0, 4], "ranks 0, 4, 6-7 (6-7 ended by the launcher)"),  # words of another machine's ranks, too
    ],
)
def test_ranks_that_the_launcher_ended_are_named(closed: list[int], followers: list[int], shown: str) -> None:
    """They failed because of the first, though they had no time to say so."""
    text = ending(1, lost=RANK._replace(closed=closed), followers=followers).markdown()
    assert f"- Errors that follow from it: {shown}\n" in text


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "SIGKILL: the kernel's out-of-memory killer, or your scheduler"),
        (
            0,
            "SIGKILL: not the kernel's out-of-memory killer, by its count for this control group; a scheduler or a person",
        ),
        (2, "SIGKILL: the kernel's out-of-memory killer, which killed 2 processes of this control group"),
    ],
)
@pytest.mark.parametrize("how", [{"code": -9}, {"code": 137}, {"code": 1, "lost": RANK}])
def test_one_line_says_what_is_known_of_a_kill(how: dict[str, Any], count: int | None, said: str) -> None:
    """No guess stands beside what the kernel has counted."""
    text = ending(**how, out_of_memory=count).markdown()
    assert f"- Signal: {said}\n" in text
    assert text.partition("\n\n")[2].count("out-of-memory") == 1


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["x", "--wandb-key", "0123", "--lr", "1"], "x --wandb-key *** --lr 1"),
        (["x", "--api-token=0123", "a b"], "x --api-token=*** 'a b'"),
        (["x", "--tokenizer", "bert", "--author", "me"], "x --tokenizer bert --author me"),
        (["x", "--password"], "x --password"),
        (["x", "--pw", "hunter2", "--pass", "hunter2"], "x --pw *** --pass ***"),
        (["x", "+wandb.key=hunter2horse"], "x +wandb.key=***"),
        (["sshpass", "-p", "hunter2", "ssh", "h"], "sshpass -p *** ssh h"),
        (["curl", "-u", "me:hunter2", "https://x"], "curl -u me:*** https://x"),
        (["mysql", "-u", "me", "-phunter2"], "mysql -u me -p***"),
        (["wandb", "login", "0123456789abcdef0123"], "wandb login ***"),
        (["docker", "login", "-u", "me", "-p", "hunter2", "h"], "docker login -u me -p *** h"),
        (["docker", "run", "-p", "8080:80", "-u", "1000:1000", "x"], "docker run -p 8080:80 -u 1000:1000 x"),
        (["x", "--wandb", "hunter2", "-u", "train.py"], "x --wandb *** -u train.py"),
        (["x", "env", "API_KEY=hunter2 horse", "--lr", "1"], "x env API_KEY=*** --lr 1"),
    ],
)
def test_the_command_line_shows_no_secret(command: list[str], shown: str) -> None:
    """What follows an option for one is left out."""
    text = ExitReport("sft", command, 1, 1.0, 1.0).markdown()
    assert f"- Command: {shown}\n" in text


def test_a_word_is_masked_before_it_is_quoted() -> None:
    """Or the quotes of the shell would part the secret from its name."""
    text = ExitReport("sft", ["bash", "-c", "API_KEY='hunter2hunter2' python train.py"], 1, 1.0, 1.0).markdown()
    assert "hunter2" not in text
    assert "python train.py" in text


@pytest.mark.parametrize("before", ["", "step 1\n" * 30])
def test_a_key_in_the_last_lines_is_masked(before: str) -> None:
    """Its beginning stands above the last 40 lines, or has been lost with older output."""
    lines = ["MIIEowIBAAKCAQEAx3v9Qd0Kq7Lm2Nf4Rt6Yz8Bw1Ce3Gh5Jk7Mp9Sv" + str(n) for n in range(64)]
    key = [*([f"{before}-----BEGIN RSA PRIVATE KEY-----"] if before else []), *lines, "-----END RSA PRIVATE KEY-----"]
    text = ending(1, output="\n".join([*key, "out of memory"])).markdown()
    assert [line for line in lines if line in text] == []
    assert "out of memory" in text


def test_a_signal_that_asked_is_not_the_cause_of_another_death() -> None:
    """A fault in native code is reported as one, whatever was asked before."""
    assert ending(-11, asked=signal.SIGUSR1).headline() == "sft failed: killed by SIGSEGV"
    assert ending(-9, asked=signal.SIGTERM).headline() == "sft was preempted (SIGTERM)"


def test_how_far_a_training_got_is_reported_of_a_good_end() -> None:
    """In one line each, without what others' marks may do; the last checkpoint is told once."""
    reached = [
        "- Progress: step 16, epoch 2",
        "- Last checkpoint: out/16",
        "# Not\nours",
        "- `a`\n- @all [x](http://y)",
    ]
    known = {"reached": reached, "checkpoint": "out/16"}
    text, failed = ending(0, **known).markdown(), ending(3, **known).markdown()
    assert "sft ended after 3 min 07 s\n\n- Progress: step 16, epoch 2\n- Last checkpoint: out/16\n- `a` - @" in text
    assert ("Not" in text, "@all" in text, "](" in text, text.count("out/16")) == (False, False, False, 1)
    assert ("step 16" in failed, failed.count("- Last checkpoint: out/16")) == (False, 1)
