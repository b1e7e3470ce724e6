"""What a process runs, where, and where its output goes: asked in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = "import sys; from twinkle_notifier.surroundings import program; sys.stderr.write(program.{what}())"
PYTHON = os.path.basename(sys.executable)


def script(tmp_path: Path, what: str, name: str = "train.py") -> str:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ASK.format(what=what))
    return str(path)


def said(*words: str, cwd: Path | None = None, stdout: int | None = subprocess.PIPE, **env: str) -> str:
    """What a Python process with these arguments says on standard error."""
    command, variables = [sys.executable, *words], {**os.environ, **env}
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, cwd=cwd, env=variables, timeout=60)
    return done.stderr.decode()


# Command lines


@pytest.mark.parametrize(
    ("options", "arguments", "wanted"),
    [
        ([], [], "{python} {script}"),
        (["-u", "-W", "ignore"], ["--lr", "1e-4"], "{python} -u -W ignore {script} --lr 1e-4"),
        ([], ["--wandb_key", "K", "+wandb.key=K"], "{python} {script} --wandb_key *** +wandb.key=***"),
        (["-Xutf8"], ["-c", "a b"], "{python} -Xutf8 {script} -c 'a b'"),  # the script's own option
        (["-X", "utf8"], ["-c", "x" * 90], "{python} -X utf8 {script} -c " + "x" * 90),
    ],
)
def test_the_command_is_shown(options: list[str], arguments: list[str], wanted: str, tmp_path: Path) -> None:
    """With the name of the interpreter in place of its path, and without secrets."""
    path = script(tmp_path, "command")
    assert said(*options, path, *arguments) == wanted.format(python=PYTHON, script=path)


def test_a_module_is_shown_as_it_was_started(tmp_path: Path) -> None:
    """By its name."""
    script(tmp_path, "command", "pkg/train.py")
    assert said("-u", "-m", "pkg.train", "--lr", "1", cwd=tmp_path) == f"{PYTHON} -u -m pkg.train --lr 1"


def test_short_code_is_shown() -> None:
    """As it was written."""
    code = "from twinkle_notifier.surroundings.program import *; print(command())"
    done = subprocess.run([sys.executable, "-c", code, "a"], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{PYTHON} -c '{code}' a\n"


@pytest.mark.parametrize("options", [("-c",), ("-u", "-c"), ("-W", "ignore", "-c")])
def test_long_code_is_left_out(options: tuple[str, ...]) -> None:
    """Its arguments stay."""
    code = ASK.format(what="command")
    shown = " ".join((PYTHON, *options))
    assert said(*options, f"{code}\n", "--lr", "1") == f"{shown} '…' --lr 1"


def test_code_in_one_word_with_its_option_is_left_out() -> None:
    """As any other."""
    assert said(f"-Ic{ASK.format(what='command')}\n#", "--lr", "1") == f"{PYTHON} -c '…' --lr 1"


def test_a_spawned_process_shows_what_its_first_process_runs(tmp_path: Path) -> None:
    """Not what multiprocessing starts it with."""
    path = tmp_path / "train.py"
    path.write_text(
        "import multiprocessing, sys\n"
        "from twinkle_notifier.surroundings import program\n"
        "def ask(): sys.stderr.write(program.command())\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('spawn').Process(target=ask)\n"
        "    process.start(); process.join()\n"
    )
    assert said("-u", str(path), "--token", "K") == f"{PYTHON} {path} --token ***"


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "ipykernel_launcher", "-f", "/tmp/kernel-1.json"],
        ["-m", "colab_kernel_launcher", "-f", "k.json"],
        ["/x/site-packages/ipykernel_launcher.py", "-f", "k.json"],
        ["-u", "/x/ray/_private/workers/default_worker.py", "--redis-password=p"],
        [],
    ],
)
def test_nobody_typed_the_command_of_a_notebook(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor that of a worker of Ray, nor has a prompt any."""
    from twinkle_notifier.surroundings import program

    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", *arguments])
    assert program.command() == ""


