"""The way of one request: directly, or through a proxy."""

from __future__ import annotations

import gzip
import logging
import ssl
import zlib
from collections import namedtuple
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import certifi
import pytest

from twinkle_notifier.channels import connection, http
from twinkle_notifier.errors import DeliveryError
from twinkle_notifier.inbox.faults import Fault, Faulty, Visit, accept, late, says

BODY = b'{"msgtype": "text", "text": {"content": "hello"}}'


def posted(url: str) -> bytes:
    with connection.posted(url, connection.Payload(BODY), 5.0, ["token-of-a-faulty-robot"]) as reply:
        answer: bytes = reply.read(1000)
        return answer


def test_a_request_holds_what_it_must() -> None:
    """And nothing of this machine."""
    with Faulty(says({"errcode": 0})) as robot:
        url = robot.url
        assert posted(url) == b'{"errcode": 0}'
    [request] = robot.requests
    assert request.body == BODY
    assert dict(request.headers) == {
        "host": url.split("/")[2],
        "content-type": "application/json; charset=utf-8",
        "content-length": str(len(BODY)),
        "accept-encoding": "identity",
        "user-agent": "twinkle-notifier",
    }


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for the whole URL; with its own password, which a log does not show."""
    with Faulty(says({"errcode": 0})) as proxy:
        monkeypatch.setenv(variable, f"http://user:pass-word@127.0.0.1:{proxy.port}")
        assert posted("http://robot.invalid/robot/send?access_token=x") == b'{"errcode": 0}'
    [request] = proxy.requests
    assert request.path == "http://robot.invalid/robot/send?access_token=x"
    assert request.headers["proxy-authorization"].startswith("Basic ")
    assert request.body == BODY


@pytest.mark.parametrize("exempt", ["127.0.0.1", "127.0.0.0/8", "localhost,127.0.0.1", "*"])
def test_a_host_without_a_proxy_is_asked_directly(exempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As NO_PROXY says it, address ranges among it."""
    with Faulty(says({"errcode": 0})) as robot, Faulty(accept) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", exempt)
        assert posted(robot.url) == b'{"errcode": 0}'
        assert proxy.requests == []


def test_no_secret_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG urllib3 writes the URL of each request."""
    caplog.set_level(logging.DEBUG)
    with Faulty(accept) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        posted(proxy.url)
    assert "access_token=***" in caplog.text
    assert "token-of" not in caplog.text


def test_a_user_in_the_url_is_sent_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And is no part of the host. What ~/.netrc has for it is not sent."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password of-netrc")
    monkeypatch.setenv("HOME", str(tmp_path))
    with Faulty(says({})) as robot:
        posted(robot.url.replace("://", "://a%40b:c%3Ad@"))
        posted(robot.url)
    named, plain = (request.headers for request in robot.requests)
    assert named["authorization"] == "Basic YUBiOmM6ZA=="  # a@b:c:d
    assert named["host"] == plain["host"]
    assert "authorization" not in plain


def test_what_a_url_cannot_hold_is_encoded() -> None:
    """As a browser does it; what is encoded stays."""
    with Faulty(says({})) as robot:
        posted(robot.url.partition("?")[0] + "?a=b c&d=%2B+\u00e9#part")
    assert robot.requests[0].path.partition("?")[2] == "a=b%20c&d=%2B+%C3%A9"


def short(visit: Visit) -> None:
    visit.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"errcode": 0}')


def cut(visit: Visit) -> None:
    visit.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n{"errcode": 0}\r\n')


@pytest.mark.parametrize("fault", [short, cut])
@pytest.mark.parametrize("by_proxy", [False, True])
def test_an_answer_that_breaks_off_is_none(fault: Fault, by_proxy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though what came of it says yes."""
    with Faulty(fault) as robot:
        if by_proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{robot.port}")
        with pytest.raises(DeliveryError) as caught:
            http.post(robot.url, BODY, timeout=5)
    assert caught.value.fate == "unknown"


def test_a_whole_answer_in_chunks_is_one() -> None:
    """However it is cut."""

    def chunked(visit: Visit) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        visit.send(head + b'7\r\n{"errco\r\n7\r\nde": 0}\r\n0\r\n\r\n')

    with Faulty(chunked) as robot:
        assert http.post(robot.url, BODY, timeout=5).body == b'{"errcode": 0}'


def test_what_was_left_behind_sends_nothing_later() -> None:
    """A request that got its connection after its try had ended would be a message that nobody knows of."""
    payload = connection.Payload(BODY)
    assert not payload.seal()
    with pytest.raises(TimeoutError):
        payload.read()
    payload = connection.Payload(BODY)
    assert payload.read() == BODY
    assert payload.seal()


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that are tried, each time."""
    urls: list[str] = []
    posted = connection.posted

    def noted(url: str, *more: Any) -> Any:
        urls.append(url)
        return posted(url, *more)

    monkeypatch.setattr(connection, "posted", noted)
    return urls


@pytest.mark.parametrize("content", [None, "", "no certificate"])
@pytest.mark.parametrize("by_proxy", [False, True])
def test_issuers_that_are_not_there_are_named(
    content: str | None,
    by_proxy: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    certificate: Path,
    tries: list[str],
) -> None:
    """Not taken for no way out; and nobody tries it again."""
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with Faulty(accept, certificate=str(certificate)) as robot:
        if by_proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{robot.port}")
        with pytest.raises(DeliveryError, match="there are no certificates where REQUESTS_CA_BUNDLE"):
            http.post(robot.url, BODY, timeout=5)
        assert robot.requests == []
    assert len(tries) == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_server_is_trusted_by_a_bundle(variable: str, monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """And by its name."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(certificate.with_suffix(".crt")))
    with Faulty(says({"errcode": 0}), certificate=str(certificate)) as robot:
        assert posted(robot.url) == b'{"errcode": 0}'
        assert posted(robot.url.replace("127.0.0.1", "localhost")) == b'{"errcode": 0}'
    other = Faulty(accept, certificate=str(certificate), host="127.0.0.2")
    with other as robot, pytest.raises(ssl.SSLCertVerificationError):
        posted(robot.url)


