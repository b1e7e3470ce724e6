"""A command line as it is shown to people: secrets are masked in each argument, then all are quoted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

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
_NO_TOKEN = later(r"[-+]?[\d.,_]{1,8}|.*[*{\[(%].*")
_OPTION_WORD = later(r"[-+]{1,2}[\w.-]+")
_SOME_KEY = later(
    r"(?i).*(?:key|token|login|licen[cs]e|serial|sign|signature|feishu|lark|dingtalk|wecom|bark)s?\d{0,3}"
)
_A_KEY = later(r"(?i)(?:[\w.-]+\.)?key")  # of anything: without `--` its value tells
# A server's, as `--ServerApp.token`; but that of a model is a word.
_A_TOKEN = later(r"(?i)(?!.*(?:tokenizer|model|data|vocab|special|prompt|pad|eos|bos|mask|unk|cls|sep)\b)[\w-]+\.token")
_PLAIN = later(r"[a-z]+(?:[_./-](?:[a-z]+\d?|\d+))*|[a-z]+\d(?:[_./-](?:[a-z]+\d?|\d+))+|[\d.]+")
_MANY = later(r"(?i)[\w.-]*(?:key|token|secret|credential|password|passphrase)s")  # it may have several values
_MAY_BE_ALONE = later(r"(?i)[\w.-]*(?:wandb|auth|cookies?)")  # options that may have no value
_LONG_OPTION = later(r"--(?:[A-Za-z][\w.-]*(?:=.*)?)?", re.DOTALL)
_LOGIN_AT = later(r"((?:\A|=)[\w.-]{1,100}:)[^\s:@/]+(?=@(?!sha\d+:)[\w.-]+(?:[:/].*)?\Z)")  # without `https://`
_SCRIPT = later(r"-[A-Za-z]*c")
_NESTED = 4  # scripts within scripts
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
# Of programs that read a secret from another one.
_HEARS = later(r"-\w*S|--(?:\w+-)?stdin|--with-token|--passphrase-fd(?:=0)?|(?:.*/)?(?:chpasswd|passwd)")
_SIGN = later(r"[;|&()`]{1,2}\s*|\n")
# An argument in a shell's script, with its quoted parts; a sign between commands; a lone quote. Of line breaks, one
# behind a backslash is no sign, and neither is one before an option, as in arguments that stand below each other.
_SHELL_WORD = later(
    r"""((?:[<>]&|&>|(?!\\\r?\n)[^\s"';|&()`]|"[^"]{0,1000}"|'[^']{0,1000}')+"""
    r"""|[;|&()`]{1,2}(?:[^\S\n]*\n)?|(?<!\\)(?<!\\\r)\n(?!\s*-)|["'])"""
)


def shown(command: Sequence[str]) -> str:
    """`command` in one line, with ``***`` for what grants access."""
    words = _masked(list(command), _NESTED)
    return " ".join(word if word.endswith(MASK) else shlex.quote(word) for word in words)


def _masked(words: Sequence[str], nested: int) -> list[str]:
    """The words of one or more commands, without secrets."""
    masked: list[str] = []
    begin = 0
    ends = [at for at, word in enumerate(words) if _SIGN().fullmatch(word)]
    for end, after in zip([*ends, len(words)], [*ends[1:], len(words), len(words)], strict=False):
        is_told = words[begin:end] and words[begin] in _SPEAKS and "".join(words[end : end + 1]).strip() in ("|", "|&")
        if is_told and any(map(_HEARS().fullmatch, words[end + 1 : after])):
            masked += [words[begin], *(word if word.startswith("-") else MASK for word in words[begin + 1 : end])]
        else:
            # Where no shell reads the text, an option's value may stand in the next line.
            before = words[begin - 2] if begin > 1 and words[begin - 1] == "\n" else ""
            masked += _of_command(words[begin:end], nested, before)
        masked += words[end : end + 1]
        begin = end + 1
    return masked


def _of_command(words: Sequence[str], nested: int, before: str) -> list[str]:
    masked, seen = list[str](), Seen()
    hears = any(map(_HEARS().fullmatch, words))
    for word in words:
        is_told = hears and (before == "<<<" or (word.startswith("<<<") and word != "<<<"))
        one = MASK if is_told else _without_secret(seen, before, word, nested)
        masked.append(one)
        seen = seen.and_then(word)
        if one != MASK or not _MANY().fullmatch(before):
            before = word
    return masked


def _script(text: str, nested: int) -> str:
    """A shell's script, scrubbed as a whole, because of its quotes, then argument by argument."""
    text = scrub(text)
    if not nested:
        return text
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return f"{text[0]}{_script(text[1:-1], nested - 1)}{text[0]}"
    parts = _SHELL_WORD().split(text)
    masked = _masked(parts[1::2], nested - 1)
    for at, (part, word) in enumerate(zip(parts[1::2], masked, strict=True)):
        if word.endswith(MASK) and part[-1] in "\"'" and word.count(part[-1]) % 2:
            masked[at] = word + part[-1]
    parts[1::2] = masked
    return "".join(parts)


def _without_secret(seen: Seen, before: str, word: str, nested: int) -> str:
    if is_reference(word) or _HARMLESS().fullmatch(word):
        return word
    told = programs.without_secret(seen, word)
    if told is not None:
        return told if MASK in told else _LOGIN_AT().sub(rf"\1{MASK}", scrub(told))
    if _SCRIPT().fullmatch(before):
        return _script(word, nested)
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
        return _script(word, nested)  # of `ssh host "X=y command"`, for one
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
        return found[0]
    return f"{found[1]}{name}{found[1]}{found[3]}{quote}{MASK}{quote}"


def _is_secret(name: str, value: str) -> bool:
    """Whether the value of that name is a secret, by the name or by the value's form."""
    bare = name.lstrip("-+")
    if len(bare) < 2 or value.startswith(MASK):
        return False
    if _SOME_KEY().fullmatch(bare) and any(map(is_random, value.split(","))):
        return True
    if _A_KEY().fullmatch(bare) and (name.lower() == "--key" or not _PLAIN().fullmatch(value)):
        return True
    if bare.lower() == "tokens" and is_amount(value):
        return False
    if _OPTION().fullmatch(bare):
        return not (_SHORT().fullmatch(bare) and _NO_TOKEN().fullmatch(value))
    if _A_TOKEN().fullmatch(bare) and not is_amount(value):
        return True
    option = f"--{bare}" if name.startswith("-") else bare
    return any(scrub(f"{option}={one}").startswith(f"{option}={MASK}") for one in ("hunter", value))
