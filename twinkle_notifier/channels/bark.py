"""Bark: pushes to the app of that name on an iPhone.

Its contract, from the source of bark-server: POST of JSON to the path of a device's key; success is HTTP 200 and a
``code`` of 200, a refusal the same number in both; Apple takes 4096 bytes a push; an ``id`` replaces an earlier push.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot, code_in, object_in
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level

_TITLE = 120  # characters; a locked phone shows two lines
_GROUP = "twinkle-notifier"  # under which the app lists the pushes
_KEY = Meaning("Bark does not know the key: copy the URL from the app's first page again")


class BarkRobot(Robot):
    """A device's key at Bark's server, or at one of your own whose name begins with ``bark.``."""

    service = "Bark"
    hosts: ClassVar[tuple[str, ...]] = ("api.day.app",)
    path = "/bark/"
    key = "key"
    example = "https://api.day.app/..."
    per_minute = 30  # Bark names no limit, and Apple holds back what comes too fast
    penalty: ClassVar[float] = 60.0
    size = 3_500  # of Apple's 4096, which count the envelope, too
    drops_repeats = True  # the second push takes the place of the first

    @classmethod
    def serves(cls, url: str) -> bool:
        """See `Robot`."""
        return super().serves(url) or bool(re.match(r"https?://bark\.", url))

    @classmethod
    def missing(cls, url: str) -> str:
        """See `Robot`."""
        return "" if _parted(url)[1] else cls.key

    def address(self, draft: Draft) -> str:
        """See `Robot`: without the title and the text that the app's page shows as an example."""
        before, key = _parted(self.url)
        return urlunsplit(urlsplit(self.url)._replace(path=before + key, query=""))

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """See `Robot`."""
        level = "timeSensitive" if draft.urgent else "active"  # the first breaks through a phone's focus
        said = {"body": markdown.plain(text)} if draft.plain else {"markdown": text}
        return {"title": markdown.title(text, _TITLE), **said, "group": _GROUP, "level": level, "id": draft.id}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        """See `Robot`: a ``code`` of 200, and nothing else, is success."""
        found = object_in(answer)
        code, said = code_in(found, "code"), str(found.get("message", ""))
        if code is None:
            return self.no_robot(answer)
        if code == 200:
            return None
        return Refusal(code, said, _KEY if "device" in said else Meaning())


def _parted(url: str) -> tuple[str, str]:
    """The path of the server before a device's key, and the key."""
    path = urlsplit(url).path
    before = BarkRobot.path if path.startswith(BarkRobot.path) else "/"
    return before, path.removeprefix(before).partition("/")[0]


class BarkNotifier(WebhookNotifier):
    """Sends messages to an iPhone by Bark: failures and stalls break through a phone's focus.

    Args:
        webhook_url: the URL that the app's first page shows.
        timeout: seconds for one HTTP request.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the key.
        min_level: alerts below it are left out, see `Notifier.min_level`.

    `webhook_url` may be a reference, as in `DingNotifier`.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no key.
    """

    service_name: ClassVar[str] = BarkRobot.service
    reference_fields: ClassVar[tuple[str, ...]] = ("webhook_url",)
    _class = "BarkNotifier"
    _fields = ("webhook_url", "timeout", "insecure")
    _robot = BarkRobot

    def __init__(
        self, webhook_url: str, timeout: float = 5.0, *, insecure: bool = False, min_level: Level | None = None
    ) -> None:
        super().__init__(webhook_url, None, timeout, insecure=insecure, min_level=min_level)
