"""A program whose first use of the package, after its import, is in its crash: where little is left to work with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinkle_notifier.inbox.faults import Faulty, accept

# The import is at the top; all else is done where the exception is met. Nothing of ours may reach that place.
SCRIPT = """
import atexit, builtins, os, resource, sys, threading
import twinkle_notifier

def crash(t=twinkle_notifier, url=sys.argv[1], os=os):
    try:
        try:
            raise OSError(5, "mine") from KeyError("k")
        except OSError as error:
            notifier = t.DingNotifier(url)
            outcome = t.notify_exception(notifier, "step", error, "sft")
            with t.watch(notifier, "further out"):
                raise
    except BaseException as left:
        os.write(1, f"{left!r} {outcome.status} {bool(outcome.incident)}\\n".encode())

def limited(kind, number):
    resource.setrlimit(kind, (number, number))
    crash()

def address_space():
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()

class Last:
    def __del__(self, crash=crash): crash()
"""
USER_S = "OSError(5, 'mine')"
ENDS = {
    "an object of the script": "last = Last()",
    "a circle": "last = Last(); last.itself = last",
    "an object of another module": "sys.modules['own'] = type(sys)('own'); sys.modules['own'].last = Last()",
    "an object of the last module": "builtins.last = Last()",
    "atexit": "atexit.register(crash)",
    "a thread": "threading.Thread(target=crash).start()",
    "a thread that outlives the main one": (
        "threading.Thread(target=lambda: (threading.main_thread().join(), crash())).start()"
    ),
}


def ran(how: str, url: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{SCRIPT}\n{how}", url]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, **env}, timeout=120)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("how", ENDS.values(), ids=list(ENDS))
def test_at_the_interpreter_s_end(how: str, secure: bool, certificate: Path, tmp_path: Path) -> None:
    """It goes out, whole and once, wherever the exception is met."""
    trusted = {"REQUESTS_CA_BUNDLE": str(certificate.with_suffix(".crt"))}
    with Faulty(accept, certificate=str(certificate) if secure else None) as robot:
        url = robot.url.replace("127.0.0.1", "localhost")
        done = ran(how, url, tmp_path, **trusted)
        assert (done.stdout, done.stderr, done.returncode) == (f"{USER_S} sent True\n", "", 0)
        [message] = robot.messages
    assert message.title == "sft failed: OSError: mine"
    assert ("KeyError" in message.text, "details are missing" in message.text) == (True, False)


@pytest.mark.parametrize("how", ENDS.values(), ids=list(ENDS))
def test_what_nobody_takes_at_the_end_is_kept(how: str, tmp_path: Path) -> None:
    """On the disk, with a line in the log."""
    done = ran(how, "http://127.0.0.1:9/robot/send?access_token=t", tmp_path)
    assert (done.stdout, done.returncode) == (f"{USER_S} spooled True\n", 0), done.stderr
    assert "alert not sent for OSError: cannot connect to 127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("more", [0, 1, 2, 4])
@pytest.mark.parametrize("secure", [False, True])
def test_without_open_files(more: int, secure: bool, certificate: Path, tmp_path: Path) -> None:
    """Where not even a connection can be made the log says why; else it goes out, or is kept."""
    trusted = {"REQUESTS_CA_BUNDLE": str(certificate.with_suffix(".crt"))}
    with Faulty(accept, certificate=str(certificate) if secure else None) as robot:
        done = ran(f"limited(resource.RLIMIT_NOFILE, {3 + more})", robot.url, tmp_path, **trusted)
        told = len(robot.messages)
    exception, _, rest = done.stdout.rpartition(") ")
    assert (f"{exception})", done.returncode) == (USER_S, 0), done.stderr
    assert (rest, told) in {("sent True\n", 1), ("failed True\n", 0), ("spooled True\n", 0)}
    assert told or "alert not sent for OSError: cannot connect to" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("megabytes", [2, 10, 30, 90])
@pytest.mark.parametrize("secure", [False, True])
def test_with_little_address_space(megabytes: int, secure: bool, certificate: Path, tmp_path: Path) -> None:
    """Nothing of ours is raised; it goes out, is kept, or the log says why not."""
    trusted = {"REQUESTS_CA_BUNDLE": str(certificate.with_suffix(".crt"))}
    with Faulty(accept, certificate=str(certificate) if secure else None) as robot:
        done = ran(f"limited(resource.RLIMIT_AS, address_space() + {megabytes << 20})", robot.url, tmp_path, **trusted)
        told = len(robot.messages)
    exception, _, rest = done.stdout.rpartition(") ")
    assert (f"{exception})", done.returncode) == (USER_S, 0), done.stderr
    assert told == 1 or "alert not sent for OSError" in done.stderr, (rest, done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bundle", ["not there", "no certificate", "a folder", "unreadable"])
def test_a_notifier_is_made_whatever_the_certificates(bundle: str, tmp_path: Path) -> None:
    """What is wrong with them is said with the message."""
    path = tmp_path / "bundle"
    if bundle == "a folder":
        path.mkdir()
    elif bundle == "no certificate":
        path.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    elif bundle == "unreadable":
        path.symlink_to(path)
    done = ran("crash()", "https://127.0.0.1:9/robot/send?access_token=t", tmp_path, REQUESTS_CA_BUNDLE=str(path))
    assert (done.stdout, done.returncode) == (f"{USER_S} spooled True\n", 0), done.stderr
    assert "there are no certificates where REQUESTS_CA_BUNDLE" in done.stderr
