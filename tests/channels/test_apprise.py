"""`AppriseNotifier`, by apprise itself, against the local robots of two of its services."""

from __future__ import annotations

import logging
import os
import pickle
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple
from urllib.parse import urlsplit

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
    notify_exception,
)
from twinkle_notifier.checkpoint import from_checkpoint
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.sender import deliver, flush
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.inbox import Inbox, ntfy
from twinkle_notifier.inbox.faults import Faulty, blackhole, redirect
from twinkle_notifier.inbox.robot import Response, Robot
from twinkle_notifier.isolation.background import background

TOKEN = "topicABCDEFGH01234567"
PASSWORD = "pwZYXWVU98765432"
TEXT = (
    "### sft failed: ValueError: x\n\n- Run: sft\n\n```\nTraceback\n" + "行 line of code\n" * 2000 + "ValueError\n```"
)


class Front(ThreadingHTTPServer):
    """A proxy that leads apprise from discord.com, in whose name it speaks TLS, to an inbox."""

    daemon_threads = True

    def __init__(self, certificate: Path, inbox: Inbox) -> None:
        super().__init__(("127.0.0.1", 0), _ToInbox)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.inbox = urlsplit(inbox.url).port
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class _ToInbox(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        there = HTTPConnection("127.0.0.1", self.server.inbox, timeout=30)
        there.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
        said = there.getresponse()
        self.send_response_only(said.status)
        for name, value in said.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said.read())
        there.close()

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002


class Service(NamedTuple):
    """A robot, and its URL for apprise."""

    url: str
    robot: Robot


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setattr(background, "_waiting", [])
    with Inbox(token=TOKEN) as running:
        yield running


@pytest.fixture(scope="session")
def discord_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of discord.com that signs itself, and its key."""
    if which("openssl") is None:
        pytest.skip("a certificate is made by openssl")
    path = tmp_path_factory.mktemp("discord") / "both.pem"
    names = ["-addext", "subjectAltName=DNS:discord.com", "-subj", "/CN=discord.com", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, "-keyout", path]
    done = subprocess.run(made, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + done.stdout)
    return path


def ntfy_service(inbox: Inbox) -> Service:
    return Service(inbox.apprise_urls["ntfy"].replace("://", f"://user:{PASSWORD}@"), inbox.robots["ntfy"])


@pytest.fixture
def discord(inbox: Inbox, discord_certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    front = Front(discord_certificate, inbox)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{front.server_port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(discord_certificate))
    robot = inbox.robots["Discord"]
    yield Service(robot.webhook.replace(robot.path, "discord://"), robot)
    front.shutdown()
    front.server_close()


@pytest.fixture(params=["ntfy", "Discord"])
def service(request: pytest.FixtureRequest, inbox: Inbox) -> Service:
    found: Service = request.getfixturevalue("discord") if request.param == "Discord" else ntfy_service(inbox)
    return found


@pytest.fixture
def hanging() -> Iterator[Faulty]:
    with Faulty(blackhole, service=ntfy.Robot) as robot:
        yield robot


def url(robot: Faulty) -> str:
    return robot.url.replace("http://", "ntfy://")


def waiting(notifier: Notifier) -> list[Any]:
    return [letter for spool in Spool.everyone(channel(notifier)) for letter in spool.letters()]


def test_a_message_arrives_with_its_title(service: Service, inbox: Inbox) -> None:
    """At the robot of its service, by a path of the inbox's one port."""
    assert (
        deliver(AppriseNotifier(service.url), Message("### sft failed\n\n- Run: sft", "a1", "error"), 8).status
        == "sent"
    )
    [message] = inbox.messages
    assert (message.service, message.title) == (service.robot.service, "sft failed")
    assert message.text.endswith("- Run: sft")


@pytest.mark.parametrize(("level", "colour"), [("error", 0xA32037), ("success", 0x3AA337)])
def test_the_level_is_a_colour_in_discord(discord: Service, inbox: Inbox, level: Any, colour: int) -> None:
    """Where the URL asks for Markdown."""
    AppriseNotifier(f"{discord.url}?format=markdown")(Message("### sft\n\n- Run: sft", "a1", level))
    [embed] = inbox.messages[0].payload["embeds"]
    assert (embed["title"], embed["description"], embed["color"]) == ("sft", "- Run: sft", colour)


