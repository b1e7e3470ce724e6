"""What importing the package does, and that a crash loads nothing after it."""

from __future__ import annotations

import copy
import os
import pickle
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest

import twinkle_notifier
from twinkle_notifier import Outcome
from twinkle_notifier.inbox.faults import Faulty, accept

FRAMEWORKS = ("torch", "lightning", "pytorch_lightning", "transformers", "accelerate", "ray", "numpy")


def python(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


def test_importing_loads_no_framework(tmp_path: Path) -> None:
    """Whether one is installed or not."""
    done = python("import sys, twinkle_notifier; print(*sys.modules)", tmp_path)
    assert set(FRAMEWORKS) & set(done.stdout.split()) == set(), done.stderr


def test_importing_loads_nothing_slow_of_the_standard_library(tmp_path: Path) -> None:
    """These took a seventh of its time, and a program that only sends an alert needs none of them."""
    done = python("import sys, twinkle_notifier; print(*sys.modules)", tmp_path)
    slow = {"multiprocessing", "dataclasses", "inspect", "ast", "asyncio"}
    assert slow & set(done.stdout.split()) == set(), done.stderr


def processor_seconds(code: str, env: dict[str, str]) -> float:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/", env=env)
    return spent() - before


@pytest.mark.alone
def test_importing_costs_about_what_requests_costs(tmp_path: Path) -> None:
    """The target is 1.25 times as much; a busy machine may measure somewhat more."""
    codes = ("pass", "import requests", "import twinkle_notifier")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path)  # the first round compiles
    rounds = [[processor_seconds(code, env) for code in codes] for _ in range(12)]
    # Side by side, and the middle one: a machine that others use is slower for one import than for the next.
    times = [(ours - bare) / (requests - bare) for bare, requests, ours in rounds[1:]]
    assert statistics.median(times) < 1.6, times


# The standard library and requests are there: what they do at their import is theirs.
LOADS = """
import os, sys, threading
import argparse, ast, asyncio, fcntl, hashlib, inspect, logging, multiprocessing.util, platform, requests, tempfile, uuid
asked = []
class Environment(dict):
    def __getitem__(self, name): asked.append(name); return dict.__getitem__(self, name)
    def __contains__(self, name): asked.append(name); return dict.__contains__(self, name)
    def get(self, name, *default): asked.append(name); return dict.get(self, name, *default)
os.environ = Environment(os.environ)
done = []
def audit(event, arguments):
    if event in ("os.mkdir", "os.fork", "socket.connect", "_thread.start_new_thread", "subprocess.Popen"):
        done.append(event)
    if event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        done.append(arguments)
sys.dont_write_bytecode = True
sys.addaudithook(audit)
import twinkle_notifier
print(asked, done, threading.active_count(), os.listdir("."))
"""


def test_importing_does_nothing_but_load(tmp_path: Path) -> None:
    """No thread, no directory, no file written, no connection; and the environment is not read."""
    (tmp_path / "work").mkdir()
    done = python(LOADS, tmp_path / "work")
    assert done.stdout == "[] [] 1 []\n", done.stderr


def test_the_public_names_are_there() -> None:
    """And no other is."""
    assert set(twinkle_notifier.__all__) <= set(vars(twinkle_notifier))
    with pytest.raises(AttributeError, match="no attribute 'Dingnotifier'"):
        _ = twinkle_notifier.Dingnotifier  # type: ignore[attr-defined]


