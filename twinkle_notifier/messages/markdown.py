"""Fits a Markdown message to what a service can show and accepts."""

from __future__ import annotations

import re

from twinkle_notifier.messages.catalog import language_of, phrase
from twinkle_notifier.messages.folding import folded, is_own_code, without_neighbours
from twinkle_notifier.messages.titles import shortened

_LITERAL = 500  # characters; marks in a longer line are not escaped
_LINE = 200  # characters that a cut gives up to end at a line's end
_TITLE = 10_000  # characters at a message's beginning in which its heading is looked for
_WHOLE = 2  # blocks
_BLOCK = 64  # bytes; a code block that would get less is left out
_TRACEBACK = 500  # bytes of a traceback and the facts below it; with less room it goes, for the facts
_NOTE = "… {number} bytes left out …"
_OPENING = re.compile(r"^(`{3,})[^`\n]*$", re.MULTILINE)
_FENCE = re.compile(r"^(`{3,})[^`\n]*\n(.*?)\n\1`*[ \t]*$", re.MULTILINE | re.DOTALL)
# What Markdown would not show as text: emphasis (marks that can open it, then marks that can close it), links.
# Nothing else is escaped: it is not documented that DingTalk knows the backslash.
_STARS = re.compile(r"\*+(?=[^\s*]).*?(?:(?<=\w)\*+|(?<=[^\s\w*])\*+(?=\W|$))")
_UNDERSCORES = re.compile(r"(?<!\w)_+(?=[^\s_]).*?(?<=[^\s_])_+(?!\w)")
_LINKS = re.compile(r"\[(?=[^\]]*\]\()")
# The marks of a quotation, or a sign of HTML.
_ANGLES = re.compile(r"(^(?:[ \t]*>)+)|<|>", re.MULTILINE)
_ENTITIES = re.compile(r"&(?=#?\w{1,31};)")  # code that would be read as another sign
# What makes a line a heading, a list, a quotation, a rule or a fence, unless a zero-width space precedes it.
_STARTS = re.compile(r"^(?=[#>+=~|*-]|\d{1,9}[.)])")


def title(message: str, limit: int) -> str:
    """The first heading line without its marks, else the first line that is not empty; `limit` characters at most.

    A longer one is `shortened`.
    """
    lines = [line.strip() for line in message[:_TITLE].splitlines() if line.strip()]
    headings = [line for line in lines if re.match(r"#{1,6}\s+\S", line)]
    line = re.sub(r"^#{1,6}\s+|\s+#+$", "", headings[0]) if headings else next(iter(lines), "")
    return shortened(line, limit)


def unfenced(message: str) -> str:
    """`message` with each code block as a quotation, line by line, for services that show no code blocks.

    `<` and `>` are entities in it: a phone shows nothing at all of a DingTalk message that holds HTML.
    """
    shown = _FENCE.sub(lambda block: _quoted(block[2]), message)
    return _ANGLES.sub(lambda found: found[1] or ("&lt;" if found[0] == "<" else "&gt;"), shown)


def fence(code: str) -> str:
    """As many backticks as no line of `code` can end."""
    marks = "```"
    while marks in code:
        marks += "`"
    return marks


def plain(message: str) -> str:
    """`message` without the marks of its heading, its bold words and its code blocks, for services that show none."""
    bare = _FENCE.sub(lambda block: block[2], message)
    return re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", lambda bold: bold[1], re.sub(r"^\s*#{1,6}\s+", "", bare))


def _quoted(code: str) -> str:
    # Two spaces at the end break the line; no-break spaces keep the indentation.
    return "  \n".join("> " + _literal(line) for line in code.split("\n"))


def _literal(line: str) -> str:
    line = line.expandtabs(4)
    text = line.lstrip(" ")
    indent = "\u00a0" * (len(line) - len(text))
    # Functions, as `sub` with a backslash in its template imports `re` anew, which fails at the interpreter's end.
    # Each pattern is tried only after a quick test for its mark, which few lines have.
    text = _STARTS.sub("\u200b", _ENTITIES.sub("&amp;", text) if "&" in text else text)
    if len(text) > _LITERAL:
        return indent + text  # the patterns below take quadratic time
    text = _LINKS.sub(lambda _: r"\[", text) if "](" in text else text
    text = text.replace("*", r"\*") if "*" in text and _STARS.search(text) else text
    if "_" in text and _UNDERSCORES.search(text):
        text = re.sub(r"(?<!\w)_+|_+(?!\w)", lambda run: r"\_" * len(run[0]), text)
    return indent + (text.replace("`", r"\`") if text.count("`") % 2 else text)


