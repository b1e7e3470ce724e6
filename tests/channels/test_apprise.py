"""`AppriseNotifier`, by apprise itself, against small servers on this machine that play two of its services."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("apprise")

from twinkle_notifier import (
    AppriseNotifier,
    ArgumentError,
    CredentialError,
    DeliveryError,
    FanoutNotifier,
    Message,
    Notifier,
)
from twinkle_notifier.checkpoint import from_checkpoint
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.sender import deliver, flush
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.isolation.background import background

TOPIC = "topicABCDEFGH01234567"
PASSWORD = "pwZYXWVU98765432"
TEXT = (
    "### sft failed: ValueError: x\n\n- Run: sft\n\n```\nTraceback\n" + "行 line of code\n" * 2000 + "ValueError\n```"
)


class Service(ThreadingHTTPServer):
    """Answers with `status` and `answer`, after it has `hold`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.answer, self.location = 200, "{}", ""
        self.received: list[tuple[str, Any]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, scheme: str) -> str:
        return f"{scheme}://user:{PASSWORD}@127.0.0.1:{self.server_port}/{TOPIC}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: who has hung up has done so on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(body)))
        self.server.go_on.wait(60)
        data = self.server.answer.encode()
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(background, "_waiting", [])
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    running = Service()
    yield running
    running.go_on.set()
    running.shutdown()
    running.server_close()


BOTH = pytest.mark.parametrize("scheme", ["ntfy", "json"])


def waiting(notifier: Notifier) -> list[Any]:
    return [letter for spool in Spool.everyone(channel(notifier)) for letter in spool.letters()]


@BOTH
def test_a_message_arrives_with_its_title(service: Service, scheme: str) -> None:
    """As Markdown, and the level as apprise calls it."""
    notifier = AppriseNotifier(service.url(scheme))
    assert deliver(notifier, Message("### sft failed\n\n- Run: sft", "a1", "error"), 8).status == "sent"
    [(_, body)] = service.received
    assert (body["title"], body["message"]) == ("sft failed", "- Run: sft")
    if scheme == "json":
        assert body["type"] == "failure"


@BOTH
def test_many_messages_in_a_row_do_not_wait(service: Service, scheme: str) -> None:
    """An object of apprise that sends twice sleeps for seconds; each message has its own."""
    notifier = AppriseNotifier(service.url(scheme))
    began = time.monotonic()
    for number in range(4):
        notifier(f"### message {number}")
    assert time.monotonic() - began < 10  # 16 with one object
    assert len(service.received) == 4


@BOTH
def test_a_long_text_is_cut_here_with_its_fence_closed(service: Service, scheme: str) -> None:
    """To one request, within the service's limit, with both ends of the traceback."""
    AppriseNotifier(service.url(scheme))(TEXT)
    [(_, body)] = service.received
    text = body["message"]
    assert len(text) < (7800 if scheme == "ntfy" else 32768)
    assert scheme != "ntfy" or len(text.encode()) <= 4096
    assert text.count("```") == 2
    assert "bytes left out" in text
    assert "- Run: sft" in text
    assert text.rstrip().endswith("ValueError\n```")


@BOTH
@pytest.mark.parametrize("text", ["hello", "### hello", "one\ntwo", "```\ncode\n```", "# a #\n\nb"])
def test_any_markdown_is_sent(service: Service, scheme: str, text: str) -> None:
    """apprise takes no message with nothing below its title."""
    AppriseNotifier(service.url(scheme))(text)
    [(_, body)] = service.received
    assert body["message"].strip()


@BOTH
def test_a_refusal_is_a_failure_that_is_kept(service: Service, scheme: str) -> None:
    """With what apprise says of it, and none of the URL; and it goes out later."""
    notifier = AppriseNotifier(service.url(scheme))
    service.status, service.answer = 403, json.dumps({"code": 40301, "error": f"forbidden for {PASSWORD} at {TOPIC}"})
    with pytest.raises(DeliveryError) as caught:
        notifier("### hi")
    assert (caught.value.fate, caught.value.code) == ("failed", 403 if scheme == "json" else 40301)
    outcome = deliver(notifier, Message("### hi\n\nthere", "a1"), 8)
    assert outcome.status == "spooled"
    assert "403" in outcome.reason
    shown = f"{caught.value!r} {outcome}"
    assert [secret for secret in (TOPIC, PASSWORD) if secret in shown] == []
    service.status = 200
    assert flush(notifier).sent == 1


