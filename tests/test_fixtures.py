"""What earlier versions have written to disk is read, and means the same: see ``fixtures/make.py``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime.host import boot_id, host_key

FIXTURES = Path(__file__).parent / "fixtures"
SCRIPTS = FIXTURES / "scripts"
VERSIONS = sorted(path for path in FIXTURES.iterdir() if (path / "state").is_dir())
SECRET = "SEC0123456789abcdef"
RANKS = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}

pytestmark = pytest.mark.parametrize("version", VERSIONS, ids=[path.name for path in VERSIONS])


class Home:
    """A folder to work in, and the state that it has."""

    def __init__(self, folder: Path, robot: Inbox) -> None:
        self.folder, self.state, self.robot = folder / "work", folder / "state", robot
        for made in (self.folder, self.state):
            made.mkdir(mode=0o700)

    def take(self, version: Path, *rooms: str) -> None:
        """Have these rooms of the state that `version` left, as if it had been this machine."""
        for path in filter(Path.is_file, (version / "state").rglob("*")):
            name = path.relative_to(version / "state")
            if name.parts[0] in rooms:
                for made in reversed([self.state / parent for parent in name.parents]):
                    made.mkdir(mode=0o700, exist_ok=True)
                text = path.read_text().replace("<host key>", host_key()).replace("<boot>", boot_id())
                (self.state / name).write_text(text)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """A process with that state."""
        env = {"DING_URL": self.robot.url, "DING_SECRET": SECRET, "TWINKLE_NOTIFIER_DIR": str(self.state), **env}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str, *arguments: str, **env: str) -> str:
        """What a script of the fixtures printed."""
        shutil.copy(SCRIPTS / script, self.folder / "train.py")
        with self.start(sys.executable, "train.py", *arguments, **env) as process:
            out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out
        return out

    def told(self) -> list[str]:
        """The first lines that the robot has accepted."""
        return [message.text.partition("\n")[0] for message in self.robot.messages]


@pytest.fixture
def home(tmp_path: Path, inbox: Inbox) -> Home:
    return Home(tmp_path, inbox)


def names(state: Path, room: str) -> list[str]:
    """The files of a room, below the folder that is named after the run, or its machine."""
    return sorted(str(path.relative_to(state / room)).partition("/")[2] for path in (state / room).rglob("*/*"))


def test_each_notifier_is_the_same_channel(version: Path, home: Home) -> None:
    """Its name is in claims that older ranks made, and in folders where messages wait."""
    assert json.loads(home.run("channels.py")) == json.loads((version / "channels.json").read_text())


def test_a_waiting_message_goes_out_with_the_next(version: Path, home: Home) -> None:
    """To the same channel, as the message that it was."""
    home.take(version, "spool")
    [letter] = (home.state / "spool").rglob("*.json")
    waited = json.loads(letter.read_text())
    home.run("train.py")
    assert home.told() == ["### sft failed: ValueError: the loss is not a number"] * 2
    late = home.robot.messages[1]
    assert late.msg_uuid == waited["id"]
    assert "- Delayed: since " in late.text
    assert waited["why"] in late.text
    assert list((home.state / "spool").rglob("*.json")) == []


def test_what_a_killed_supervisor_left_goes_out(version: Path, home: Home) -> None:
    """By ``twinkle-notifier flush``, with the checkpoint that its process had reported."""
    home.take(version, "supervised")
    with home.start(sys.executable, "-m", "twinkle_notifier", "flush") as flush:
        assert flush.communicate(timeout=60)[0].splitlines()[-1] == "1 sent, 0 left"
    assert home.told() == ["### sft failed: ValueError: the loss is lost"]
    assert "- Last checkpoint: checkpoints/step-100\n" in home.robot.messages[0].text
    assert list((home.state / "supervised").iterdir()) == []


def test_a_crash_loop_goes_on(version: Path, home: Home) -> None:
    """An error that older runs have met, in a run of now, is known: the fourth of a loop is silent, the fifth is not."""
    home.run("train.py")  # in which folder this machine's past is
    [fresh] = filter(Path.is_file, (home.state / "history").rglob("*"))
    [kept] = filter(Path.is_file, (version / "state" / "history").rglob("*"))
    assert fresh.name == kept.name
    past, now = json.loads(kept.read_text()), time.time()
    fresh.write_text(json.dumps({**past, "first": now - 9, "last": now - 1}))
    assert past["loop"] == 3
    home.run("train.py")
    home.run("train.py")
    assert len(home.robot.messages) == 2
    assert "- Again: 5th time, first at " in home.robot.messages[1].text


def test_ranks_agree_by_the_same_claims(version: Path, home: Home) -> None:
    """Ranks of an older version, on another node, would find them; records of theirs are read."""
    shutil.copy(SCRIPTS / "train.py", home.folder / "train.py")
    ranks = [home.start(sys.executable, "train.py", RANK=rank, LOCAL_RANK=rank, **RANKS) for rank in "01"]
    assert [rank.communicate(timeout=120)[0] for rank in ranks] == ["", ""]
    made = {name.partition("/")[0] for name in names(home.state, "claims")}
    kept = {name.partition("/")[0] for name in names(version / "state", "claims")}
    assert {name for name in made if "-" in name} == {name for name in kept if "-" in name}
    record = json.loads(next((home.state / "claims").rglob("*/0")).read_text())
    older = json.loads(next((version / "state" / "claims").rglob("*/0")).read_text())
    assert record.keys() == older.keys()


def test_a_claim_of_an_older_rank_is_respected(version: Path, home: Home) -> None:
    """It has reported the error in this run: a rank that meets it later is silent."""
    (elsewhere := home.folder / "state").mkdir(mode=0o700)
    home.run("train.py", RANK="0", LOCAL_RANK="0", **RANKS, TWINKLE_NOTIFIER_DIR=str(elsewhere))
    [run] = (elsewhere / "claims").iterdir()  # what this run is called here
    home.take(version, "claims")
    [older] = (home.state / "claims").iterdir()
    older.rename(older.parent / run.name)
    since, hour = time.clock_gettime(time.CLOCK_BOOTTIME), 3600
    for path in (older.parent / run.name).rglob("*/[0-9]"):
        record = json.loads(path.read_text())
        at = {"boot": boot_id(), "since_boot": since + hour, "wall": time.time() + hour}
        path.write_text(json.dumps({**record, "at": at}))
    home.run("train.py", RANK="1", LOCAL_RANK="1", **RANKS)
    assert len(home.robot.messages) == 1


@pytest.mark.parametrize("framework", [pytest.param("lightning", marks=pytest.mark.stress), "transformers"])
def test_a_resume_takes_the_state_over(version: Path, home: Home, framework: str) -> None:
    """The notifier, and that the error was reported before."""
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    out = home.run(f"{framework}_state.py", "saved", str(version / f"{framework}.json"))
    assert "the notifier of this run comes from its checkpoint: DingNotifier at 127.0.0.1" in out
    assert home.told() == ["### sft failed: ValueError: the loss is not a number"], out
    assert "- Again: 2nd time, first at " in home.robot.messages[0].text