def test_many_messages_in_a_row_do_not_wait(service: Service, inbox: Inbox) -> None:
    """An object of apprise that sends twice sleeps for seconds; each message has its own."""
    notifier = AppriseNotifier(service.url)
    began = time.monotonic()
    for number in range(4):
        notifier(f"### message {number}")
    assert time.monotonic() - began < 10  # 16 with one object
    assert len(inbox.messages) == 4


def test_a_long_text_is_cut_here_with_its_fence_closed(service: Service, inbox: Inbox) -> None:
    """To one request, within the limit that the robot insists on, with both ends of the traceback."""
    AppriseNotifier(service.url)(TEXT)
    [message] = inbox.messages
    assert message.text.count("```") == 2
    assert "bytes left out" in message.text
    assert "- Run: sft" in message.text
    assert message.text.rstrip().endswith("ValueError\n```")


def test_a_long_text_in_chinese_is_no_attachment_of_ntfy(inbox: Inbox) -> None:
    """Though JSON writes each of its characters with six."""
    AppriseNotifier(ntfy_service(inbox).url)("### 训练失败\n\n```\n" + "损失不是数" * 2000 + "\n```")
    [message] = inbox.messages
    assert (message.text.count("```"), "损失不是数" in message.text) == (2, True)


@pytest.mark.parametrize("text", ["hello", "### hello", "one\ntwo", "```\ncode\n```", "# a #\n\nb"])
def test_any_markdown_is_sent(service: Service, inbox: Inbox, text: str) -> None:
    """apprise takes no message with nothing below its title."""
    AppriseNotifier(service.url)(text)
    assert inbox.messages[0].text.strip() != "triggered"  # ntfy's word for a message without a text


def test_a_refusal_is_a_failure_that_is_kept(service: Service, inbox: Inbox) -> None:
    """With what apprise says of it, and none of the URL; and it goes out later."""
    notifier = AppriseNotifier(service.url)
    said = {"code": 40301, "error": f"forbidden for {PASSWORD} at {TOKEN}"}
    service.robot.script(*[Response(said, 403)] * 2)
    with pytest.raises(DeliveryError) as caught:
        notifier("### hi")
    assert (caught.value.fate, caught.value.code) == ("failed", 40301 if service.robot.service == "ntfy" else 403)
    outcome = deliver(notifier, Message("### hi\n\nthere", "a1"), 8)
    assert outcome.status == "spooled"
    assert "403" in outcome.reason
    shown = f"{caught.value!r} {outcome}"
    assert [secret for secret in (TOKEN, PASSWORD) if secret in shown] == []
    assert (flush(notifier).sent, len(inbox.messages)) == (1, 1)


def test_too_many_is_throttled(service: Service) -> None:
    """By HTTP's code, or the service's own."""
    service.robot.script(*[Response({"code": 42901, "error": "limit reached"}, 429)] * 2)
    with pytest.raises(DeliveryError) as caught:
        AppriseNotifier(service.url)("### hi")
    assert caught.value.fate == "throttled"


def test_a_service_that_hangs_is_left(hanging: Faulty) -> None:
    """It may have the message; it is kept."""
    notifier = AppriseNotifier(url(hanging), timeout=1.0)
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="no answer by apprise within 1 s") as caught:
        notifier("### hi")
    assert caught.value.fate == "unknown"
    assert deliver(notifier, Message("### hi", "a1"), 8).status == "spooled"
    assert time.monotonic() - began < 20
    assert len(waiting(notifier)) == 1


