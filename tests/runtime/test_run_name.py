"""What a run is called that was given no name, in real processes started as notebooks, launchers and schedulers do."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from twinkle_notifier.runtime.run_name import of_command

TELL = """
    import {first} twinkle_notifier as t
    from twinkle_notifier.testing import RecordingNotifier

    def tell():
        recorded = RecordingNotifier()
        try:
            raise ValueError("x")
        except ValueError as error:
            t.notify_exception(recorded, exc=error)
        print(recorded.messages[0].splitlines()[0][4:].partition(" failed")[0], flush=True)
"""
CALL = TELL + "\n    if __name__ == '__main__':\n        tell()\n"


def written(path: Path, source: str, first: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source.replace("{first}", first)))
    return path


def names(*command: str, cwd: Path, **env: str) -> list[str]:
    """By what names a command's processes report an error."""
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("script", "env", "name"),
    [
        ("train.py", {}, "train.py"),
        ("sft.py", {"TWINKLE_NOTIFIER_NAME": "  "}, "sft.py"),
        ("sft.py", {"TWINKLE_NOTIFIER_NAME": "nightly"}, "nightly"),
        ("ipykernel_launcher.py", {"JPY_SESSION_NAME": "/home/me/lab/finetune.ipynb"}, "finetune.ipynb"),
        ("colab_kernel_launcher.py", {}, "notebook"),
        ("ipykernel_launcher.py", {"JPY_SESSION_NAME": "console-1-5d3a"}, "notebook"),
        ("submit.py", {"JPY_SESSION_NAME": "/home/me/lab/finetune.ipynb"}, "submit.py"),  # from a notebook's terminal
        ("workers/default_worker.py", {}, "ray"),
        ("my_submit.py", {"SLURM_JOB_NAME": "job"}, "my_submit.py"),
        ("tool/__main__.py", {}, "tool"),
    ],
)
def test_a_script_is_called_by_its_own_name(script: str, env: dict[str, str], name: str, tmp_path: Path) -> None:
    """And a notebook's kernel by the notebook's, in which the user works."""
    path = written(tmp_path / script, CALL)
    assert names(str(path), cwd=tmp_path, **env) == [name]


def test_a_notebook_of_vs_code_is_called_by_its_file(tmp_path: Path) -> None:
    """Which it leaves among the notebook's own variables."""
    source = CALL.replace("tell()\n", "__vsc_ipynb_file__ = '/w/lora.ipynb'; tell()\n")
    path = written(tmp_path / "ipykernel_launcher.py", source)
    assert names(str(path), cwd=tmp_path)[-1:] == ["lora.ipynb"]


@pytest.mark.parametrize(
    ("module", "name"), [("lab.fit", "lab.fit"), ("lab", "lab"), ("lab.deep", "lab.deep"), ("lone", "lone")]
)
def test_a_module_is_called_by_its_name(module: str, name: str, tmp_path: Path) -> None:
    """A package by its own, not by the file that python runs; and a child that it spawns is called alike."""
    spawning = CALL.replace(
        "        tell()\n",
        "        tell()\n        child = mp.get_context('spawn').Process(target=tell)\n        child.start()\n"
        "        child.join()\n",
    )
    for path in ("lab/fit.py", "lab/__main__.py", "lab/deep/__main__.py", "lone.py"):
        written(tmp_path / path, spawning, "multiprocessing as mp,")
    assert set(names("-m", module, cwd=tmp_path)) == {name}


def test_what_runs_another_script_lends_no_name(tmp_path: Path) -> None:
    """A profiler is a module, too."""
    written(tmp_path / "train.py", CALL)
    assert names("-m", "cProfile", "-o", "profile", "train.py", cwd=tmp_path) == ["train.py"]


@pytest.mark.parametrize(
    ("env", "name"),
    [({}, "jobs.pretrain"), ({"SLURM_JOB_NAME": "submitit"}, "jobs.pretrain"), ({"SLURM_JOB_NAME": "llm7b"}, "llm7b")],
)
def test_a_job_of_submitit_is_called_by_its_own(env: dict[str, str], name: str, tmp_path: Path) -> None:
    """By the name that it was given, else by its function's. Laid out as submitit 1.5 is."""
    written(tmp_path / "jobs.py", TELL + "\n    def pretrain():\n        tell()\n")
    source = """
        import functools, types, sys
        sys.path.insert(0, ".")
        import jobs
        def process_job(folder):
            delayed = types.SimpleNamespace(function=functools.partial(jobs.pretrain))
            delayed.function()
        process_job(sys.argv[1])
    """
    script = written(tmp_path / "submitit" / "core" / "_submit.py", source)
    assert names(str(script), "logs", cwd=tmp_path, **env) == [name]