UNTRUSTED = b"its certificate is not trusted here"


def answer_of_a_secure_robot(certificate: Path) -> bytes:
    with Faulty(says({"errcode": 0}), certificate=str(certificate)) as robot:
        try:
            return http.post(robot.url, BODY, timeout=5).body
        except DeliveryError as error:
            return UNTRUSTED if UNTRUSTED.decode() in str(error) else str(error).encode()


@pytest.mark.parametrize("trusted", [False, True])
def test_a_proxy_leads_to_a_secure_server(
    trusted: bool, monkeypatch: pytest.MonkeyPatch, certificate: Path, tunnel: Any
) -> None:
    """Through a tunnel, at whose end the server's certificate counts."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")) if trusted else certifi.where())
    assert answer_of_a_secure_robot(certificate) == (b'{"errcode": 0}' if trusted else UNTRUSTED)
    assert tunnel.visits == 1


@pytest.mark.parametrize("takes_text", [True, False], ids=["urllib3 2", "as urllib3 1.26 does it"])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_secure_proxy_leads_to_a_secure_server(
    takes_text: bool, trusted: bool, monkeypatch: pytest.MonkeyPatch, certificate: Path, tunnel: Any
) -> None:
    """TLS within TLS: both certificates count."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    tunnel.socket = context.wrap_socket(tunnel.socket, server_side=True)
    if not takes_text:
        monkeypatch.setattr("urllib3.poolmanager.PoolKey", namedtuple("PoolKey", ["key_ca_certs"]))
    monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{tunnel.port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")) if trusted else certifi.where())
    assert answer_of_a_secure_robot(certificate) == (b'{"errcode": 0}' if trusted else UNTRUSTED)


@pytest.mark.parametrize("by_proxy", [False, True])
def test_an_answer_may_take_as_long_as_a_request(by_proxy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directly and through a proxy: who gives up at half of it asks twice."""
    with Faulty(late(1.5)) as robot:
        if by_proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{robot.port}")
        assert http.post(robot.url, BODY, timeout=2.5, repeatable=True).status == 200
    assert [request.path.startswith("http://") for request in robot.requests] == [by_proxy]


@pytest.mark.parametrize("by_proxy", [False, True])
@pytest.mark.parametrize("packed", [gzip.compress, zlib.compress, lambda body: zlib.compress(body)[2:-4]])
def test_a_packed_answer_is_unpacked(
    packed: Callable[[bytes], bytes], by_proxy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy, or a service's own gateway, may pack what nobody asked to be."""

    def answers(visit: Visit) -> None:
        body, kind = packed(b'{"errcode": 0}'), b"gzip" if packed is gzip.compress else b"deflate"
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)) + body)

    with Faulty(answers) as robot:
        if by_proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{robot.port}")
        assert http.post(robot.url, BODY, timeout=5).body == b'{"errcode": 0}'


def test_what_says_that_it_is_packed_and_is_not_stays() -> None:
    """Some proxies unpack a body and leave its header."""

    def answers(visit: Visit) -> None:
        visit.send(b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 14\r\n\r\n{"errcode": 0}')

    with Faulty(answers) as robot:
        assert http.post(robot.url, BODY, timeout=5).body == b'{"errcode": 0}'


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://[2001:db8::1]/robot/send", ("2001:db8::1", 80)),
        ("https://[2001:db8::1]/robot/send", ("2001:db8::1", 443)),
        ("https://[::1]:8443/robot/send", ("::1", 8443)),
        ("https://robot.invalid/robot/send", ("robot.invalid", 443)),
    ],
)
def test_where_a_url_leads(url: str, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of an IPv6 address is no port."""
    asked = []

    def connect(address: tuple[str, int], *_: object) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        posted(url)
    assert asked == [address]


@pytest.mark.parametrize("by_proxy", [False, True])
@pytest.mark.parametrize("secure", [False, True])
def test_nothing_is_printed_of_a_request(
    by_proxy: bool,
    secure: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    certificate: Path,
    tunnel: Any,
) -> None:
    """Though a user has turned that on for all requests: it holds the token."""
    monkeypatch.setattr(HTTPConnection, "debuglevel", 1)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")))
    with Faulty(says({}), certificate=str(certificate) if secure else None) as robot:
        if by_proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass-word@127.0.0.1:{tunnel.port}")
            monkeypatch.setenv("HTTP_PROXY", f"http://user:pass-word@127.0.0.1:{robot.port}")
        posted(robot.url)
    assert capsys.readouterr().out == ""
    assert tunnel.visits == int(by_proxy and secure)


@pytest.mark.parametrize(
    ("proxy", "says"), [("socks5://127.0.0.1:9", "needs PySocks"), ("http://127.0.0.1:9", "the proxy does not take it")]
)
def test_a_proxy_that_does_not_work_is_named(proxy: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what may mend it."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(DeliveryError, match=says):
        http.post("http://robot.invalid/robot/send", BODY, timeout=5)


def test_a_host_that_can_be_none_is_not_tried_again(tries: list[str]) -> None:
    """What is wrong with a URL stays wrong."""
    with pytest.raises(DeliveryError, match="InvalidURL"):
        http.post("http://not a host/robot/send", BODY, timeout=5)
    assert len(tries) == 1
