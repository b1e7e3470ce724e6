"""``twinkle-notifier rules test`` and ``run --rule``, with the logs of real trainers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from twinkle_notifier.cli.main import main
from twinkle_notifier.inbox import Inbox

STATE = {
    "log_history": [
        *({"epoch": step / 100, "loss": 2.0 + step % 3 / 10, "step": step} for step in range(10, 610, 10)),
        {"epoch": 6.1, "loss": 20.0, "step": 610},
        {"epoch": 6.1, "eval_loss": 2.5, "step": 610},
        {"epoch": 6.2, "loss": float("nan"), "grad_norm": float("nan"), "step": 1180},
        {"epoch": 6.3, "loss": 2.0, "grad_norm": 1.0, "step": 1190},
    ]
}
CSV = """epoch,step,train_loss,val_loss
0,49,2.0,
0,49,,1.5
1,99,30.0,
1,99,,1.5
2,149,nan,
2,149,,1.5
"""


@pytest.fixture
def state(tmp_path: Path) -> str:
    """As the HF Trainer writes it."""
    (tmp_path / "trainer_state.json").write_text(json.dumps(STATE))
    return str(tmp_path / "trainer_state.json")


def test_says_when_a_rule_would_have_fired(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And when that was over; what is no number in any case."""
    assert main(["rules", "test", "zscore(loss[50]) > 6 => error: spike", "loss > 10", "--run", state]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "step 610: fired, error: spike (zscore(loss[50]) 6.996)",
        "step 610: fired, warning: loss > 10 (loss 20)",
        "step 1,180: fired, error: loss is nan",
        "step 1,190: resolved, error: loss is nan",
        "step 1,190: resolved, error: spike (zscore(loss[50]) -0.1818)",
        "step 1,190: resolved, warning: loss > 10 (loss 2)",
        "3 alerts in 64 logs",
    ]


def test_no_cooldown_holds_back_what_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each time is said, as no time passes. What callbacks leave out, such as the epoch, is no metric here, either."""
    losses = [2.0, float("nan"), 2.0, float("nan"), 2.0]
    history = [{"loss": loss, "epoch": 9.0, "total_flos": 9.0, "step": step} for step, loss in enumerate(losses)]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    assert main(["rules", "test", "epoch > 1 or total_flos > 1", "--run", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "step 1: fired, error: loss is nan",
        "step 2: resolved, error: loss is nan",
        "step 3: fired, error: loss is nan",
        "step 4: resolved, error: loss is nan",
        "epoch was never logged; there are loss",
        "total_flos was never logged; there are loss",
        "2 alerts in 5 logs",
    ]


def test_of_lightnings_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whose empty cells are no values; the folder will do."""
    (tmp_path / "metrics.csv").write_text(CSV)
    assert main(["rules", "test", "train_loss > 10", "stalled(val_loss[3])", "--run", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "step 99: fired, warning: train_loss > 10 (train_loss 30)",
        "step 149: fired, error: train_loss is nan",
        "step 149: fired, warning: stalled(val_loss[3]) (val_loss 1.5)",
        "3 alerts in 6 logs",
    ]


def test_for_programs(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line of JSON each."""
    assert main(["rules", "test", "loss > 10 => info: x", "--run", state, "--json"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert json.loads(first) == {
        "step": 610,
        "kind": "fired",
        "level": "info",
        "what": "x",
        "rule": "loss > 10",
        "values": {"loss": 20.0},
    }


def test_a_mistyped_metric_is_named(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    assert main(["rules", "test", "evalloss > 10", "--run", state]) == 0
    said = "evalloss was never logged: did you mean eval_loss?; there are eval_loss, grad_norm, loss"
    assert capsys.readouterr().out.splitlines()[-2:] == [said, "1 alert in 64 logs"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read"),
        ("", "holds nothing that was logged: give trainer_state.json"),
        ("{}", "holds nothing"),
        ('{"log_history": 5}', "holds nothing"),
        ('{"log_history": [5, null, []]}', "holds nothing"),
        ("{", "is no JSON"),
        ("{" * 10_000, "is no JSON"),
    ],
)
def test_a_file_that_is_no_log(
    content: str | None, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that says what to give."""
    if content is not None:
        (tmp_path / "log").write_text(content)
    assert main(["rules", "test", "loss > 10", "--run", str(tmp_path / "log")]) == 2
    assert part in capsys.readouterr().err


def test_a_wrong_rule_shows_its_fault(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "test", "loss > 10", "zscor(loss[5]) > 3", "--run", state]) == 2
    assert capsys.readouterr().err == (
        "twinkle-notifier: RULE, number 2: there is no function 'zscor': did you mean zscore?\n"
        "  zscor(loss[5]) > 3\n  ^^^^^\n"
    )


SCRIPT = """
from twinkle_notifier import TrainingRun
run = TrainingRun(on_end=False)
run.started()
run.log({"loss": 20.0, "lr": 2.0}, 7)
"""


def supervised(folder: Path, inbox: Inbox, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twinkle_notifier", "run", "--to", f"{inbox.url}&secret=SEC0123456789abcdef"]
    (folder / "train.py").write_text(SCRIPT)
    run = [*command, "--name", "sft", *options, "--", sys.executable, "train.py"]
    return subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.linux
def test_run_takes_rules(tmp_path: Path, inbox: Inbox) -> None:
    """For the runs of its command."""
    done = supervised(tmp_path, inbox, "--rule", "loss > 10 => error: x, y", "--rule", "lr > 1")
    assert done.returncode == 0, done.stderr
    assert [message.title for message in inbox.messages] == ["sft: x, y at step 7", "sft: lr > 1 at step 7"]


@pytest.mark.linux
@pytest.mark.parametrize("rule", ["loss >", "loss > 10 => a; b"])
def test_run_refuses_a_wrong_rule(rule: str, tmp_path: Path, inbox: Inbox) -> None:
    """Before it starts the command."""
    done = supervised(tmp_path, inbox, "--rule", rule)
    assert (done.returncode, "--rule" in done.stderr, inbox.messages) == (2, True, [])
