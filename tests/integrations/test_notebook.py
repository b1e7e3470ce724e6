"""The magics in a real IPython terminal and in a real Jupyter kernel, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox

pytest.importorskip("IPython")

LIMIT = 120  # seconds
LOAD = "%load_ext twinkle_notifier.integrations.notebook"
# The cells of sys.argv[1] in a kernel; prints what each showed. One that prints "it waits" is interrupted.
KERNEL = """
import json, sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
shown = []


def show(message):
    kind, content = message["msg_type"], message["content"]
    if kind == "stream":
        shown[-1].append(content["text"].strip())
        if content["text"].startswith("it waits"):
            manager.interrupt_kernel()
    elif kind == "execute_result":
        shown[-1].append(content["data"]["text/plain"])
    elif kind == "error":
        shown[-1].append(content["ename"])


try:
    for cell in json.loads(sys.argv[1]):
        shown.append([])
        client.execute_interactive(cell, output_hook=show, timeout=100)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps(shown))
"""


@pytest.fixture
def python(inbox: Inbox, tmp_path: Path) -> Callable[..., str]:
    """Run Python with these arguments and this input; gives what it printed."""

    def run(*arguments: str, given: str = "") -> str:
        folders = dict.fromkeys(("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"), str(tmp_path))
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, **folders, "TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef"},
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.fixture
def terminal(python: Callable[..., str]) -> Callable[..., str]:
    """Type these cells into IPython, with two empty lines after each, as one with a magic needs; gives what it showed."""
    options = ("--simple-prompt", "--no-banner", "--colors=nocolor", "--no-confirm-exit")
    return lambda *cells: python("-m", "IPython", *options, given="\n\n\n".join((LOAD, *cells, "")))


@pytest.fixture
def kernel(python: Callable[..., str]) -> Callable[..., list[list[str]]]:
    """Run these cells in a kernel; gives what each showed."""
    if find_spec("ipykernel") is None:
        pytest.skip("there is no ipykernel")

    def run(*cells: str) -> list[list[str]]:
        [line] = re.findall(r"^\[\[.*\]\]$", python("-c", KERNEL, json.dumps([LOAD, *cells])), re.MULTILINE)
        found: list[list[str]] = json.loads(line)[1:]
        return found

    return run


def test_cells_of_a_terminal(terminal: Callable[..., str], inbox: Inbox) -> None:
    """A cell that ends and one that fails are told, each under its name; IPython shows what it shows without us."""
    shown = terminal("%%notify eval --always\n40 + 2", "%%notify 'my run' --after 0\n1 / 0", "40 + 3")
    end, error = inbox.messages
    assert re.fullmatch(r"eval ended after \d+ s", end.title)
    assert "\n- Cell: In [2]: 40 + 2\n" in end.text
    assert error.title == "my run failed: ZeroDivisionError: division by zero"
    assert "\n- Cell: In [3]: 1 / 0\n" in error.text
    assert "Out[2]: 42" in shown
    assert "----> 2 1 / 0" in shown
    assert "Out[4]: 43" in shown


def test_what_the_user_who_sits_there_has_seen_is_not_told(terminal: Callable[..., str], inbox: Inbox) -> None:
    """Cells below the threshold, what is no program, a stop by hand, and an option that is not known: the cell waits."""
    cells = ("1 / 0", "40 + 2", "raise KeyboardInterrupt", "def f(:")
    shown = terminal(
        "%%notify\n1 / 0",
        "%%notify\n40 + 2",
        "%%notify --always\nraise KeyboardInterrupt",
        "%%notify --always\ndef f(:",
        "%%notify --aftr 3\nprint('it runs')",
        *cells,
    )
    assert inbox.messages == []
    assert shown.count("ZeroDivisionError: division by zero") == 2
    assert "UsageError: unrecognized arguments: --aftr; write: %%notify" in shown
    assert "\nit runs" not in shown


def test_all_later_cells(terminal: Callable[..., str], inbox: Inbox) -> None:
    """From `%notify` on, until `%notify off`; a cell that another runs is a part of that, and so is another magic."""
    terminal("1", "%notify all --after 0", "get_ipython().run_cell('2');", "%%capture\n3", "%notify off", "4")
    shown = [re.findall(r"- Cell: In \[(\d+)\]", message.text)[0] for message in inbox.messages]
    assert shown[:2] == ["4", "5"], shown
    assert "7" not in shown


def test_reloading_it(terminal: Callable[..., str], inbox: Inbox) -> None:
    """One message, not two."""
    terminal("%reload_ext twinkle_notifier.integrations.notebook", "%%notify eval --always\n1")
    assert len(inbox.messages) == 1


def test_cells_of_a_kernel(kernel: Callable[..., list[list[str]]], inbox: Inbox) -> None:
    """Also with `await` and with another magic below; the stop button is no message, and the cell's error is its own."""
    shown = kernel(
        "%%notify async --always\nimport asyncio\nawait asyncio.sleep(0, 40 + 2)",
        "%%notify magic --always\n%%capture out\nprint(3)",
        "%%notify bad --always\nawait asyncio.sleep(0)\nraise ValueError('the loss is nan')",
        "%%notify stopped --always\nprint('it waits')\nimport time\nfor _ in range(6000): time.sleep(0.01)",
        "%%notify stopped --always\nprint('it waits')\nfor _ in range(6000): await asyncio.sleep(0.01)",
        "out.stdout",
    )
    assert shown[:3] == [["42"], [], ["ValueError"]]
    assert shown[3] == ["it waits", "KeyboardInterrupt"]
    assert shown[4][0] == "it waits"
    assert shown[5] == ["'3\\n'"]
    async_end, magic_end, error = inbox.messages
    assert async_end.title.startswith("async ended after ")
    assert magic_end.title.startswith("magic ended after ")
    assert error.title == "bad failed: ValueError: the loss is nan"
    assert "\n- Cell: In [4]: await asyncio.sleep(0)\n" in error.text


def test_an_error_that_was_told_inside_is_told_once(terminal: Callable[..., str], inbox: Inbox) -> None:
    """By a trainer's callback, or by `watch`, whose message says more."""
    cell = 'from twinkle_notifier import watch\nwith watch(context="train", name="sft"): 1 / 0'
    terminal(f"%%notify --always\n{cell}")
    [message] = inbox.messages
    assert message.title == "sft failed: ZeroDivisionError: division by zero"
