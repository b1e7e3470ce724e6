"""The dead man's switch: a URL that is asked while the supervisor lives."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.supervisor.heartbeat import Heartbeat

Begin = Callable[..., Any]


class Server(ThreadingHTTPServer):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/ping/0123456789abcdef"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_it_goes_on_until_its_end(server: Server) -> None:
    """Again and again; then no more."""
    heartbeat = Heartbeat(server.url, every=0.05)
    heartbeat.begin()
    assert wait_for(lambda: len(server.asked) >= 5)
    heartbeat.end()
    time.sleep(0.5)
    count = len(server.asked)
    time.sleep(0.5)
    assert len(server.asked) == count


def test_a_failure_is_said_once_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    """The URL is a secret."""
    heartbeat = Heartbeat("http://127.0.0.1:9/ping/0123456789abcdef", every=0.05)
    with caplog.at_level(logging.WARNING, "twinkle_notifier"):
        heartbeat.begin()
        assert wait_for(lambda: bool(caplog.messages))
        time.sleep(0.5)
        heartbeat.end()
    assert caplog.messages == ["the heartbeat URL does not work (ConnectionError); it is asked again each minute"]


def test_the_command_asks_at_once(begin: Begin, server: Server) -> None:
    """From its option, or from the environment."""
    begin("import time; time.sleep(2)", options=("--heartbeat", server.url)).result()
    assert server.asked == ["/ping/0123456789abcdef"]
    begin("import time; time.sleep(2)", TWINKLE_NOTIFIER_HEARTBEAT=server.url).result()
    assert len(server.asked) == 2


def test_it_ends_with_the_command(begin: Begin, server: Server, robot: Inbox, tmp_path: Path) -> None:
    """Though a reader of its output, `less` for instance, may leave that open for days."""
    quick = "from twinkle_notifier.supervisor.heartbeat import Heartbeat\nHeartbeat.__init__.__defaults__ = (0.05,)\n"
    (tmp_path / "sitecustomize.py").write_text(quick)
    running = begin(
        "import os, time\nwhile not os.path.exists('beaten'): time.sleep(0.05)\nprint('x' * 10**6); exit(3)",
        options=("--heartbeat", server.url),
        PYTHONPATH=os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])),
    )
    assert wait_for(lambda: len(server.asked) > 1)
    (tmp_path / "run" / "beaten").touch()
    assert wait_for(lambda: bool(robot.messages))
    assert running.process.poll() is None  # nobody has read what it wrote
    count = len(server.asked)
    time.sleep(1)
    assert len(server.asked) - count <= 1  # one may have been on its way
    assert running.result().returncode == 3


def test_an_address_that_is_none_is_said(server: Server) -> None:
    """Before anything is started, and without showing it."""
    command = [sys.executable, "-m", "twinkle_notifier", "run", "--heartbeat", "hc-ping.com/0123456789", "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60)
    assert done.returncode == 2
    assert (
        done.stderr
        == "twinkle-notifier: --heartbeat, or TWINKLE_NOTIFIER_HEARTBEAT, is not a URL: it begins with https://\n"
    )


def test_an_address_by_reference(begin: Begin, server: Server, tmp_path: Path) -> None:
    """Which no user of the machine can read off the command line."""
    (tmp_path / "url").write_text(server.url + "\n")
    begin("import time; time.sleep(2)", options=("--heartbeat", f"file:{tmp_path / 'url'}")).result()
    assert len(server.asked) == 1


def test_a_reference_that_leads_nowhere_is_said() -> None:
    """Before anything is started."""
    command = [sys.executable, "-m", "twinkle_notifier", "run", "--heartbeat", "env:NO_SUCH", "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60)
    assert done.returncode == 2
    assert "env:NO_SUCH: the variable NO_SUCH is not set" in done.stderr