def test_a_folder_that_is_gone_costs_no_name(tmp_path: Path) -> None:
    """Of a process that has removed where it stands."""
    gone = tmp_path / "gone"
    gone.mkdir()
    source = CALL.replace("        tell()\n", "        os.rmdir(os.getcwd()); tell()\n")
    path = written(tmp_path / "train.py", source, "os,")
    assert names(str(path), cwd=gone) == ["train.py"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "-m", "{module}"], "lab.fit"),
        (["bash", "-c", "cd . && exec python -u lab/fit.py --lr 3; exit 3"], "fit.py"),
        (["sh", "-c", "export A=1; B=2 python -m {module}; exit $?"], "lab.fit"),
        (["sh", "-c", '"$@"', "-", "true"], "sh"),
        (["python", "-c", "raise SystemExit(3)"], "python"),
        (["bash", "./job"], "job"),
        (["env", "A=1", "python", "-m", "torch.distributed.run", "-m", "{module}"], "lab.fit"),
    ],
)
def test_a_command_is_called_by_what_it_runs(command: list[str], name: str, tmp_path: Path) -> None:
    """Not by the shell or the interpreter that runs it; the supervisor reports, as it has failed."""
    (tmp_path / "bin").mkdir()
    for tool in ("python", "bash", "sh", "env"):
        shim = tmp_path / "bin" / tool
        shim.write_text("#!/bin/sh\nexit 3\n")
        shim.chmod(0o755)
    log = tmp_path / "log"
    recorder = f"""
        from twinkle_notifier import Notifier
        class LogNotifier(Notifier):
            def __call__(self, message): open({str(log)!r}, "a").write(message)
        from twinkle_notifier.cli.main import main
        raise SystemExit(main())
    """
    script = written(tmp_path / "cli.py", recorder)
    words = [word.replace("{module}", "lab.fit") for word in command]
    env = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "TWINKLE_NOTIFIER": json.dumps({"class": "LogNotifier"}),
    }
    run = [sys.executable, str(script), "run", "--", *words]
    subprocess.run(run, env=env, cwd=tmp_path, capture_output=True, timeout=180)
    assert log.read_text().splitlines()[0].startswith(f"### {name} failed")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python -m pkg.train --config configs/x.py", "pkg.train"),
        ("python3.11 -u -X dev -W error -m pkg.train", "pkg.train"),
        ("python -mpkg.train", "pkg.train"),
        ("python -m pkg", "pkg"),
        ("python -m pkg.__main__", "pkg"),
        ("bash -c 'python -m pkg.train'", "pkg.train"),
        (
            "bash -lc 'source venv/bin/activate && CUDA_VISIBLE_DEVICES=0 python train.py --lr 1 2>&1 | tee log.txt'",
            "train.py",
        ),
        ("env A=1 B=2 python -m x", "x"),
        ("env A=1 bash -c 'cd /w; exec python -m lab.fit'", "lab.fit"),
        ("uv run train.py", "train.py"),
        ("uv run python -m lab.fit", "lab.fit"),
        ("uv run --with rich -m lab.fit", "lab.fit"),
        ("uv run --extra gpu train-sft --lr 1", "train-sft"),
        ("conda run -n env python train.py", "train.py"),
        ("conda run --no-capture-output -n env ./train", "train"),
        ("conda run -n env train-sft --lr 1", "train-sft"),
        ("poetry run python train.py", "train.py"),
        ("poetry run train-sft", "train-sft"),
        ("pixi run -e gpu train", "train"),
        ("nice -n 5 python train.py", "train.py"),
        ("nice -n 5 ./train", "train"),
        ("nohup ./train", "train"),
        ("nohup python train.py", "train.py"),
        ("timeout 3h python train.py", "train.py"),
        ("timeout -k 30 3h ./train --lr 1", "train"),
        ("taskset -c 0 ./train", "train"),
        ("taskset -c 0-3,7 python -m x", "x"),
        ("numactl --cpunodebind=0 --membind=0 ./train", "train"),
        ("numactl -m 0 python train.py", "train.py"),
        ("srun -p gpu --gres gpu:1 -l ./train", "train"),
        ("srun --ntasks 8 python -u train.py", "train.py"),
        ("srun bash -c 'python train.py'", "train.py"),
        ('srun --container-image=x bash -c "cd /w && torchrun --nproc-per-node 8 train.py"', "train.py"),
        ("mpirun -np 2 python train.py", "train.py"),
        ("mpirun -np 2 --hostfile hosts ./train", "train"),
        ("accelerate launch train.py", "train.py"),
        ("accelerate launch --config_file c.yaml -m pkg.train", "pkg.train"),
        ("accelerate launch --num_processes 2 train.py --model x", "train.py"),
        ("deepspeed --num_gpus 2 train.py --deepspeed ds.json", "train.py"),
        ("torchrun --nproc-per-node 8 -m pkg.train", "pkg.train"),
        ("python -m torch.distributed.run --nproc-per-node 8 train.py", "train.py"),
        ("python -m torch.distributed.run -m pkg.train", "pkg.train"),
        ("python -m accelerate.commands.launch train.py", "train.py"),
        ("python -m cProfile -o profile train.py", "train.py"),
        ("stdbuf -oL ./train", "train"),
        ("stdbuf -oL python train.py", "train.py"),
        ("xvfb-run -a python train.py", "train.py"),
        ("xvfb-run -s '-screen 0 640x480x24' python -m play", "play"),
        ("sudo -u me ./train", "train"),
        ("sudo -E ./train data", "train"),
        ("sudo -u me python train.py", "train.py"),
        ("sudo -u me env A=1 nice -n 5 timeout 3h ./train", "train"),
        ("env -u X A=1 ./train", "train"),
        ("time python train.py", "train.py"),
        ("ssh host 'cd /w && python train.py --x'", "train.py"),
        ("tmux new -d 'python -m lab.fit'", "lab.fit"),
        ("docker run --rm -m 4g img python train.py", "train.py"),
        ("llamafactory-cli train x.yaml", "llamafactory-cli"),
        ("papermill in.ipynb out.ipynb", "in.ipynb"),
        ("python -c 'print(1)'", "python"),
        ("python -", "python"),
        ("python", "python"),
        ("bash ./job", "job"),
        ("bash -euxo pipefail run.sh", "run.sh"),
        ("bash", "bash"),
        ("./train.sh", "train.sh"),
        ("/opt/bin/train", "train"),
        ("echo 'a b'", "echo"),
        ("env", "env"),
        ("uv", "uv"),
        ("nohup", "nohup"),
        ("bash -c '\"$@\"' - true", "bash"),
        ("bash -c 'python'", "python"),
        ("bash -c 'make train'", "make"),
        ("A=1 ./train", "train"),
        ("swift sft --model Qwen/Qwen2.5-7B", "swift"),
        ("ipython train.py", "train.py"),
        ("hatch run train", "train"),
        ("uv run -- python train.py", "train.py"),
        ("env -i -- ./train", "train"),
        ("time ./train", "train"),
    ],
)
def test_a_command_is_called_by_what_stands_behind_its_wrappers(command: str, name: str) -> None:
    """The script, the module or the program that they start."""
    assert of_command(shlex.split(command)) == name