def test_a_long_command_takes_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a secret within it stays hidden, wherever it is."""
    from twinkle_notifier.surroundings import program

    words = ["python", "train.py", *(["x" * 50_000, "--password", "hunter2" * 500] * 200)]
    monkeypatch.setattr(sys, "orig_argv", words)
    assert "hunter2" not in program.command()


@pytest.mark.parametrize("word", ["'a ", '{"key": "a1", ', "a b ", "a=b,", "mysql "])
def test_no_more_of_a_command_is_looked_at_than_may_be_shown(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in calls of functions: two megabytes cost no more than some thousand characters."""
    from twinkle_notifier.surroundings import program

    def work(words: int) -> int:
        calls = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        monkeypatch.setattr(sys, "orig_argv", ["python", "x", *([word * (1 + 7_000 // len(word))] * words)])
        program.command()
        sys.setprofile(count)
        try:
            program.command()
        finally:
            sys.setprofile(None)
        return calls

    assert work(300) < work(4) + 5_000


# Folders


def test_the_script_s_folder_is_that_of_the_file(tmp_path: Path) -> None:
    """Which a link may lead to."""
    path = script(tmp_path / "real", "script_folder")
    (tmp_path / "link.py").symlink_to(path)
    assert said(str(tmp_path / "link.py"), cwd=Path("/")) == str(tmp_path / "real")


@pytest.mark.parametrize("arguments", [["-c", ASK.format(what="script_folder")], ["-m", "timeit", "-n1", "-r1"]])
def test_what_came_with_python_has_no_folder(arguments: list[str]) -> None:
    """Nor has code that is in no file."""
    asked = [ASK.format(what="script_folder")] if "timeit" in arguments else []
    assert said(*arguments, *asked) == ""


def test_a_script_of_a_package_has_no_folder(tmp_path: Path) -> None:
    """As one beside the interpreter, which may itself be in somebody's repository."""
    path = script(tmp_path, "script_folder", "site-packages/torch/run.py")
    assert said(path) == ""


# Output


@pytest.mark.linux
def test_the_file_that_has_the_output_is_named(tmp_path: Path) -> None:
    """Whatever its name."""
    path = tmp_path / "a b (deleted)"
    with path.open("w") as file:
        assert said("-c", ASK.format(what="log"), stdout=file.fileno()) == str(path)


@pytest.mark.parametrize("kind", ["pipe", "null", "terminal", "deleted", "replaced", "closed"])
def test_other_places_have_no_name(kind: str, tmp_path: Path) -> None:
    """A reader could not find the output there."""
    path = tmp_path / "out"
    with path.open("w") as file:
        if kind in ("deleted", "replaced"):
            path.unlink()
        if kind == "replaced":
            path.touch()
        stdout = {"pipe": subprocess.PIPE, "null": subprocess.DEVNULL}.get(kind, file.fileno())
        if kind == "terminal":
            _, stdout = os.openpty()
        code = ASK.format(what="log")
        if kind == "closed":
            code = f"import os; os.close(1)\ntry:\n    {code}\nexcept OSError:\n    pass"
        assert said("-c", code, stdout=stdout, cwd=tmp_path, SLURM_JOB_ID="") == ""


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SLURM_JOB_ID": "7"}, "slurm-7.out"),
        ({"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}, "slurm-7_2.out"),
        ({"LSB_OUTPUTFILE": "{folder}/lsf.txt", "LSB_JOBID": "7"}, "lsf.txt"),
    ],
)
def test_a_step_s_output_is_in_the_file_of_its_job(variables: dict[str, str], name: str, tmp_path: Path) -> None:
    """To which its scheduler takes it through a pipe; not if somebody chose another file."""
    variables = {key: value.format(folder=tmp_path) for key, value in variables.items()}
    variables["SLURM_SUBMIT_DIR"] = str(tmp_path)
    before = said("-c", ASK.format(what="log"), **variables)
    (tmp_path / name).touch()
    assert (before, said("-c", ASK.format(what="log"), **variables)) == ("", str(tmp_path / name))


def test_a_terminal_in_a_job_is_not_its_file(tmp_path: Path) -> None:
    """As that of `srun --pty` in the allocation of another job."""
    (tmp_path / "slurm-7.out").touch()
    _, terminal = os.openpty()
    variables = {"SLURM_JOB_ID": "7", "SLURM_SUBMIT_DIR": str(tmp_path)}
    assert said("-c", ASK.format(what="log"), stdout=terminal, **variables) == ""


@pytest.mark.parametrize(
    ("path", "variables"),
    [("spool/12.server.OU", {"PBS_JOBID": "12.server"}), (".lsbatch/1700000000.7.out", {"LSB_JOBID": "7"})],
)
def test_a_file_that_the_scheduler_will_move_is_not_named(path: str, variables: dict[str, str], tmp_path: Path) -> None:
    """It is gone when somebody looks."""
    (tmp_path / path).parent.mkdir()
    with (tmp_path / path).open("w") as file:
        assert said("-c", ASK.format(what="log"), stdout=file.fileno(), **variables) == ""
