"""Text that is not ours, made fit to stand in a message: bounded, without secrets, and not taken for marks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from twinkle_notifier.credentials.masking import beginning, ends, mask, shortened

_LONG = 100_000  # characters of either end of a text that are looked at
_BLOCK = (16_000, 48_000)  # characters of a code block's ends; no channel takes more
_BREAK = "\u200b"  # a zero-width space: people read on, and no service sees its mark any more


_FENCE = re.compile("``(?=`)")
_MENTION = re.compile(r"(?<![\w*.)\]])@(?=\w)|@(?=(?:all|everyone|here|channel|所有人)\b|\d{5})", re.IGNORECASE)
_TAG = re.compile(r"<(?=[A-Za-z/!?@#])")
_LINK = re.compile(r"\](?=\()")
_ADDRESS = re.compile(r":(?=//)|\bwww(?=\.)", re.IGNORECASE)
# Emphasis, in a line alone: an opening mark that has a closing one. Beside a letter no `_` opens, and a zero-width
# space counts as one. A `*` opens there, too, so another sign takes its place; three of them are the mask of a secret.
_UNDERSCORES = re.compile(r"(?<![\w\u200b])_+(?=[^\s_])(?=.*?[^\s_]_+(?!\w))")
_STARS = re.compile(r"(?<!\*)(?!\*{3}(?!\*))\*+(?=[^\s*])(?=.*?[^\s*]\*)")
_STRIKES = re.compile(r"~(?=~)")
_STAR = "\u2217"
_CODE = re.compile("(`[^`]+`)")
# In code only what a service may take for more than code: its own mentions, and links.
_CODE_TAG = re.compile(r"<(?=[!@#]|/?at\b|https?:|mailto:)", re.IGNORECASE)
_CODE_LINK = re.compile(r"\](?=\(\s?<?(?:[a-z]{2,10}:|/))", re.IGNORECASE)


def line(text: str, limit: int) -> str:
    """`text` as a part of one line of Markdown, in at most `limit` characters (and some that nobody sees)."""
    text = " ".join(beginning(text, _LONG // 2).split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    parts = _CODE.split(_broken(text, _FENCE, _MENTION, _TAG, _LINK))  # each second one is code
    return "".join(part if at % 2 else _unmarked(part) for at, part in enumerate(parts))


def path(text: str, limit: int) -> str:
    """As `line`, of what people copy: in code, to the letter, where a mark of Markdown would have to be broken."""
    shown, exact = line(text, limit), shown_in_log(text, limit)
    if shown == exact or "`" in exact:
        return shown
    return f"`{_broken(exact, _MENTION, _CODE_TAG, _CODE_LINK)}`"


def shown_in_log(text: str, limit: int) -> str:
    """`text` as a part of a line that is no Markdown: of a log, or on a terminal. To the letter, but for secrets."""
    text = " ".join(beginning(text.replace(_BREAK, ""), _LONG // 2).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def reply(text: str, limit: int, secrets: Iterable[str] = ()) -> str:
    """What a service, a proxy or a user's notifier says of a message: as `line`, with no address that is a link.

    Without `secrets`, too, however the answer colours or cuts them.
    """
    clean = " ".join(beginning(text, _LONG).split())  # more than any answer that is read
    return _ADDRESS.sub(lambda found: found[0] + _BREAK, line(mask(clean, secrets), limit))


def block(text: str) -> str:
    """`text` as the lines of a code block."""
    text = shortened(ends(text, _LONG, _LONG), *_BLOCK)
    return _broken(text, _FENCE, _MENTION, _CODE_TAG, _CODE_LINK)


def _unmarked(text: str) -> str:
    """Without emphasis: ``Foo.__init__()`` stays so, and reads so where a backslash would be shown."""
    if "_" in text:
        text = _UNDERSCORES.sub(lambda found: _BREAK + _BREAK.join(found[0]), text)
    if "*" in text:
        text = _STARS.sub(lambda found: _STAR * len(found[0]), text)
    return _STRIKES.sub(lambda found: found[0] + _BREAK, text) if "~" in text else text


def _broken(text: str, *marks: re.Pattern[str]) -> str:
    if "`" not in text and "@" not in text and "<" not in text and "]" not in text:
        return text
    for mark in marks:
        text = mark.sub(lambda found: found[0] + _BREAK, text)
    return text