def test_a_line_for_a_shell_that_cannot_be_read_lends_no_name() -> None:
    """Its quotes are not closed."""
    assert of_command(["bash", "-c", 'python "train.py']) == "bash"


@pytest.mark.parametrize(
    ("options", "given", "name"),
    [
        (["--name", "nightly"], "", "nightly"),
        (["--name", "nightly"], "'own'", "own"),
        ([], "", "train.py"),
    ],
)
def test_a_run_bears_its_name_inside(options: list[str], given: str, name: str, tmp_path: Path) -> None:
    """`run --name` is the default in its command's processes; a name that is given there wins."""
    source = CALL.replace("exc=error", f"exc=error, name={given}" if given else "exc=error")
    written(tmp_path / "train.py", source)
    above = ["-m", "twinkle_notifier", "run", *options, "--", sys.executable, "train.py"]
    assert names(*above, cwd=tmp_path) == [name]


def test_a_command_is_told_by_the_name_in_the_environment(tmp_path: Path) -> None:
    """Which the processes take, too; the option wins."""
    written(tmp_path / "train.py", CALL)
    above = ["-m", "twinkle_notifier", "run"]
    below = ["--", sys.executable, "train.py"]
    assert names(*above, *below, cwd=tmp_path, TWINKLE_NOTIFIER_NAME="set") == ["set"]
    assert names(*above, "--name", "said", *below, cwd=tmp_path, TWINKLE_NOTIFIER_NAME="set") == ["said"]