# From here on nothing can be loaded: a disk is gone.
GONE = """
import os, sys
import twinkle_notifier
from twinkle_notifier import DingNotifier, notify_exception
class Gone:
    def find_spec(self, name, path=None, target=None):
        print(name)
        raise OSError(116, "Stale file handle")
def lose():
    os.unlink(os.environ["REQUESTS_CA_BUNDLE"])
    sys.meta_path.insert(0, Gone())
    global before
    before = set(sys.modules)
"""
MADE_BEFORE = "notifier = DingNotifier(sys.argv[1]); lose()"
CRASH = """
class Own(Exception): pass
try:
    {what}
except Exception as error:
    {made}
    print(notify_exception(notifier, "step", error, "sft").status, *sorted(set(sys.modules) - before))
"""
WHAT = {
    "a plain one": "1 / 0",
    "a group": "raise Own('x') from OSError(2, 'no such file')",
    "a syntax error": "compile('1 +', 'x', 'exec')",
}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("what", WHAT.values(), ids=list(WHAT))
@pytest.mark.parametrize("way", ["directly", "by proxy", "past a proxy"])
def test_nothing_is_loaded_in_a_crash(
    secure: bool, what: str, way: str, monkeypatch: pytest.MonkeyPatch, certificate: Path, tmp_path: Path, tunnel: Any
) -> None:
    """The look-up of a name included; the certificates are not even read."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + certificate.with_suffix(".crt").read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Faulty(accept, certificate=str(certificate) if secure else None) as robot:
        if way != "directly":
            monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{tunnel.port}")
            monkeypatch.setenv("HTTP_PROXY", f"http://localhost:{robot.port}")
        if way == "past a proxy":
            monkeypatch.setenv("NO_PROXY", "localhost")
        crash = CRASH.format(what=what, made="pass")
        done = python(f"{GONE}{MADE_BEFORE}\n{crash}", Path("/"), robot.url.replace("127.0.0.1", "localhost"))
        assert (done.stdout, done.stderr, len(robot.messages)) == ("sent\n", "", 1)


def test_nothing_is_loaded_to_keep_a_message(tmp_path: Path) -> None:
    """Where nobody answers."""
    (tmp_path / "ca.pem").write_bytes(Path(certifi.where()).read_bytes())
    crash = CRASH.format(what="1 / 0", made="pass")
    code = f"import os; os.environ['REQUESTS_CA_BUNDLE'] = 'ca.pem'\n{GONE}{MADE_BEFORE}\n{crash}"
    done = python(code, tmp_path, "https://localhost:9/robot/send?access_token=t")
    assert done.stdout == "spooled\n", done.stderr


def test_a_notifier_that_is_first_made_in_a_crash_loads_nothing(tmp_path: Path) -> None:
    """Though nothing but the import was done before it. But for the rules of advice, without which it goes out."""
    with Faulty(accept) as robot:
        gone = GONE.replace('os.unlink(os.environ["REQUESTS_CA_BUNDLE"])', "")
        crash = CRASH.format(what="1 / 0", made="notifier = DingNotifier(sys.argv[1])")
        done = python(f"{gone}\nlose()\n{crash}", tmp_path, robot.url.replace("127.0.0.1", "localhost"))
        asked = {"twinkle_notifier.diagnosis.known", "importlib.metadata"}
        assert set(done.stdout.split("\n")[:-2]) == asked
        assert (done.stdout.split("\n")[-2], done.stderr, len(robot.messages)) == ("sent", "", 1)


DEEP = """
from twinkle_notifier import notify_exception
def dive():
    try: dive()
    except RecursionError as e:
        if not told: told.append(notify_exception(print, "step", e).status)
        raise
told = []
try: dive()
except RecursionError: print("TOLD", *told)
"""


def test_a_plain_function_is_called_from_the_deepest_frame(tmp_path: Path) -> None:
    """Where the stack has no room to import anything, the walk is loaded on another; without any, it waits for the end."""
    out = python(DEEP, tmp_path).stdout
    assert "failed: RecursionError: maximum recursion depth exceeded" in out
    assert ("TOLD sent" in out) is not ("TOLD queued" in out)


def test_a_notifier_of_ours_is_restored(tmp_path: Path) -> None:
    """By its name, as it is registered, after the import of the package alone."""
    code = """
from twinkle_notifier import Notifier
print([Notifier.from_dict(d) for d in ({"class": "DingNotifier", "ding_url": "env:A"}, {"class": "ConsoleNotifier"})])
"""
    assert python(code, tmp_path).stdout.startswith("[DingNotifier(ding_url='env:A'")


def test_a_users_class_of_our_name_stays(tmp_path: Path) -> None:
    """With a warning, whichever of the two is named first."""
    code = """
from twinkle_notifier import Notifier
{first}
class DingNotifier(Notifier): pass
from twinkle_notifier.channels import dingtalk
print(Notifier.from_dict({{"class": "DingNotifier"}}).__class__ is DingNotifier)
"""
    for first in ("", "import twinkle_notifier.channels.dingtalk"):
        done = python(code.format(first=first), tmp_path)
        assert done.stdout.strip() == "True", done.stderr
        assert "replaces that of twinkle_notifier.channels.dingtalk" in done.stderr


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda outcome: pickle.loads(pickle.dumps(outcome))])
def test_an_outcome_is_a_value(copied: Callable[[Outcome], Outcome]) -> None:
    """It compares, copies and shows as one, and does not change."""
    outcome = Outcome("failed", "no network", retry_after=2.0)
    assert copied(outcome) == outcome == eval(repr(outcome))
    assert (outcome.replaced(status="spooled"), len({outcome, copied(outcome)})) == (
        Outcome("spooled", "no network", retry_after=2.0),
        1,
    )
    with pytest.raises(AttributeError):
        outcome.status = "sent"  # type: ignore[misc]


def test_an_outcome_of_an_earlier_version_is_read() -> None:
    """Which pickled it as a call."""
    call = b"\x80\x04ctwinkle_notifier.messages.message\nOutcome\n(\x8c\x04sent\x8c\x00\x89\x8c\x03abcNt\x52."
    assert pickle.loads(call) == Outcome("sent", incident="abc")