def cut(message: str, limit: int) -> str:
    """`message` in at most `limit` bytes of UTF-8, from 300 on.

    First the frames of libraries are folded, as few as needed. The heading and the facts before the code block stay if
    they fit into half of the limit, else their end is left out. Of the block the middle is left out, at line ends; its
    fences stay. Up to two small blocks before the last stay whole. The user's own code stays before its traceback does:
    it loses the lines beside those that failed first. Of a message without a block the middle is left out, but not the
    heading. A note says how much is left out.
    """
    if _size(message) <= limit:
        return message
    language = language_of(message)
    return _cut(folded(message, limit, language), limit, _WHOLE, language)


def _cut(message: str, limit: int, whole: int, language: str) -> str:
    if _size(message) <= limit:
        return message
    opening = _OPENING.search(message)
    if opening is None:
        heading = message[: limit // 2].lstrip().partition("\n")[0]
        return _ends(message, limit, max(limit // 4, min(_size(heading) + 2, limit // 2)), language)
    before, code, after = _parts(message, opening)
    before = _beginning(before, max(limit // 2, limit - _size(code) - _size(after)))
    rest = limit - _size(before)
    if rest < min(_BLOCK, _size(code)):
        return before
    followed = _OPENING.search(after) is not None
    if whole > 0 and followed and is_own_code(code):
        return before + _own_first(code, opening[1], after, rest, language)
    room = max(rest // 4, rest - _size(code))
    if followed:
        is_small = whole > 0 and _size(code) <= rest // 2
        room = room if is_small else min(room, rest // 2)  # half, or 100 blocks would recurse
    after = _cut(after, room, whole - 1, language)
    return before + _shorter_block(code, opening[1], rest - _size(after), language) + after


def _own_first(code: str, fence: str, after: str, limit: int, language: str) -> str:
    """The user's own code, and what there is room for of the traceback and the facts below it."""
    most = limit - limit // 4
    code = code if _size(code) <= most else without_neighbours(code)
    code = _shorter_block(code, fence, most, language)
    room = limit - _size(code)
    opening = _OPENING.search(after)
    if room >= _TRACEBACK or opening is None:
        return code + _cut(after, room, 0, language)
    _, traceback, below = _parts(after, opening)  # the heading says the error
    note = "\n" + _note(_size(traceback), language).rstrip("\n")
    return code + note + _beginning(below, room - _size(note)) if room > _size(note) else code


def _parts(message: str, opening: re.Match[str]) -> tuple[str, str, str]:
    """The text before the code block, the block with its fences, and the text after it."""
    closing = re.compile(rf"^{opening[1]}`*[ \t]*$", re.MULTILINE).search(message, opening.end() + 1)
    end = closing.end() if closing else len(message)
    return message[: opening.start()], message[opening.start() : end], message[end:]


def _shorter_block(block: str, fence: str, limit: int, language: str) -> str:
    if _size(block) <= limit:
        return block
    lines = block.split("\n", 1)[1] if "\n" in block else ""
    if re.search(rf"(?:^|\n){fence}`*[ \t]*$", lines):
        lines = lines.rpartition("\n")[0]
    room = limit - 2 * len(fence) - 2
    return f"{fence}\n{_ends(lines, room, room // 4, language)}\n{fence}" if limit >= _BLOCK else ""


def _beginning(text: str, limit: int) -> str:
    """As many lines of `text` as fit, or a part of the first."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    room = limit - len("\n…\n\n".encode())
    if room < 0:
        return ""
    kept = data[:room].decode("utf-8", "ignore")
    whole = kept.rpartition("\n")[0].rstrip()
    return f"{whole}\n…\n\n" if whole else f"{kept}…\n\n"


def _ends(text: str, limit: int, first: int, language: str) -> str:
    """Up to `first` bytes of the beginning of `text`, a note, and the end of `text`; `limit` bytes in all."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    room = limit - _size(_note(len(data), language))
    if room < 0:
        return ""
    last = _size(text.rpartition("\n")[2]) + 1  # a traceback's last line is its error
    first = min(first, max(room - last, 0) if last < limit else room)
    head = data[:first].decode("utf-8", "ignore")
    tail = data[len(data) - (room - first) :].decode("utf-8", "ignore") if room > first else ""
    whole, _, broken = head.rpartition("\n")
    head = whole if len(broken) < _LINE else head
    broken, _, whole = tail.partition("\n")
    tail = whole if len(broken) < _LINE else tail
    head, tail = head.rstrip("`"), tail.lstrip("`")  # a part of a line would look like a fence
    return head + _note(len(data) - _size(head) - _size(tail), language) + tail


def _note(number: int, language: str) -> str:
    return f"\n{phrase(language, _NOTE, number=number)}\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
