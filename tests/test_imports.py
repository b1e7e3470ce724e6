"""What importing the package loads, and that what a crash needs is there before it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import twinkle_notifier
from twinkle_notifier import Outcome

SLOW = ("typing", "dataclasses", "inspect", "logging", "json", "urllib.parse", "ssl", "hashlib", "tempfile", "requests")
WALK = ("incident", "claims", "delivery", "report", "channels.ding_robot", "run", "spool")


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=120)


def loaded_by(code: str, folder: Path) -> set[str]:
    done = python(f"import sys; before = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)", folder)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_two_ways_in_loads_little(tmp_path: Path) -> None:
    """Neither the walk of an exception nor the slow modules of the standard library."""
    loaded = loaded_by("from twinkle_notifier import DingNotifier, Notifier, notify_exception, watch", tmp_path)
    assert "twinkle_notifier.base" in loaded
    assert loaded.isdisjoint({*SLOW, *(f"twinkle_notifier.{name}" for name in WALK)})


def test_importing_the_package_loads_next_to_nothing(tmp_path: Path) -> None:
    """Its names come when they are used."""
    assert {name for name in loaded_by("import twinkle_notifier", tmp_path) if "twinkle" in name} == {
        "twinkle_notifier"
    }


def test_the_names_are_listed_before_they_are_loaded(tmp_path: Path) -> None:
    """And no other is there."""
    listed = python("import twinkle_notifier as t; print(set(t.__all__) <= set(dir(t)))", tmp_path)
    assert listed.stdout.strip() == "True"
    with pytest.raises(AttributeError, match="no attribute 'Dingnotifier'"):
        _ = twinkle_notifier.Dingnotifier  # type: ignore[attr-defined]


MADE = {
    "a DingNotifier": "from twinkle_notifier import DingNotifier as D; n = D('env:DING_URL')",
    "a DingNotifier of a pickle": f"import pickle; n = pickle.loads({pickle.dumps(twinkle_notifier.DingNotifier('env:DING_URL'))!r})",
    "a ConsoleNotifier": "from twinkle_notifier import ConsoleNotifier; n = ConsoleNotifier()",
    "a class of the user's": "from twinkle_notifier import Notifier\nclass Own(Notifier): __call__ = print\nn = Own()",
    "a watch": "from twinkle_notifier import watch; n = print; watch(n)",
    "a TrainingRun": "from twinkle_notifier import TrainingRun; n = print; TrainingRun(n)",
}
CRASH = """
import sys; before = set(sys.modules)
from twinkle_notifier import notify_exception
try: 1 / 0
except ZeroDivisionError as e: notify_exception(n, "step", e)
print("NEW", *{m for m in set(sys.modules) - before if m.startswith("twinkle_notifier")})
"""


@pytest.mark.parametrize("made", MADE.values(), ids=list(MADE))
def test_what_a_crash_needs_is_loaded_beforehand(made: str, tmp_path: Path) -> None:
    """Whatever it is that the user makes: with a disk that is gone it could not be loaded any more."""
    done = python(f"{made}\n{CRASH}", tmp_path)
    assert done.stdout.splitlines()[-1:] == ["NEW"], done.stdout + done.stderr


NO_FILES = """
import os, resource
from twinkle_notifier import Notifier, notify_exception
{made}
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # those that are open stay so
try: 1 / 0
except ZeroDivisionError as e: print(notify_exception(n, "step", e).status, flush=True); raise
"""
TOLD = """
class Own(Notifier):
    def __call__(self, message): os.write(1, f"{message}\\n".encode())
n = Own()
"""
REFUSED = "from twinkle_notifier import DingNotifier\nn = DingNotifier('http://127.0.0.1:9/robot/send?access_token=t')"


def test_a_crash_for_want_of_open_files_is_told(tmp_path: Path) -> None:
    """By a notifier that needs none."""
    done = python(NO_FILES.format(made=TOLD), tmp_path)
    assert "ZeroDivisionError: division by zero" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "sent"


@pytest.mark.parametrize(
    ("made", "reason"), [(REFUSED, "DingNotifier"), ("n = lambda message: None", "telling it raised")]
)
def test_what_cannot_be_told_for_want_of_open_files_is_logged(made: str, reason: str, tmp_path: Path) -> None:
    """And the exception is the user's, even if nothing was loaded: a plain function is made before anything of ours."""
    done = python(NO_FILES.format(made=made), tmp_path)
    assert done.stdout.split() == ["failed"], done.stdout + done.stderr
    assert "people were not told of ZeroDivisionError" in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


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


def test_a_notifier_of_ours_is_restored_though_it_was_not_loaded(tmp_path: Path) -> None:
    """By its name, as it is registered."""
    code = """
import sys
from twinkle_notifier import Notifier
assert "twinkle_notifier.channels" not in sys.modules
print([Notifier.from_dict(d) for d in ({"class": "DingNotifier", "ding_url": "env:A"}, {"class": "ConsoleNotifier"})])
"""
    assert python(code, tmp_path).stdout.startswith("[DingNotifier(ding_url='env:A'")


def test_a_users_class_of_our_name_stays(tmp_path: Path) -> None:
    """With a warning, whichever of the two is loaded first."""
    code = """
from twinkle_notifier import Notifier
{first}
class DingNotifier(Notifier): pass
from twinkle_notifier.channels import ding
print(Notifier.from_dict({{"class": "DingNotifier"}}).__class__ is DingNotifier)
"""
    for first in ("", "import twinkle_notifier.channels.ding"):
        done = python(code.format(first=first), tmp_path)
        assert done.stdout.strip() == "True", done.stderr
        assert "replaces that of twinkle_notifier.channels.ding" in done.stderr


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
        outcome.status = "sent"
