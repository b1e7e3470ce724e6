"""When that is loaded which telling takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import certifi
import pytest

from twinkle_notifier.inbox.faults import Faulty, accept

SCRIPT = """
import sys
from twinkle_notifier import DingNotifier, loading
from twinkle_notifier.channels import from_text
def walk(): return "twinkle_notifier.incident" in sys.modules
with loading.put_off() as modules:
    from_text("https://oapi.dingtalk.com/robot/send?access_token=t", "it")
    DingNotifier("env:DING_URL")
print(walk(), *sorted(name.rpartition(".")[2] for name in modules - set(sys.modules)))
loading.load(modules)
print({name.partition(":")[0] for name in modules} <= set(sys.modules))
DingNotifier("env:DING_URL")
print(walk())
"""


def test_it_can_be_put_off() -> None:
    """By a process that has something to do first; what a notifier takes to send is told, and the walk is not needed."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd="/")
    lines = done.stdout.splitlines()
    assert lines == ["False ascii ding_robot idna wire:ready", "True", "True"], done.stderr


# Nothing can be loaded any more once a notifier is made: a disk is gone.
GONE = """
import os, sys
from twinkle_notifier import DingNotifier, counters, notify_exception
notifier = DingNotifier(sys.argv[1])
os.unlink(os.environ["REQUESTS_CA_BUNDLE"])
class Gone:
    def find_spec(self, name, path=None, target=None):
        print(name)
        raise OSError(116, "Stale file handle")
sys.meta_path.insert(0, Gone())
try:
    1 / 0
except ZeroDivisionError as error:
    print(notify_exception(notifier, "step", error, "sft").status, len({"requests"} & set(sys.modules)))
"""


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("proxied", [False, True])
def test_nothing_is_loaded_in_a_crash(
    secure: bool, proxied: bool, monkeypatch: pytest.MonkeyPatch, certificate: Path, tmp_path: Path
) -> None:
    """The look-up of a name and certificates included; requests is there only where there is a proxy.

    Certificates are not even read.
    """
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    if proxied:
        monkeypatch.setenv("HTTPS_PROXY" if secure else "HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "localhost")
    with Faulty(accept, certificate=str(certificate) if secure else None) as robot:
        url = robot.url.replace("127.0.0.1", "localhost")
        done = subprocess.run([sys.executable, "-c", GONE, url], capture_output=True, text=True, cwd="/")
    status = "spooled" if secure else "sent"  # nobody vouches for this certificate
    assert done.stdout == f"{status} {int(proxied)}\n", done.stderr
    assert ("certificate is not trusted here" in done.stderr) == secure
