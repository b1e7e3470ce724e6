"""IPython and Jupyter: `%%notify` sends an alert when a cell that took long ends or fails.

The cell runs as it does without: only its first line is taken away, and IPython's events say when it begins and ends.
So `await`, other magics, its output and its error are as ever.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
from time import monotonic
from typing import Any, NamedTuple, NoReturn, cast

from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

from twinkle_notifier import Progress, TrainingRun

_MAGIC = "%%notify"
_NOT_TOLD = (KeyboardInterrupt, asyncio.CancelledError)  # who stopped the cell knows that


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; write: {' '.join(self.format_usage().split()[1:])}")


class _Cell(NamedTuple):
    run: TrainingRun | None  # None: nobody wants to know of it
    after: float
    began: float


class Notify:
    """The magics of one shell: `%%notify` for a cell, `%notify` for all that follow, `%notify off` for none."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._always: argparse.Namespace | None = None  # what `%notify` has said
        self._cells: list[_Cell] = []  # those that run, the outermost first: a cell may run others

    def uncover(self, lines: list[str]) -> list[str]:
        """The lines of a cell without the magic. An empty line in its place keeps the numbers of the others."""
        if not lines or not _is_magic(lines[0]):
            return lines
        _parsed(lines[0])  # or the user learns now what is wrong in it
        return lines[1:] if lines[1:] and lines[1].startswith("%%") else ["\n", *lines[1:]]

    # So a terminal does not call it to find out whether a cell is complete: one with a magic ends with an empty line.
    uncover.has_side_effects = True  # type: ignore[attr-defined]

    def begin(self, info: ExecutionInfo) -> None:
        """A cell begins."""
        lines = str(getattr(info, "raw_cell", None) or "").lstrip().splitlines()
        own = self._own(lines)
        options = own or self._always
        run = TrainingRun(name=options.name) if options is not None else None
        if run is not None and own is not None:
            run.started()  # says in the log if there is no notifier
            run.pause()
        self._cells.append(_Cell(run, options.after if options is not None else 0.0, monotonic()))

    @staticmethod
    def _own(lines: list[str]) -> argparse.Namespace | None:
        try:
            return _parsed(lines[0]) if lines and _is_magic(lines[0]) else None
        except UsageError:  # IPython shows it, and runs nothing
            return None

    def end(self, result: ExecutionResult) -> None:
        """It has ended, well or not."""
        if not self._cells:  # the one that has loaded this
            return
        cell, error = self._cells.pop(), result.error_in_exec
        if cell.run is None or self._cells or monotonic() - cell.began < cell.after:
            return
        facts = [("Cell", _shown(result))]
        if isinstance(error, BaseException) and not isinstance(error, _NOT_TOLD):
            cell.run.failed(error, progress=lambda: Progress(facts=facts))
        elif error is None and result.error_before_exec is None:
            cell.run.ended(lambda: Progress(facts=facts))

    def notify(self, line: str, cell: str | None = None) -> None:
        """`%notify [NAME] [--after SECONDS] [--always]`: tell of each later cell that takes over a minute, or `off`."""
        options = _parsed(f"{_MAGIC} {line}")
        self._always = None if options.name == "off" else options


def _is_magic(line: str) -> bool:
    return line.split()[:1] == [_MAGIC]


def _parsed(line: str) -> argparse.Namespace:
    parser = _Options(prog=_MAGIC, add_help=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--after", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--always", dest="after", action="store_const", const=0.0)
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{_MAGIC}: {error}") from None
    return parser.parse_args(words[1:])


def _shown(result: ExecutionResult) -> str:
    """Which cell it was: its number and its first line."""
    source = str(getattr(cast(object, result.info), "raw_cell", ""))
    lines = [line for line in source.splitlines() if line.strip() and not _is_magic(line)]
    return f"In [{result.execution_count or ''}]: {lines[0].strip() if lines else ''}"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext twinkle_notifier.integrations.notebook``."""
    magics: Any = Notify(shell)
    shell.input_transformers_cleanup.append(magics.uncover)
    shell.events.register("pre_run_cell", magics.begin)
    shell.events.register("post_run_cell", magics.end)
    cast(Any, shell).register_magic_function(magics.notify, "line_cell", "notify")
    _loaded[id(shell)] = magics


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext`` and ``%reload_ext``."""
    magics = _loaded.pop(id(shell), None)
    if magics is not None:
        shell.input_transformers_cleanup.remove(magics.uncover)
        shell.events.unregister("pre_run_cell", magics.begin)
        shell.events.unregister("post_run_cell", magics.end)


_loaded: dict[int, Notify] = {}
