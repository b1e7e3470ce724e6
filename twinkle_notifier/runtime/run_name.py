"""The name of a run that was given none. It is the same in all processes of the run, as the ranks agree by it."""

from __future__ import annotations

import functools
import itertools
import os
import re
import shlex
import sys
import threading
from collections.abc import Sequence
from traceback import walk_stack
from typing import Any

from twinkle_notifier import isolation

VARIABLE: str = "TWINKLE_NOTIFIER_NAME"  # `twinkle-notifier run --name` sets it for its command

_NOTHING = "training"
_RAY = 1.0  # seconds for Ray to say which command started a job
_KERNEL = "kernel_launcher.py"  # the end of ipykernel's script, and of Colab's and Databricks'
_RAY_WORKER = "default_worker.py"
_SCRIPTS = (".py", ".sh", ".ipynb")
_SHELLS = re.compile(r"(ba|da|z|k|)sh")
_BUILTINS = (".", ":", "cd", "echo", "exit", "export", "module", "set", "source", "true", "ulimit", "wait")
_PYTHON = re.compile(r"i?python[0-9.]*t?|pypy[0-9.]*")
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_NUMBER = re.compile(r"[\d.,:x-]+[a-zA-Z%]?")  # a limit, or processors: 3h, 0-3
# Programs that run the command which follows their options.
_WRAPPERS = (
    "env nohup nice ionice chrt timeout time taskset numactl setsid stdbuf unbuffer sudo doas exec command xvfb-run"
    " srun mpirun mpiexec horovodrun torchrun accelerate deepspeed"
    " conda mamba micromamba uv poetry pipenv pixi pdm rye hatch"
)
# Modules that run a script or another module, after which the run is named.
_LAUNCHERS = ("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch", "deepspeed", "ray")
_RUNNERS = ("cProfile", "profile", "pdb", "trace", "coverage", "scalene", "viztracer", "memory_profiler", "debugpy")


def default_name() -> str:
    """The name in the variable, else of the notebook, module or script, else ``training``. Never raises."""
    script = sys.argv[0] if sys.argv else ""
    given = os.environ.get(VARIABLE, "").strip()
    found = given or isolation.tried(lambda: _of_host(script) or _of_module(script)).value
    return found or isolation.tried(lambda: _of_script(script)).value or _NOTHING


def of_command(command: Sequence[str]) -> str:
    """The same for a command that is about to run, as far as its arguments show it."""
    return _started(command) or _program(list(command))


def _started(words: Sequence[str]) -> str | None:
    """The name of the first script, module, interpreter or shell command among `words`, whatever wraps it."""
    for at, word in enumerate(words):
        name, rest = _last(word), words[at + 1 :]
        if " " in word.strip():
            if at and any(script in word for script in (*_SCRIPTS, " -m ")) and (found := _started(_command_of(word))):
                return found
        elif _SHELLS.fullmatch(name):
            return _of_shell(name, rest)
        elif _PYTHON.fullmatch(name):
            return _of_python(name, rest)
        elif word.endswith(_SCRIPTS):
            return name
        elif word in ("-m", "--module") and rest and _MODULE.fullmatch(rest[0]):
            return _of_python(name, words[at:])
    return None


def _of_shell(shell: str, rest: Sequence[str]) -> str:
    for option, text in itertools.pairwise(rest):
        if re.fullmatch(r"-[a-z]*c", option):
            return of_command(_command_of(text)) or shell
    free = [word for word in rest if not word.startswith("-")]
    return _last(next((word for word in free if word.endswith(_SCRIPTS)), free[0] if free else shell))


def _of_python(python: str, rest: Sequence[str]) -> str:
    """The name of the script that an interpreter runs, or of the module; of what that runs, if it is a runner."""
    before = ""
    for at, word in enumerate(rest):
        module = rest[at + 1] if word in ("-m", "--module") and at + 1 < len(rest) else word[2:]
        if word.startswith(("-m", "--module")) and module:
            runs_another = module.partition(".")[0] in _RUNNERS or module.startswith(_LAUNCHERS)
            return (runs_another and _started(rest[at + 2 :])) or module.removesuffix(".__main__")
        if word.startswith("-c"):
            return python
        if not word.startswith("-") and before not in ("-W", "-X"):
            return _last(word)
        before = word
    return python