def test_the_end_of_the_process_does_not_wait_for_it(hanging: Faulty, tmp_path: Path) -> None:
    """As it would for the threads of apprise itself."""
    code = """
import sys, time, twinkle_notifier
notifier = twinkle_notifier.AppriseNotifier(sys.argv[1], timeout=60)
import threading
threading.Thread(target=notifier, args=("### hi",), daemon=True).start()
time.sleep(1)
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, url(hanging)], cwd=tmp_path, timeout=120)
    assert done.returncode == 0
    assert time.monotonic() - began < 50


def test_a_redirect_hands_the_message_to_nobody(inbox: Inbox) -> None:
    """A 307 would repeat it elsewhere, with its body."""
    elsewhere = inbox.url.partition("/robot/")[0]
    with Faulty(redirect(307, f"{elsewhere}/"), service=ntfy.Robot) as robot:
        with pytest.raises(DeliveryError):
            AppriseNotifier(url(robot))("### hi")
        assert (len(robot.requests), inbox.requests) == (1, 0)


@pytest.mark.parametrize("status", [200, 500])
def test_no_secret_is_in_any_log(service: Service, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """At the lowest level of all, in repr, pickles and the spool; and what others log by these loggers stays."""
    caplog.set_level(1)
    for name in ("apprise", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(1)
    service.robot.script(*[Response("out of order", 500)] * 9 * (status == 500))
    notifier = AppriseNotifier(service.url)
    deliver(notifier, Message(f"### hi\n\n- said: {TOKEN}", "a1"), 8)
    logging.getLogger("apprise").debug("of the program's own")
    with pytest.raises(ArgumentError) as wrong:
        AppriseNotifier(f"nonsense://{TOKEN}")
    kept = b"".join(path.read_bytes() for path in Path(os.environ["TMPDIR"]).rglob("*") if path.is_file())
    shown = f"{caplog.text} {notifier!r} {pickle.dumps(notifier)!r} {wrong.value!r} {kept!r}"
    assert [secret for secret in (TOKEN, PASSWORD) if secret in shown] == []
    assert "of the program's own" in caplog.text
    assert logging.getLogger("apprise").filters == []
    assert bool(waiting(notifier)) is (status == 500)


def test_an_exception_calls_nobody_in_discord(discord: Service, inbox: Inbox) -> None:
    """Whatever its text holds."""
    error = ValueError("@everyone <@123456789012345678> @here <@&5>")
    assert notify_exception(AppriseNotifier(discord.url), "@here", error, "@everyone").status == "sent"
    assert inbox.messages[0].mentioned == ()


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
        (["json://x"], "url takes text, and was given a value of type list: give a URL in apprise's form"),
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


def test_a_reference_stays_one(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """In dict, repr, pickle and checkpoint; it is looked up at each message, and checked when a run begins."""
    notifier = AppriseNotifier("env:APPRISE_URL", min_level="error")
    with pytest.raises(CredentialError, match="APPRISE_URL"):
        notifier.check_setup()
    monkeypatch.setenv("APPRISE_URL", "ntfy://ntfy.sh/x")
    with pytest.raises(ArgumentError, match="ntfys"):
        notifier.check_setup()
    monkeypatch.setenv("APPRISE_URL", ntfy_service(inbox).url)
    notifier.check_setup()
    described = {"class": "AppriseNotifier", "url": "env:APPRISE_URL", "timeout": 5.0, "min_level": "error"}
    assert notifier.to_dict() == described
    assert from_checkpoint(described, save_secrets=False) == notifier
    pickle.loads(pickle.dumps(notifier))("### hi")
    assert "env:APPRISE_URL" in repr(notifier)
    assert len(inbox.messages) == 1


def test_a_pickle_without_its_url_says_so() -> None:
    """A literal one is in none."""
    with pytest.raises(CredentialError, match="pickles hold no secrets"):
        pickle.loads(pickle.dumps(AppriseNotifier("ntfys://ntfy.sh/x")))("### hi")


def test_in_a_fan_out_it_is_one_of_all(inbox: Inbox) -> None:
    """What it cannot send is kept for it alone."""
    good, bad = AppriseNotifier(ntfy_service(inbox).url), AppriseNotifier("ntfy://127.0.0.1:1/x")
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


def test_importing_the_package_loads_no_apprise(inbox: Inbox, tmp_path: Path) -> None:
    """Only making a notifier does, with all that a message needs."""
    code = """
import sys, twinkle_notifier
print("apprise" in sys.modules)
notifier = twinkle_notifier.AppriseNotifier(sys.argv[1])
before = set(sys.modules)
notifier("### hi")
print(sorted(set(sys.modules) - before))
"""
    command = [sys.executable, "-c", code, ntfy_service(inbox).url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    first, second = done.stdout.split("\n", 1)
    assert (first, second.strip()) == ("False", "[]"), done.stderr
