"""Pythons with and without the hook, without a supervisor: its mailbox is a folder of the test's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from twinkle_notifier.mailbox.mailbox import VARIABLE, Mailbox
from twinkle_notifier.mailbox.notes import End
from twinkle_notifier.supervisor.command import attach_environment

_LIMIT = 120  # seconds for one process


class Lab:
    """A folder for scripts, and one for what attached processes write down."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mailbox = folder / "work", folder / "mailbox"
        self.folder.mkdir()
        self.mailbox.mkdir(mode=0o700)
        self.pid = 0

    def env(self, attached: bool = True, **more: str) -> dict[str, str]:
        """An environment as a user has it, of an attached process or of another."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | more
        env |= {"PYTHONIOENCODING": "utf-8"}
        return env | {VARIABLE: str(self.mailbox)} | attach_environment(env) if attached else env

    def run(
        self, *command: str, attached: bool = True, stdin: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env(attached, **env),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        ) as process:
            self.pid = process.pid
            try:
                out, err = process.communicate(stdin, timeout=_LIMIT)
            finally:
                process.kill()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def script(self, source: str, name: str = "train.py") -> str:
        """A script in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return str(path)

    def python(self, source: str, *options: str, python: str = sys.executable, **env: str) -> list[End]:
        """What the processes of a script have written down, oldest first."""
        self.run(python, *options, self.script(source), **env)
        return self.ends()

    def ends(self) -> list[End]:
        """All there are."""
        assert not list(self.mailbox.glob("*.begun"))
        found = Mailbox(self.mailbox).ends()
        assert len(found) == len(list(self.mailbox.glob("*.end"))), "a record cannot be read"
        return found

    def same(self, *command: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command with and without the hook: it prints and ends the same."""
        without = self.run(*command, attached=False, stdin=stdin, **env)
        attached = self.run(*command, stdin=stdin, **env)
        assert (attached.returncode, attached.stdout, attached.stderr) == (
            without.returncode,
            without.stdout,
            without.stderr,
        )
        return attached


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def _pythons() -> list[str]:
    return [sys.executable, *map(str, sorted(Path.home().glob(".pyenv/versions/*/bin/python")))]


def _named(path: str) -> str:
    return Path(path).parents[1].name


# Those that differ: what an exception looks like, and how a process ends.
_SOME = [
    path for path in _pythons() if path == sys.executable or _named(path).startswith(("2.7", "3.6", "3.8", "3.12"))
]
_MODERN = [path for path in _pythons() if path == sys.executable or re.match(r"3\.([89]|\d\d)", _named(path))]


@pytest.fixture(params=_pythons(), ids=_named)
def each(request: pytest.FixtureRequest) -> str:
    """Each Python of this machine."""
    return str(request.param)


@pytest.fixture(params=_SOME, ids=_named)
def python(request: pytest.FixtureRequest) -> str:
    """This Python, and some old ones."""
    return str(request.param)


@pytest.fixture(params=_MODERN, ids=_named)
def modern(request: pytest.FixtureRequest) -> str:
    """Each Python of this machine that writes down its end."""
    return str(request.param)
