"""Where the experiment is tracked, as far as a tracker that is loaded knows it.

Only what the libraries hold in memory is read: nothing is imported, no server is asked. Some keep a run for each thread
or context, and this is called in a thread of its own, so their public functions would find none. Verified against
wandb 0.16.6 and 0.31.0, swanlab 0.6.12 and 0.10.3, trackio 0.2.8 and 0.43.0, mlflow-skinny 2.9.2 and 3.17.2,
tensorboard 2.21.0 and tensorboardX 2.6.5.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from twinkle_notifier import isolation

_ASK = 0.2  # seconds for one library
_MOST = 5  # links in all
_TENSORBOARD = ("tensorboard.summary.writer.event_file_writer", "tensorboardX.event_file_writer")
_SPACES = "https://huggingface.co/spaces/"
_OF_THIS_PROCESS = re.compile(r"https?://(?:127\.|localhost)")  # a server that ends with it


def is_tracked() -> bool:
    """Whether a tracker is loaded."""
    return not sys.modules.keys().isdisjoint(_LOOKS)


def links() -> tuple[str, ...]:
    """For each run that is tracked now the tracker's name and a URL, a folder, or the run's id. Never raises."""
    found: list[str] = []
    for name, look in _LOOKS.items():
        module = sys.modules.get(name)
        if module is not None:
            found += isolation.call(partial(_found, look, module), _ASK).value or ()
    return tuple(dict.fromkeys(found))[:_MOST]


def _found(look: Callable[[Any], Iterator[str]], module: Any) -> list[str]:
    return list(islice(look(module), _MOST))


def without_access(url: str) -> str:
    """`url` without what may grant access: user, password, query and fragment; empty if it is none of the web."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _wandb(module: Any) -> Iterator[str]:
    # Not `run.url`: it prints a warning when offline, and in a fork it starts a service.
    settings = module.run._settings
    if settings.mode == "disabled":
        return
    link, run = _link(settings.run_url), _word(settings.run_id)
    if settings._offline is True:
        yield from _of_folder("W&B", settings.sync_dir)
    elif link or run:
        yield f"W&B: {link or f'run {run}'}"


def _swanlab(module: Any) -> Iterator[str]:
    run = module.get_run()  # older ones return None, newer ones raise
    public = _attribute(run, "public")  # of older ones
    link = _link(_attribute(run, "url")) or _link(_attribute(_attribute(public, "cloud"), "experiment_url"))
    if link:
        yield f"SwanLab: {link}"
    elif _attribute(run, "mode") != "disabled":
        yield from _of_folder("SwanLab", _attribute(run, "dir") or _attribute(public, "run_dir"))


def _trackio(module: Any) -> Iterator[str]:
    current = isolation.tried(lambda: module.context_vars.current_run.get()).value
    runs: list[Any] = [current, *map(_owner, threading.enumerate())]
    for run in {id(run): run for run in runs if type(run).__module__ == "trackio.run"}.values():
        project, name, space = map(_word, (run.project, run.name, _attribute(run, "_space_id")))
        place = f"{_SPACES}{space}" if space else _link(_attribute(run, "url"))
        named = f"project {project}, run {name}"
        yield f"trackio: {place} ({named})" if place and not _OF_THIS_PROCESS.match(place) else f"trackio: {named}"


def _owner(thread: threading.Thread) -> object:
    """The object whose method runs in `thread`."""
    owner = _attribute(_attribute(thread, "_target"), "__self__")
    return owner if type(owner).__name__ == "Run" else None


def _mlflow(module: Any) -> Iterator[str]:
    stacks = module._active_run_stack
    by_thread = stacks.get_all_thread_values() if hasattr(stacks, "get_all_thread_values") else {0: stacks}
    for run in [stack[-1] for stack in by_thread.values() if stack]:
        yield f"MLflow: {_of_mlflow(_word(run.info.run_id), _word(run.info.experiment_id), _tracking_uri())}"


def _tracking_uri() -> str:
    module = sys.modules.get("mlflow.tracking._tracking_service.utils")
    return _word(_attribute(module, "_tracking_uri")) or os.environ.get("MLFLOW_TRACKING_URI", "")


def _of_mlflow(run: str, experiment: str, uri: str) -> str:
    if link := without_access(uri):
        return f"{link}/#/experiments/{experiment}/runs/{run}"  # as MLflow prints it
    parts = urlsplit(uri)
    if parts.scheme in ("", "file", "sqlite") and parts.path not in ("", "databricks"):
        path = unquote(parts.path)
        return f"run {run}, {path.removeprefix('/') if parts.scheme == 'sqlite' else path}"
    place = "Databricks" if uri.startswith("databricks") else parts.hostname or parts.scheme
    return f"run {run}, {place}" if place else f"run {run}"


def _tensorboard(_module: Any) -> Iterator[str]:
    """By the threads that write the files of events: nothing else lists the writers."""
    for thread in threading.enumerate():
        if type(thread).__module__ in _TENSORBOARD:
            writer = _attribute(thread, "_record_writer")
            file = _attribute(writer, "_writer")
            path = _attribute(file, "filename") or _attribute(file, "name") or _attribute(writer, "_file_name")
            folder = os.path.dirname(os.fsdecode(path)) if isinstance(path, str | bytes) else ""
            if folder:
                yield f"TensorBoard: {folder if '://' in folder else os.path.abspath(folder)}"


_LOOKS: dict[str, Callable[[Any], Iterator[str]]] = {
    "wandb": _wandb,
    "swanlab": _swanlab,
    "trackio": _trackio,
    "mlflow.tracking.fluent": _mlflow,
    **dict.fromkeys(_TENSORBOARD, _tensorboard),
}


def _attribute(thing: object, name: str) -> Any:
    """The attribute `name` of `thing`; None if it has none, or if reading it raises."""
    return isolation.tried(lambda: getattr(thing, name, None)).value


def _word(value: object) -> str:
    return value if type(value) is str else ""


def _link(value: object) -> str:
    return without_access(_word(value))


def _of_folder(tracker: str, path: object) -> Iterator[str]:
    """A run that is kept in a folder, to be sent later."""
    folder = str(path) if isinstance(path, str | PurePath) else ""
    if folder and os.path.isdir(folder):
        yield f"{tracker}, offline: {os.path.abspath(folder)}"
