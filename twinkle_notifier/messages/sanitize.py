"""Makes texts that are not ours safe for a message: bounded, without secrets, and without live marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from twinkle_notifier.credentials.masking import beginning, ends, mask, shortened

_LONG = 100_000  # characters at each end of a text that are read
_BLOCK = (16_000, 48_000)  # characters of a code block's ends; no channel takes more
_BREAK = "\u200b"  # a zero-width space after a mark: people do not see it, and services do not see the mark

_FENCE = re.compile("``(?=`)")
_MENTION = re.compile(r"(?<![\w*.)\]/])@(?=\w)|@(?=(?:all|everyone|here|channel|所有人)\b|\d{5})", re.IGNORECASE)
_TAG = re.compile(r"<(?=[A-Za-z/!?@#])")
_LINK = re.compile(r"\](?=\()")
_ADDRESS = re.compile(r":(?=//)|\bwww(?=\.)", re.IGNORECASE)
# Emphasis, within a line: an opening mark that has a closing one. A `_` beside a letter does not open, and a zero-width
# space counts as a letter. A `*` does, so another sign replaces it; three of them are the mask of a secret.
_UNDERSCORES = re.compile(r"(?<![\w\u200b])_+(?=[^\s_])(?=.*?[^\s_]_+(?!\w))")
_STARS = re.compile(r"(?<!\*)(?!\*{3}(?!\*))\*+(?=[^\s*])(?=.*?[^\s*]\*)")
_STRIKES = re.compile(r"~(?=~)")
_STAR = "\u2217"
_ERRNO = re.compile(r"\[(?:Errno|WinError) \d{1,5}\] ")
# Of native code.
_SOURCE = re.compile(r"\[(?:enforce fail at )?[\w./\\-]{1,200}\.(?:cc|cpp|cu|cuh|c|h|hpp):\d{1,6}\]:? (?=\S)")
_CAUGHT = re.compile(r"Caught \w{1,60} in [\w ]{1,80}\. ?(?:Original )?")  # torch, of a worker
# Of torch; the rest is in the likely cause, and in the traceback.
_FULL = re.compile(r"( out of memory\. Tried to allocate [\d.]{1,20} \w{1,5})(?:\. | \()([GN]PU \d{1,4})\b.*")
# Of torch, which loads weights; words that say nothing.
_SHAPES = re.compile(
    r"copying a param with shape torch\.Size\((\[[\d, ]{0,80}\])\) from checkpoint, "
    r"the shape in current model is torch\.Size\((\[[\d, ]{0,80}\])\)"
)
_HEADING = 120  # characters of an error; a phone shows no more
_LINES = 50  # of a text
# What makes a line a heading, a list, a quotation, a rule or a table.
_START = re.compile(r"[#>+=~|-]|\*|\d{1,9}[.)]")
_LONG_WORD = re.compile(r"\S{41,}")
_END = 18  # characters of a long word's ends
_LAST = 60  # characters of a path's last parts
_READ = 600  # characters of an error that are looked through for what it is about
# What follows the repository in a URL of a hub.
_IN_REPOSITORY = frozenset(["tree", "resolve", "blob", "raw", "revision", "commits", "paths-info"])
_PLACES = re.compile(r"[^\s/\\]{0,40}[/\\]\S{3,}")
_NUMBERS = re.compile(r"\[[\d, ]{1,80}\]|\b\d[\d.,]*\b")
_CODE = re.compile("(`[^`]+`)")
# Services read mentions and links even in code.
_CODE_TAG = re.compile(r"<(?=[!@#]|/?at\b|https?:|mailto:)", re.IGNORECASE)
_CODE_LINK = re.compile(r"\](?=\(\s?<?(?:[a-z]{2,10}:|/))", re.IGNORECASE)


def line(text: str, limit: int) -> str:
    """`text` as a part of a line of Markdown: at most `limit` characters, and some that are not seen."""
    parts = _CODE.split(_broken(_one_line(text, limit), _FENCE, _MENTION, _TAG, _LINK))  # every second part is code
    return "".join(part if at % 2 else _unmarked(part) for at, part in enumerate(parts))


def heading(text: str, limit: int) -> str:
    """An error as a part of a heading, as `line`: its words are shortened before its end is lost.

    What a phone has no room for is left out: ``[Errno 2]``, a line of native code, that a worker has caught it, and the
    numbers of a device that is full, but for what was asked.
    Where its end is lost, then at the end of a sentence.
    """
    text = " ".join(beginning(text, _LONG // 2).split())
    # A function, as a template of text would import `re` once more, which the interpreter's end does not allow.
    text = _FULL.sub(lambda found: f"{found[1]} on {found[2]}", text)
    text = _SHAPES.sub(lambda found: f"{found[1]} in the checkpoint, {found[2]} in the model", text)
    for needless in (_ERRNO, _SOURCE, _CAUGHT):
        text = needless.sub("", text)
    if len(text) > _HEADING:
        text = _LONG_WORD.sub(lambda found: _shortened(found[0]), text)
    if len(text) > limit and (end := text.rfind(". ", limit // 2, limit - 2)) > 0:
        text = f"{text[: end + 1]} …"
    if len(text) > limit:
        text = _with_what_matters(text[:_READ], limit - 1)
    return line(text, limit)


def _shortened(word: str) -> str:
    """A URL with its host and what it names, a path with its first and last parts, another long word with both ends."""
    if "://" in word:
        return _short_url(word)
    parts = re.split(r"(?<=[/\\])", word)
    if len(parts) > 3:
        first = parts[0] + parts[1] if len(parts[0]) < 3 else parts[0]
        return f"{_both_ends(first)}…/{_last_parts(parts[2:])}"
    return "".join(parts[:-1]) + _both_ends(parts[-1]) if len(word) - len(parts[-1]) < _END else _both_ends(word)


def _short_url(word: str) -> str:
    """Its host, and its last parts, or the repository of a hub and its file, without the query."""
    scheme, _, rest = word.partition("://")
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    parts = re.split(r"(?<=/)", path)
    at = next((at for at, part in enumerate(parts) if part.rstrip("/") in _IN_REPOSITORY and at > 1), None)
    if at is not None:
        file = _last_parts(parts[-1:]) if len(parts) > at + 2 else ""
        shown = "".join(map(_both_ends, parts[at - 2 : at])) + (f"…/{file}" if file else "…")
        return f"{scheme}://{host}/{'…/' if at > 2 else ''}{shown}"
    if len(parts) <= 2:
        return f"{scheme}://{host}{slash}{''.join(map(_both_ends, parts))}"
    return f"{scheme}://{host}/{'…/' if len(parts) > 2 else ''}{_last_parts(parts)}"


def _last_parts(parts: Sequence[str]) -> str:
    """The last two; of long ones the last, or its end."""
    last = next((last for last in ("".join(parts[-2:]), parts[-1]) if len(last) <= _LAST), "")
    return last or f"…{parts[-1][-_LAST:]}"


def _both_ends(word: str) -> str:
    return word if len(word) <= 2 * _END + 4 else f"{word[:_END]}…{word[-_END:]}"


def _with_what_matters(text: str, limit: int) -> str:
    """`text` in `limit` characters, with the last path or number in it, where the words before that can be left out."""
    found = list(_PLACES.finditer(text)) or list(_NUMBERS.finditer(text))
    if not found or found[-1].end() < limit or len(found[-1][0]) > limit // 2:
        return text
    kept = text[: limit - len(found[-1][0]) - 3].rpartition(" ")[0]
    more = "…" if text[found[-1].end() :].strip(" .") else ""
    return f"{kept} … {found[-1][0]}{more}" if kept else text


def paragraphs(text: str, limit: int) -> str:
    """`text` as lines of Markdown, each as `line`, and none of them a heading or a list item: `limit` characters."""
    text = beginning(text, _LONG // 2)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    lines = [line(one, limit) for one in text.splitlines()[:_LINES]]
    return "  \n".join(f"{_BREAK}{one}" if _START.match(one) else one for one in lines).strip()


def code(text: str, limit: int) -> str:
    """`text` as code in a line: unchanged, but for marks that a service would read even there."""
    exact = shown_in_log(text, limit)
    return line(text, limit) if "`" in exact or not exact else f"`{_broken(exact, _MENTION, _CODE_TAG, _CODE_LINK)}`"


def path(text: str, limit: int) -> str:
    """As `line`, for a text that people copy: unchanged and as code if `line` would have to break a mark in it."""
    shown, exact = line(text, limit), shown_in_log(text, limit)
    if shown == exact or "`" in exact:
        return shown
    return f"`{_broken(exact, _MENTION, _CODE_TAG, _CODE_LINK)}`"


def shown_in_log(text: str, limit: int) -> str:
    """`text` as a part of a line that is no Markdown, in a log or on a terminal: unchanged, but without secrets."""
    return _one_line(text.replace(_BREAK, ""), limit)


def _one_line(text: str, limit: int) -> str:
    text = " ".join(beginning(text, _LONG // 2).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def reply(text: str, limit: int, secrets: Iterable[str] = ()) -> str:
    """The answer of a service, a proxy or a user's notifier, as `line`, without links.

    Also without `secrets`, even if the answer colours or breaks them.
    """
    clean = " ".join(beginning(text, _LONG).split())  # no answer that we read is longer
    return _ADDRESS.sub(lambda found: found[0] + _BREAK, line(mask(clean, secrets), limit))


def block(text: str) -> str:
    """`text` as the lines of a code block."""
    text = shortened(ends(text, _LONG, _LONG), *_BLOCK)
    return _broken(text, _FENCE, _MENTION, _CODE_TAG, _CODE_LINK)


def _unmarked(text: str) -> str:
    """`text` without emphasis. No backslash is added, so that ``Foo.__init__()`` reads so everywhere."""
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
