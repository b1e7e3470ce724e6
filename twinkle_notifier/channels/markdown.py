"""Fitting a Markdown message to what a service shows and takes."""

from __future__ import annotations

import re

_LITERAL = 500  # characters of a line up to which its marks are escaped
_LINE = 200  # characters that a cut gives up to end at a line's end
_FENCE = re.compile(r"^(`{3,})[^`\n]*\n(.*?)\n\1`*[ \t]*$", re.MULTILINE | re.DOTALL)
# What Markdown would read as more than text: emphasis (a run of marks that can open and one that can close), links,
# HTML, and block marks at the start. The rest stays as it is, since nobody says that DingTalk knows the backslash.
_STARS = re.compile(r"\*+(?=[^\s*]).*?(?:(?<=\w)\*+|(?<=[^\s\w*])\*+(?=\W|$))")
_UNDERSCORES = re.compile(r"(?<!\w)_+(?=[^\s_]).*?(?<=[^\s_])_+(?!\w)")
_OTHERS = re.compile(r"\[(?=[^\]]*\]\()|<(?=[A-Za-z/!])|^[#>+-](?=\s|[#>])")


def title(message: str, limit: int) -> str:
    """The first heading line without its marks, else the first line that is not empty; `limit` characters at most."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    headings = [line for line in lines if re.match(r"#{1,6}\s+\S", line)]
    line = re.sub(r"^#{1,6}\s+|\s+#+$", "", headings[0]) if headings else next(iter(lines), "")
    return line[:limit]


def unfenced(message: str) -> str:
    """`message` with each code block as a quotation, line by line, for services that show no code blocks."""
    return _FENCE.sub(lambda block: _quoted(block[2]), message)


def _quoted(code: str) -> str:
    # Two spaces at the end break the line; no-break spaces keep the indentation.
    return "  \n".join("> " + _literal(line) for line in code.split("\n"))


def _literal(line: str) -> str:
    line = line.expandtabs(4)
    text = line.lstrip(" ")
    indent = "\u00a0" * (len(line) - len(text))
    if len(text) > _LITERAL:
        return indent + text  # the patterns below take quadratic time, and nobody reads such a line on a phone
    text = _OTHERS.sub(r"\\\g<0>", text)
    text = text.replace("*", r"\*") if _STARS.search(text) else text
    if _UNDERSCORES.search(text):
        text = re.sub(r"(?<!\w)_+|_+(?!\w)", lambda run: r"\_" * len(run[0]), text)
    return indent + (text.replace("`", r"\`") if text.count("`") % 2 else text)


def cut(message: str, limit: int) -> str:
    """`message` in at most `limit` bytes of UTF-8: its beginning and, three times as long, its end."""
    data = message.encode("utf-8", "replace")
    if len(data) <= limit:
        return message
    note = "\n\n… {} bytes left out …\n\n"
    room = max(limit - len(note.format(len(data)).encode()), 0)
    head = data[: room // 4].decode("utf-8", "ignore")
    tail = data[len(data) - (room - room // 4) :].decode("utf-8", "ignore") if room else ""
    whole, _, broken = head.rpartition("\n")
    head = whole if len(broken) < _LINE else head
    broken, _, whole = tail.partition("\n")
    tail = whole if len(broken) < _LINE else tail
    left_out = len(data) - len(head.encode()) - len(tail.encode())
    return head + note.format(left_out) + tail
