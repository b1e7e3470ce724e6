"""What this process runs, where, and where its output goes."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate

from twinkle_notifier import isolation
from twinkle_notifier.credentials.command_line import shown

_OUTPUT = "/proc/self/fd/1"
# Words of a command line, characters of a word, and of all of them, that are looked at: fewer are shown.
_WORDS, _WORD, _TEXT = 300, 1000, 4000
_CODE = 80  # characters of code after ``-c`` that are shown
_ASK = 0.2  # seconds for a disk
_SPAWNED = "--multiprocessing-fork"
_NO_COMMAND = re.compile(r"(?:.*[/\\])?(?:\w*kernel_launcher(?:\.py)?|default_worker\.py)")  # Jupyter's, Ray's
# Python's options without a value, then one that has a value or ends the options, then its value or nothing.
_OPTION = re.compile(r"-[bBdEhiIOPqRsSuvVx?]*([cmWX]?)(.*)", re.DOTALL)


def folder() -> str:
    """The working folder. Raises OSError if it was deleted."""
    return os.getcwd()


def script_folder() -> str:
    """The folder of the script that runs; empty if there is none, or if it came with Python or a package."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if type(path) is not str or not path:
        return ""
    found = os.path.dirname(os.path.realpath(path))
    return "" if _is_installed(found) else found


def _is_installed(folder: str) -> bool:
    roots = map(os.path.realpath, (sys.prefix, sys.base_prefix))
    if folder in [os.path.join(root, name) for root in roots for name in ("bin", "Scripts")]:
        return True
    return folder.startswith(os.path.dirname(os.path.realpath(os.__file__))) or any(
        part in ("site-packages", "dist-packages") for part in folder.replace("\\", "/").split("/")
    )


def command() -> str:
    """The command line of this process, without secrets; empty for a notebook, and where nobody typed one.

    In a process that multiprocessing spawned it is the first process's, without the options of the interpreter.
    """
    words = _words(sys.orig_argv)
    if _SPAWNED in words:
        words = [*words[:1], *_words(sys.argv)]
    if len(words) < 2 or any(map(_NO_COMMAND.fullmatch, words[1:3])):
        return ""
    program = words[0].replace("\\", "/").rpartition("/")[2]
    return shown([program, *_without_long_code(words[1:])])


def _words(given: Sequence[object]) -> list[str]:
    words = [word[:_WORD] for word in given[:_WORDS] if type(word) is str]
    lengths = accumulate(map(len, words), initial=0)
    return [word for word, before in zip(words, lengths, strict=False) if before < _TEXT]


def _without_long_code(words: list[str]) -> list[str]:
    at, attached = _code(words)
    if 0 <= at < len(words) and (len(words[at]) > _CODE or "\n" in words[at].strip()):
        return [*words[:at], *(["-c"] if attached else []), "…", *words[at + 1 :]]
    return words


def _code(words: Sequence[str]) -> tuple[int, bool]:
    """Which of the arguments is code, and whether it stands in one word with ``-c``; -1 if none is."""
    is_value = False
    for at, word in enumerate(words):
        if is_value:
            is_value = False
            continue
        option = _OPTION.fullmatch(word)
        if option is None or word == "-" or option[1] == "m":
            break
        if option[1] == "c":
            return (at, True) if option[2] else (at + 1, False)
        is_value = (bool(option[1]) and not option[2]) or word == "--check-hash-based-pycs"
    return -1, False


def log() -> str:
    """The path of the file that standard output goes to, as far as that is sure; else empty."""
    found = os.fstat(1)
    path = _path_of(found) if stat.S_ISREG(found.st_mode) else ""
    is_handed_on = stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode) or _is_spooled(path)
    return next(filter(_is_file, _of_scheduler()), "") if is_handed_on else path


def _path_of(output: os.stat_result) -> str:
    with suppress(OSError):
        path = os.readlink(_OUTPUT)
        found = _asked(path)
        if found is not None and os.path.samestat(output, found):  # else it was deleted or replaced
            return path
    return ""


def _is_spooled(path: str) -> bool:
    """Whether PBS or LSF will move what is there to another place when the job ends."""
    job, name = os.environ.get("PBS_JOBID", ""), path.rpartition("/")[2]
    return bool(job and name.startswith(job) and name.endswith(".OU")) or (
        "LSB_JOBID" in os.environ and "/.lsbatch/" in path
    )


def _of_scheduler() -> list[str]:
    """Where LSF puts the output; and SLURM, where nobody chose another file: a step's output is a pipe to it."""
    env = os.environ
    array, task = env.get("SLURM_ARRAY_JOB_ID"), env.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else env.get("SLURM_JOB_ID", "")
    slurms = os.path.join(env.get("SLURM_SUBMIT_DIR", ""), f"slurm-{job}.out") if job else ""
    return [path for path in (env.get("LSB_OUTPUTFILE", ""), slurms) if os.path.isabs(path)]


def _is_file(path: str) -> bool:
    found = _asked(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def _asked(path: str) -> os.stat_result | None:
    """None also if the disk does not answer: it may be a dead mount."""
    return isolation.call(lambda: os.stat(path), _ASK).value
