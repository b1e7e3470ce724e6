"""What a run is called that was given no name: the same in all its processes, for the ranks agree by it."""

from __future__ import annotations

import functools
import itertools
import os
import re
import shlex
import sys
import threading
from collections.abc import Sequence
from typing import Any

from twinkle_notifier import foreign

VARIABLE = "TWINKLE_NOTIFIER_NAME"  # `twinkle-notifier run --name` sets it for its command

_NOTHING = "training"
_RAY = 1.0  # seconds for Ray to say what a job was started by
_KERNEL = "kernel_launcher.py"  # ipykernel's; those of Colab and Databricks end so, too
_RAY_WORKER = "default_worker.py"
_SCRIPTS = (".py", ".sh", ".ipynb")
_SHELLS = re.compile(r"(ba|da|z|k|)sh")
_BUILTINS = (":", "cd", "echo", "exit", "export", "module", "set", "source", "true", "ulimit", "wait")
_PYTHON = re.compile(r"python[0-9.]*")
# They run another module, or a script, whose name it is.
_LAUNCHERS = ("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch", "deepspeed", "ray")


def default_name() -> str:
    """The variable's, else the notebook's, module's or script's own; a plain word where there is none. Never raises."""
    plain = functools.partial(_of_script, sys.argv[0] if sys.argv else "")
    return foreign.tried(_found).value or foreign.tried(plain).value or _NOTHING


def of_command(command: Sequence[str]) -> str:
    """The same for a command that is to be run, as far as its words tell."""
    words, first = list(command), _last(command[0]) if command else ""
    if _SHELLS.fullmatch(first) and (line := _line_for_shell(words)):
        return of_command(line)
    if script := next((word for word in words if word.endswith(_SCRIPTS)), ""):
        return _last(script)
    if (module := _module_of(words)) is not None:
        return _without_main(module)
    rest = [word for word in words[1:] if not word.startswith("-")]
    is_run_by_first = _SHELLS.fullmatch(first) or _PYTHON.fullmatch(first)
    return _last(rest[0]) if is_run_by_first and rest and "-c" not in words else first


def _line_for_shell(words: Sequence[str]) -> list[str]:
    """What a shell is given after ``-c``, in words."""
    for option, text in itertools.pairwise(words[1:]):
        if re.fullmatch(r"-[a-z]*c", option):
            return _command_of(text)
    return []


def _command_of(text: str) -> list[str]:
    """The command in a line for a shell that runs a script, else a module, else the last; nothing if unreadable."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return []
    commands: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("();|&\n"):
            commands.append([])
        elif "=" not in word.split("/")[0] or commands[-1]:
            commands[-1].append(word)
    told = [command for command in commands if command and command[0] not in _BUILTINS and "$" not in command[0]]
    with_script = [command for command in told if any(word.endswith(_SCRIPTS) for word in command)]
    with_module = [command for command in told if _module_of(command) is not None]
    return (with_script or with_module or told or [[]])[-1]


def _module_of(words: Sequence[str]) -> str | None:
    """What ``-m`` names, but no launcher."""
    named = [after for word, after in itertools.pairwise(words) if word in ("-m", "--module")]
    return next((module for module in named if not module.startswith(_LAUNCHERS)), None)


def _found() -> str | None:
    given = os.environ.get(VARIABLE, "").strip()
    script = sys.argv[0] if sys.argv else ""
    return given or _of_host(script) or _of_module(script) or _of_script(script)


def _of_host(script: str) -> str | None:
    """What runs in a process that a notebook, Ray or submitit has started by a script of its own."""
    name = _last(script)
    if name.endswith(_KERNEL):
        return _notebook()
    if name == _RAY_WORKER:
        return _ray_job() or "ray"
    if name == "_submit.py" and "submitit" in script:
        return _submitit_job() or "submitit"
    return None


def _notebook() -> str:
    # VS Code leaves the one in the notebook's own variables, Jupyter's server the other in the environment.
    path = getattr(sys.modules.get("__main__"), "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    name = _last(path) if type(path) is str else ""
    return name if name.endswith(".ipynb") else "notebook"


def _ray_job() -> str | None:
    """What the job's driver was started by: its workers may run other functions, and all belong to one run."""
    return foreign.call(lambda: _entrypoint(sys.modules["ray"].get_runtime_context().get_job_id()), _RAY).value


@functools.cache
def _entrypoint(job: str) -> str:
    jobs: list[dict[str, Any]] = sys.modules["ray._private.state"].jobs()
    command = next(found["Entrypoint"] for found in jobs if found["JobID"] == job)
    name = of_command(shlex.split(command)) if command != "unknown" else "ray"
    return _notebook() if name.endswith(_KERNEL) else name


def _submitit_job() -> str | None:
    """The name that the job was given, else its function's."""
    name = os.environ.get("SLURM_JOB_NAME", "")
    if name and name != "submitit":  # which it is called unless somebody says otherwise
        return name
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_code.co_name != "process_job":
        frame = frame.f_back
    job = getattr(frame.f_locals.get("delayed"), "function", None) if frame is not None else None
    return _function_name(getattr(job, "func", job)) if job is not None else None  # `func`: of a partial


def _function_name(function: Any) -> str:
    named = function if hasattr(function, "__qualname__") else type(function)
    module = str(getattr(named, "__module__", "__main__"))
    return ".".join([*([] if module == "__main__" else [module]), named.__qualname__])


def _of_module(script: str) -> str | None:
    """The module that ``python -m`` runs. Its file's path stands in ``sys.argv[0]``."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.origin and _path(spec.origin) == _path(script):
        return _without_main(spec.name)
    if _last(script) != "__main__.py":
        return None
    # A package's that was run by its path; or a child that multiprocessing has spawned, which is not told the module.
    folder = _path(script).rpartition("/")[0]
    roots = sorted((root for root in map(_path, sys.path) if folder.startswith(f"{root}/")), key=len)
    return folder[len(roots[-1]) + 1 :].replace("/", ".") if roots else _last(folder)


def _of_script(script: str) -> str | None:
    name = _last(script)
    return name if name not in ("", "-c", "-m", "__main__.py") else None


def _without_main(module: str) -> str:
    return module.removesuffix(".__main__")


def _path(path: str) -> str:
    return os.path.abspath(path).replace("\\", "/") if path else ""


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
