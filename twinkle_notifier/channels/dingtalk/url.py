"""What can be a DingTalk robot's webhook URL."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from twinkle_notifier.errors import ArgumentError

_HOSTS = ("oapi.dingtalk.com", "oapi.dingtalk.io")
_PATH = "/robot/send"


def serves(url: str) -> bool:
    """See `DingNotifier.serves`."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL at all
        return False
    return parts.scheme in ("http", "https") and (parts.hostname in _HOSTS or parts.path == _PATH)


def parted(url: str) -> tuple[str, str | None]:
    """A webhook URL and the secret that was appended to it as ``&secret=SEC...``; None if there is none.

    The rest of the URL stays as it is, to the letter. What is no URL has no secret.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, None
    fields = parts.query.split("&")
    secrets = [unquote(field.partition("=")[2]) for field in fields if field.partition("=")[0] == "secret"]
    if not secrets:
        return url, None
    kept = "&".join(field for field in fields if field.partition("=")[0] != "secret")
    return urlunsplit(parts._replace(query=kept)), next((secret for secret in secrets if secret), None)


def check(url: str, insecure: bool) -> None:
    """Raise ArgumentError if `url` cannot be a robot's."""
    try:
        parts = urlsplit(url)
        if "[" in parts.netloc:
            IPv6Address(parts.hostname or "")  # before Python 3.11 urlsplit lets anything stand in the brackets
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, usable = urlsplit(""), False  # the error would show the URL
    if not usable:
        raise ArgumentError(
            "ding_url is no http(s) URL: copy the robot's webhook URL, https://oapi.dingtalk.com/robot/..."
        )
    if parts.scheme == "http" and not insecure and not _is_here(parts.hostname or ""):
        raise ArgumentError(
            "ding_url is http:// to another machine, and anyone on the way could read its token: use https://, or "
            "insist with insecure=True"
        )


def check_service(url: str) -> None:
    """Raise ArgumentError if `url` is another service's, or lacks the token. Shows nothing of it but the host."""
    if not serves(url):
        host = urlsplit(url).hostname or "nowhere"
        raise ArgumentError(
            f"ding_url leads to {host}: is it a DingTalk robot's? Copy the robot's webhook URL, "
            "https://oapi.dingtalk.com/robot/send?access_token=..."
        )
    if not parse_qs(urlsplit(url).query).get("access_token"):
        raise ArgumentError("ding_url is cut short: it names no access_token. Copy the robot's whole webhook URL")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name
        return False
