"""A command line as it is shown to people: secrets are masked in each argument, then all are quoted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from twinkle_notifier.credentials import programs
from twinkle_notifier.credentials.programs import Seen
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.credentials.scrub_forms import is_amount, is_random
from twinkle_notifier.credentials.scrub_tokens import MASK, later
from twinkle_notifier.credentials.scrubber import scrub

# Names of options that `scrub` does not know, as they may mean something else in a text.
_OPTION = later(
    r"(?i)(?:[\w.-]*[-_.])?(?:pass|passw|pw|psw|pswd|passcode|wandb|auth|credentials?|jwt|mnemonic|seed[-_]phrase"
    r"|app[-_]?key|priv[-_]?key|connection[-_]string|(?:user|usr|ssh|my|db|smtp|ftp|mail|root|sudo)pass(?:wd|word)?"
    r"|ak[-_]?sk|ak|sk|pat|sas|otp|tkn)|cookies?"
)
# Of these, which may as well stand for a number, or for a pattern of files.
_SHORT = later(r"(?i)(?:[\w.-]*[-_.])?(?:ak|sk|pat|sas|otp|tkn)")
_NO_TOKEN = later(r"[-+]?[\d.,_]{1,8}|.*[*{\[(%^|$\\].*|\.\w+|auto|all|default|sk-?learn|train|val|test")
_OPTION_WORD = later(r"[-+]{1,2}[\w.-]+")
_SOME_KEY = later(
    r"(?i).*(?:key|token|login|licen[cs]e|serial|sign|signature|feishu|lark|dingtalk|wecom|bark)s?\d{0,3}"
)
_A_KEY = later(r"(?i)(?:[\w.-]+\.)?key")  # of anything: without `--` its value tells
# A server's, as `--ServerApp.token`; but that of a model is a word.
_A_TOKEN = later(r"(?i)(?!.*(?:tokenizer|model|data|vocab|special|prompt|pad|eos|bos|mask|unk|cls|sep)\b)[\w-]+\.token")
_PLAIN = later(
    r"[a-z]+(?:[_./-](?:[a-z]+\d?|\d+))*|[a-z]+\d(?:[_./-](?:[a-z]+\d?|\d+))+|[\d.]+"
    # Metrics and columns of data.
    r"|(?:[a-z]+[_./-])?(?i:acc|top|f|map|rouge|bleu|recall|precision|hits?|ndcg|layer|head|block|image|img|text|label)[@_-]?\d{0,2}"
)
_COLUMN = later(r"[a-z]{2,20}(?:_[a-z]{2,20}){0,3}")
_MANY = later(r"(?i)[\w.-]*(?:key|token|secret|credential|password|passphrase)s")  # it may have several values
_MAY_BE_ALONE = later(r"(?i)[\w.-]*(?:wandb|auth|cookies?)")  # options that may have no value
_LONG_OPTION = later(r"--(?:[A-Za-z][\w.-]*(?:=.*)?)?", re.DOTALL)
_LOGIN_AT = later(r"((?:\A|=)[\w.-]{1,100}:)[^\s:@/]+(?=@(?!sha\d+:)[\w.-]+(?:[:/].*)?\Z)")  # without `https://`
_SCRIPT = later(r"-[A-Za-z]*c")
_NESTED = 4  # scripts within scripts
_WORD, _TEXT = 10_000, 20_000  # characters of a word, and of all, that are looked at: far fewer are shown
_HARMLESS = later(r"(?i)true|false|yes|no|on|off|online|offline|disabled|dryrun|none|[01]|\$\w+|\$\{\w+\}")
_ASSIGNED = later(r"(?s)([-+\w.]+)=(.*)")
# A mapping or a list as JSON, YAML or Python write it, also as the value of an option; and `a=b,c=d`.
_NOTATION = later(r"(?s)(?:[-+\w.]+[=:])?\s*[\[{].*[\]}]\s*|[\w.-]+=[^\s,;]*(?:[,;][\w.-]+=[^\s,;]*)+;?")
_FIELD = later(
    r"""(?<![\w.-])(["']?)([A-Za-z_][\w.-]{0,80})\1(\s{0,4}[:=]\s{0,4})"""
    r"""(?:(["'])((?:(?!\4)[^\\]|\\.){1,1000})\4|([^\s"'{}\[\],;&]{1,1000}))"""
)
# `config set secret_access_key x`: a name and its value are two words.
_SETS = later(r"set|config|configure|modify|create|connect|add|update|edit")
_SET_NAME = later(
    r"(?i)(?:[\w./:-]*[./:_-])?(?:password|passwd|passphrase|_authtoken|(?:auth|access|api|session|secret)[-_]?(?:token|key)"
    r"|secret[-_]access[-_]key)"
)
_SPEAKS = ("echo", "printf")
# Of programs that read a secret from another one, from a here-string or from a here-document.
_HEARS = later(r"--(?:\w+-)?stdin|--with-token|--passphrase-fd(?:=0)?|(?:.*/)?(?:chpasswd|passwd)")
_SUDO_HEARS = later(r"-\w*S")
_DOCUMENT = later(r"<<-?[ \t]{0,4}([\"']?)(\w+)\1")
_SIGN = later(r"[;|&()`]{1,2}\s*|\n")
# An argument in a shell's script, with its quoted parts; a sign between commands; a lone quote. Of line breaks, one
# behind a backslash is no sign, and neither is one before an option, as in arguments that stand below each other.
_SHELL_WORD = later(
    r"""((?:[<>]&|&>|\\[^\r\n]|[^\\\s"';|&()`]|"(?:[^"\\]|\\.){0,1000}"|'[^']{0,1000}')+"""
    r"""|[;|&()`]{1,2}(?:[^\S\n]*\n)?|(?<!\\)(?<!\\\r)\n(?!\s*-)|["'])"""
)
# A word in quotes as a script has it, also behind `--name=`.
_QUOTED = later(r"""(?s)([-+\w.]+=)?(?:"((?:[^"\\]|\\.)*)"|'([^']*)')""")
_ESCAPED, _TO_ESCAPE = later(r"""\\(["\\])"""), later(r"""["]|\\(?=["\\]|\Z)""")


def shown(command: Sequence[str]) -> str:
    """`command` in one line, with ``***`` for what grants access. Of very long ones, the beginning."""
    words = _masked(list(_beginning(command)), _NESTED)
    return " ".join(word if word.endswith(MASK) else shlex.quote(word) for word in words)


def _beginning(command: Sequence[str]) -> Iterator[str]:
    left = _TEXT
    for word in command:
        most = min(left, _WORD)
        yield word if len(word) <= most else f"{word[:most]}…"
        left -= len(word) + 1
        if left <= 0:
            return


def _masked(words: Sequence[str], nested: int, told_by: tuple[str, ...] = ()) -> list[str]:
    """The words of one or more commands, without secrets. `told_by` are the programs that read them as their script."""
    masked: list[str] = []
    begin, did_hear = 0, False
    ends = [at for at, word in enumerate(words) if _SIGN().fullmatch(word)]
    for end, after in zip([*ends, len(words)], [*ends[1:], len(words), len(words)], strict=False):
        command = words[begin:end]
        is_heard = words[max(begin - 2, 0) : begin] == ["<", "("] and did_hear  # sudo -S x < <(echo pw)
        if "".join(words[end : end + 1]).strip() in ("|", "|&"):
            is_heard = is_heard or _hears(words[end + 1 : after])
        did_hear = is_heard or _hears(command)
        if is_heard and command and command[0] in _SPEAKS:
            masked += [command[0], *(word if word.startswith("-") else MASK for word in command[1:])]
        else:
            # Where no shell reads the text, an option's value may stand in the next line.
            before = words[begin - 2] if begin > 1 and words[begin - 1] == "\n" else ""
            masked += _of_command(command, nested, before, did_hear, Seen(programs=told_by))
        masked += words[end : end + 1]
        begin = end + 1
    return masked


def _of_command(words: Sequence[str], nested: int, before: str, hears: bool, seen: Seen) -> list[str]:
    masked = list[str]()
    for word in words:
        is_told = hears and (before == "<<<" or (word.startswith("<<<") and word != "<<<"))
        is_sign = word == "<<<" or _DOCUMENT().fullmatch(word) is not None
        one = MASK if is_told else word if is_sign else _without_secret(seen, before, word, nested)
        masked.append(one)
        seen = seen.and_then(word)
        if one != MASK or not _MANY().fullmatch(before):
            before = word
    return masked


def _hears(words: Sequence[str]) -> bool:
    """Whether a program among `words` reads a secret from its input."""
    if programs.may_log_in(Seen(tuple(words))) or any(map(_HEARS().fullmatch, words)):
        return True
    return "sudo" in words and any(map(_SUDO_HEARS().fullmatch, words))


def _script(text: str, nested: int, told_by: tuple[str, ...] = ()) -> str:
    """A script of a shell or of `told_by`, scrubbed as a whole, because of its quotes, then argument by argument."""
    text = scrub(text)
    if not nested:
        return text
    parts = _SHELL_WORD().split(_documents(text, nested - 1))
    masked = _masked(parts[1::2], nested - 1, told_by)
    for at, (part, word) in enumerate(zip(parts[1::2], masked, strict=True)):
        if word.endswith(MASK) and part[-1] in "\"'" and word.count(part[-1]) % 2:
            masked[at] = word + part[-1]
    parts[1::2] = masked
    return "".join(parts)


def _documents(script: str, nested: int) -> str:
    """A shell's script, with its here-documents masked: as a secret, or as a script of the program that reads them."""
    rows, reader, end = list[str](), list[str](), ""
    for row in script.split("\n"):
        if end and row.strip() != end:
            rows.append(_of_document(row, reader, nested))
            continue
        opened = _DOCUMENT().search(row)
        reader, end = (row.split(), opened[2]) if opened else ([], "")
        rows.append(row)
    return "\n".join(rows)


def _of_document(row: str, reader: Sequence[str], nested: int) -> str:
    if _hears(reader):
        return MASK
    told_by = programs.with_scripts(reader)
    return _script(row, nested, told_by) if told_by else row


def _unquoted(seen: Seen, before: str, quoted: re.Match[str], nested: int) -> str:
    """A word in quotes, masked as the program gets it."""
    name, double, single = quoted[1] or "", quoted[2], quoted[3]
    inside = single if double is None else _ESCAPED().sub(r"\1", double)
    masked = _without_secret(seen, before, name + inside, nested)
    if masked in (name + inside, MASK, name + MASK):
        return quoted[0] if masked == name + inside else masked
    value = masked[len(name) :]
    return f"{name}'{value}'" if double is None else f'{name}"{_TO_ESCAPE().sub(_escaped, value)}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _without_secret(seen: Seen, before: str, word: str, nested: int) -> str:
    if is_reference(word) or _HARMLESS().fullmatch(word):
        return word
    if nested and (quoted := _QUOTED().fullmatch(word)):
        return _unquoted(seen, before, quoted, nested - 1)
    told = programs.without_secret(seen, word)
    if told is not None:
        return told if MASK in told else _LOGIN_AT().sub(rf"\1{MASK}", scrub(told))
    if _SCRIPT().fullmatch(before):
        return _script(word, nested, programs.with_scripts(seen.words))
    is_value = _OPTION_WORD().fullmatch(before) is not None and not _is_option(before, word)
    if (is_value and _is_secret(before, word)) or _is_set(seen, word):
        return MASK
    assigned = _ASSIGNED().fullmatch(word)
    # In `env "API_KEY=x y"` the value has a space.
    if assigned and assigned[2] and _is_secret(assigned[1], assigned[2]):
        return f"{assigned[1]}={MASK}" if not _HARMLESS().fullmatch(assigned[2]) else word
    if _NOTATION().fullmatch(word):
        word = _FIELD().sub(_field, word)
    if any(map(str.isspace, word)):
        return _script(word, nested, programs.with_scripts(seen.words))  # of `ssh host "X=y command"`, for one
    if is_value:
        word = scrub(f"{before}={word}").removeprefix(f"{before}=")
    return _LOGIN_AT().sub(rf"\1{MASK}", scrub(word))


def _is_option(before: str, word: str) -> bool:
    """Whether `word` is the next option, not the value of the one `before` it, which may begin with a dash, too."""
    return word.startswith("-") and (
        _LONG_OPTION().fullmatch(word) is not None or _MAY_BE_ALONE().fullmatch(before) is not None
    )


def _is_set(seen: Seen, word: str) -> bool:
    """Whether `word` is the value in ``config set secret_access_key x``."""
    if seen.is_own or word.startswith("-") or not _SET_NAME().fullmatch(seen.last):
        return False
    return any(map(_SETS().fullmatch, seen.words[1:]))


def _field(found: re.Match[str]) -> str:
    """A field of a mapping, without its value if that is a secret."""
    name, value, quote = found[2], found[5] or found[6], found[4] or ""
    is_known = is_reference(value) or _HARMLESS().fullmatch(value) is not None
    if is_known or not _is_secret(name, value) or (_MAY_BE_ALONE().fullmatch(name) and not is_random(value)):
        # A mapping may stand in a string of a mapping.
        inside = _ESCAPED().sub(r"\1", value)
        masked = _FIELD().sub(_field, inside) if quote and _NOTATION().fullmatch(inside) else inside
        if masked == inside:
            return found[0]
        return f"{found[1]}{name}{found[1]}{found[3]}{quote}{_TO_ESCAPE().sub(_escaped, masked)}{quote}"
    return f"{found[1]}{name}{found[1]}{found[3]}{quote}{MASK}{quote}"


def _is_secret(name: str, value: str) -> bool:
    """Whether the value of that name is a secret, by the name or by the value's form."""
    bare = name.lstrip("-+")
    if len(bare) < 2 or value.startswith(MASK):
        return False
    if _SOME_KEY().fullmatch(bare) and any(map(is_random, value.split(","))):
        return True
    if _A_KEY().fullmatch(bare) and not (_COLUMN if name.lower() == "--key" else _PLAIN)().fullmatch(value):
        return True
    if bare.lower() == "tokens" and is_amount(value):
        return False
    if _OPTION().fullmatch(bare):
        return not (_SHORT().fullmatch(bare) and _NO_TOKEN().fullmatch(value))
    if _A_TOKEN().fullmatch(bare) and not is_amount(value):
        return True
    option = f"--{bare}" if name.startswith("-") else bare
    return any(scrub(f"{option}={one}").startswith(f"{option}={MASK}") for one in ("hunter", value))