def _program(words: Sequence[str]) -> str:
    """The program that `words` start, without wrappers such as ``nice -n 5``, ``timeout 3h`` and ``uv run``."""
    words = list(itertools.dropwhile(_ASSIGNED.match, words))
    name = _last(words[0]) if words else ""
    if name not in _WRAPPERS.split():
        return name
    rest = list(itertools.dropwhile(lambda word: word in ("run", "launch", "exec", "--"), words[1:]))
    free: list[int] = []
    values: list[int] = []
    for at, (before, word) in enumerate(itertools.pairwise(["", *rest])):
        if word == "--":
            return _program(rest[at + 1 :]) or name
        if not word.startswith("-") and not _ASSIGNED.match(word) and not _NUMBER.fullmatch(word):
            # A word that follows an option may be its value; options of one capital letter, as ``-E``, take none.
            is_value = before.startswith("-") and "=" not in before and not re.fullmatch(r"-[A-Z]", before)
            (values if is_value else free).append(at)
    found = (free or [at for at in values if "/" in rest[at]] or values)[:1]
    return _program(rest[found[0] :]) if found else name


def _command_of(text: str) -> list[str]:
    """Of the commands in a shell's line the last that runs a script, else a module, else any; empty if unreadable."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in isolation.tried(lambda: list(lexer)).value or ():
        if set(word) <= set("();|&\n"):
            commands.append([])
        elif "=" not in word.split("/")[0] or commands[-1]:
            commands[-1].append(word)
    known = [command for command in commands if command and command[0] not in _BUILTINS and "$" not in command[0]]

    def runs(words: list[str]) -> int:
        return 2 * any(word.endswith(_SCRIPTS) for word in words) or any(
            _PYTHON.fullmatch(_last(word)) for word in words
        )

    return max(reversed(known), key=runs, default=list[str]())


def _of_host(script: str) -> str | None:
    """The name of the run in a process that was started by a script of Jupyter's, Ray's or submitit's."""
    name = _last(script)
    if name.endswith(_KERNEL):
        return _notebook()
    if name == _RAY_WORKER:
        return _ray_job() or "ray"
    if name == "_submit.py" and "submitit" in script:
        return isolation.tried(_submitit_job).value or "submitit"
    return None


def _notebook() -> str:
    # VS Code sets a variable of the notebook, Jupyter's server one of the environment.
    path = getattr(sys.modules.get("__main__"), "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    name = _last(path) if type(path) is str else ""
    return name if name.endswith(".ipynb") else "notebook"


def _ray_job() -> str | None:
    """The name of the command that started the job's driver, as all its workers belong to one run."""
    return isolation.call(lambda: _entrypoint(sys.modules["ray"].get_runtime_context().get_job_id()), _RAY).value


@functools.cache
def _entrypoint(job: str) -> str:
    jobs: list[dict[str, Any]] = sys.modules["ray._private.state"].jobs()
    command = next(found["Entrypoint"] for found in jobs if found["JobID"] == job)
    name = of_command(shlex.split(command)) if command != "unknown" else "ray"
    return _notebook() if name.endswith(_KERNEL) else name


def _submitit_job() -> str:
    """The name that the job was given, else that of its function. Raises anything if submitit is another than 1.5."""
    name = os.environ.get("SLURM_JOB_NAME", "")
    if name and name != "submitit":  # the default
        return name
    main = vars(sys)["_current_frames"]()[threading.main_thread().ident]
    runs = (frame for frame, _ in walk_stack(main) if frame.f_code.co_name == "process_job")
    job: Any = next(runs).f_locals["delayed"].function
    function = getattr(job, "func", job)  # of a partial
    named = function if hasattr(function, "__qualname__") else function.__class__
    module = getattr(named, "__module__", "__main__")
    return f"{module}.{named.__qualname__}".removeprefix("__main__.")


def _of_module(script: str) -> str | None:
    """The module that ``python -m`` runs; ``sys.argv[0]`` is the path of its file."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.origin and _path(spec.origin) == _path(script):
        return str(spec.name).removesuffix(".__main__")
    if _last(script) != "__main__.py":
        return None
    # A package that was run by its path; or a child that multiprocessing spawned, which does not know the module.
    folder = _path(script).rpartition("/")[0]
    roots = sorted((root for root in map(_path, sys.path) if folder.startswith(f"{root}/")), key=len)
    return folder[len(roots[-1]) + 1 :].replace("/", ".") if roots else _last(folder)


def _of_script(script: str) -> str | None:
    name = _last(script)
    return name if name not in ("", "-c", "-m", "__main__.py") else None


def _path(path: str) -> str:
    return os.path.abspath(path).replace("\\", "/") if path else ""


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