@BOTH
def test_too_many_is_throttled(service: Service, scheme: str) -> None:
    """By HTTP's code, or the service's own."""
    service.status, service.answer = 429, json.dumps({"code": 42901, "error": "limit reached"})
    with pytest.raises(DeliveryError) as caught:
        AppriseNotifier(service.url(scheme))("### hi")
    assert caught.value.fate == "throttled"


@BOTH
def test_a_service_that_hangs_is_left(service: Service, scheme: str) -> None:
    """It may have the message; it is kept."""
    service.go_on.clear()
    notifier = AppriseNotifier(service.url(scheme), timeout=1.0)
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="no answer by apprise within 1 s") as caught:
        notifier("### hi")
    assert caught.value.fate == "unknown"
    assert deliver(notifier, Message("### hi", "a1"), 8).status == "spooled"
    assert time.monotonic() - began < 20
    assert len(waiting(notifier)) == 1


def test_the_end_of_the_process_does_not_wait_for_it(service: Service, tmp_path: Path) -> None:
    """As it would for the threads of apprise itself."""
    service.go_on.clear()
    code = """
import sys, time, twinkle_notifier
notifier = twinkle_notifier.AppriseNotifier(sys.argv[1], timeout=60)
import threading
threading.Thread(target=notifier, args=("### hi",), daemon=True).start()
time.sleep(1)
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, service.url("json")], cwd=tmp_path, timeout=120)
    assert done.returncode == 0
    assert time.monotonic() - began < 50


def test_a_redirect_hands_the_message_to_nobody(service: Service) -> None:
    """A 307 would repeat it elsewhere, with its body."""
    service.status, service.location = 307, f"http://127.0.0.1:{service.server_port}/elsewhere"
    with pytest.raises(DeliveryError):
        AppriseNotifier(service.url("json"))("### hi")
    assert len(service.received) == 1


@BOTH
@pytest.mark.parametrize("status", [200, 500])
def test_no_secret_is_in_any_log(service: Service, scheme: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """At the lowest level of all, in repr, pickles and the spool; and what others log by these loggers stays."""
    caplog.set_level(1)
    for name in ("apprise", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(1)
    service.status = status
    notifier = AppriseNotifier(service.url(scheme))
    deliver(notifier, Message(f"### hi\n\n- said: {TOPIC}", "a1"), 8)
    logging.getLogger("apprise").debug("of the program's own")
    with pytest.raises(ArgumentError) as wrong:
        AppriseNotifier(f"nonsense://{TOPIC}")
    kept = b"".join(path.read_bytes() for path in Path(tmp_root()).rglob("*") if path.is_file())
    shown = f"{caplog.text} {notifier!r} {pickle.dumps(notifier)!r} {wrong.value!r} {kept!r}"
    assert [secret for secret in (TOPIC, PASSWORD) if secret in shown] == []
    assert "of the program's own" in caplog.text
    assert logging.getLogger("apprise").filters == []
    assert bool(waiting(notifier)) is (status == 500)


def tmp_root() -> str:
    import os

    return os.environ["TMPDIR"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ntfy://ntfy.sh/topicABCDEF", "use ntfys://, or insist with insecure=True"),
        ("json://example.org/x", "use jsons://"),
        ("gotify://example.org/abcdefghijklmno", "use gotifys://"),
        ("pushdeer://abcdefgh", "use pushdeers://"),
        ("jsons://example.org/x?verify=no", "verify=no"),
        ("dingtalk://abcdefghijklmnop", "DingNotifier"),
        ("lark://abcdefghijklmnop", "FeishuNotifier"),
        ("https://open.larksuite.com/open-apis/bot/v2/hook/abcdefab-cdef-4abc-8def-abcdefabcdef", "FeishuNotifier"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abcdefab-cdef-4abc-8def-abcdefabcdef", "WeComNotifier"),
        ("nonsense://x", "takes no such nonsense:// URL"),
        ("not a URL at all", "takes no such"),
        ("", "empty"),
        (None, "empty"),
    ],
)
def test_what_cannot_work_says_how_to_mend_it(url: Any, said: str) -> None:
    """When it is made, and showing nothing of it but the scheme."""
    with pytest.raises(ArgumentError, match=said) as caught:
        AppriseNotifier(url)
    assert "abcdef" not in str(caught.value).lower()


@pytest.mark.parametrize(
    "url", ["ntfys://ntfy.sh/x", "https://ntfy.sh/x", "tgram://123456789:abcdefg_hijklmnop/12315544/", "jsons://h/x"]
)
def test_the_forms_with_tls_are_taken(url: str) -> None:
    """Pasted links of a service, too."""
    assert AppriseNotifier(url).url == url


def test_insecure_is_insisted_on_by_who_starts_the_run() -> None:
    """A checkpoint may not say it."""
    notifier = AppriseNotifier("ntfy://example.org/x", insecure=True)
    assert notifier.to_dict()["insecure"] is True
    assert Notifier.from_dict(notifier.to_dict()) == notifier
    assert from_checkpoint(notifier.to_dict(), save_secrets=True) is None


def test_a_reference_stays_one(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """In dict, repr, pickle and checkpoint; it is looked up at each message, and checked when a run begins."""
    notifier = AppriseNotifier("env:APPRISE_URL", min_level="error")
    with pytest.raises(CredentialError, match="APPRISE_URL"):
        notifier.check_setup()
    monkeypatch.setenv("APPRISE_URL", "ntfy://ntfy.sh/x")
    with pytest.raises(ArgumentError, match="ntfys"):
        notifier.check_setup()
    monkeypatch.setenv("APPRISE_URL", service.url("json"))
    notifier.check_setup()
    described = {"class": "AppriseNotifier", "url": "env:APPRISE_URL", "timeout": 5.0, "min_level": "error"}
    assert notifier.to_dict() == described
    assert from_checkpoint(described, save_secrets=False) == notifier
    pickle.loads(pickle.dumps(notifier))("### hi")
    assert "env:APPRISE_URL" in repr(notifier)
    assert len(service.received) == 1


def test_a_pickle_without_its_url_says_so() -> None:
    """A literal one is in none."""
    with pytest.raises(CredentialError, match="pickles hold no secrets"):
        pickle.loads(pickle.dumps(AppriseNotifier("ntfys://ntfy.sh/x")))("### hi")


def test_in_a_fan_out_it_is_one_of_all(service: Service) -> None:
    """What it cannot send is kept for it alone."""
    good, bad = AppriseNotifier(service.url("json")), AppriseNotifier("ntfy://127.0.0.1:1/x")
    assert deliver(FanoutNotifier(good, bad), Message("### hi", "a1"), 8).status == "sent"
    assert (len(waiting(good)), len(waiting(bad))) == (0, 1)


def test_without_apprise_the_line_to_install_it_is_said(tmp_path: Path) -> None:
    """When the notifier is made; the package itself needs none."""
    code = """
import sys
sys.modules["apprise"] = None
from twinkle_notifier import AppriseNotifier, ArgumentError
try:
    AppriseNotifier("ntfys://ntfy.sh/x")
except ArgumentError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "AppriseNotifier needs apprise: pip install 'twinkle_notifier[apprise]'", done.stderr


def test_importing_the_package_loads_no_apprise(tmp_path: Path) -> None:
    """Only making a notifier does, with all that a message needs."""
    code = """
import sys, twinkle_notifier
print("apprise" in sys.modules)
notifier = twinkle_notifier.AppriseNotifier(sys.argv[1])
before = set(sys.modules)
notifier("### hi")
print(sorted(set(sys.modules) - before))
"""
    with_url = Service()
    command = [sys.executable, "-c", code, with_url.url("json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    with_url.shutdown()
    with_url.server_close()
    first, second = done.stdout.split("\n", 1)
    assert (first, second.strip()) == ("False", "[]"), done.stderr
