"""The page that shows what arrived."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape

from twinkle_notifier.inbox.robot import Received

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>Inbox ({count})</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; background: #eee }}
article {{ background: #fff; border-radius: .5rem; padding: .75rem 1rem; margin: 1rem 0 }}
h2 {{ font-size: 1rem; margin: 0 }} time {{ color: #666; font-size: .85rem }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; margin: .5rem 0 0 }}
</style><h1>Inbox</h1>{articles}"""
_ARTICLE = "<article><h2>{title}</h2><time>{time}, {size} bytes</time><pre>{text}</pre></article>"
_EMPTY = "<p>Nothing has arrived yet.</p>"


def page(messages: Sequence[Received]) -> str:
    """HTML with the newest message first. It reloads itself every two seconds."""
    return _PAGE.format(count=len(messages), articles="".join(map(_article, reversed(messages))) or _EMPTY)


def _article(message: Received) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(message.at))
    return _ARTICLE.format(title=escape(message.title), time=when, size=message.size, text=escape(message.text))
