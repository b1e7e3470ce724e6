"""Masks secrets in texts that are not ours, recognized by their form or by the name before them."""

from __future__ import annotations

import re
from collections.abc import Callable

from twinkle_notifier.credentials import scrub_owners
from twinkle_notifier.credentials.scrub_forms import FORMS, LAST, is_amount, is_random
from twinkle_notifier.credentials.scrub_tokens import MASK, later, without_tokens

_NAME = later(
    r"(?P<name>passw(?:or)?d|pass[_-]?phrase|pass|pwd|pw|secret(?:[_-]?(?:access[_-]?)?key)?|credential|cred|bearer"
    r"|authorization|auth|webhook(?:[_-]?url)?|ding[_-]?url|(?:php)?sess(?:ion)?[_-]?(?:id|key)|jsessionid|cookie|key"
    r"|token|pat|[as]k)(?P<many>s)?(?:[_-]?(?:value|data|\d{1,3}))?(?![A-Za-z0-9_-])"
    r"(?P<sep>(?P<quote>\\{0,3}[\"'])?\]?[ \t]{0,8}"
    r"(?::[ \t]{0,8}(?:str|bytes|Optional\[str\]|str[ ]\|[ ]None)[ \t]{0,8}=(?!=)|=>|:=|[:=](?!=|//))[ \t]{0,8}"
    r"|(?P<argument>[ \t]{1,8}(?!-)|[\"'],[ \t]{0,8}(?=[\"'])))",
    re.IGNORECASE,
)


_SCHEMES = "Bearer|Basic|Digest|Token|ApiKey|Api-Key|Bot|Key|SSWS|GenieKey|Negotiate"  # of an Authorization header


def _value(most: str) -> Callable[[], re.Pattern[str]]:
    """A value of up to `most` characters, or the beginning of a longer one."""
    return later(
        rf"[bfru]{{0,2}}(?:\\{{1,3}}\"[^\\\n]{{0,{most}}}(?:\\{{1,3}}\")?"
        rf"|\"(?:[^\"\\\n]|\\.){{0,{most}}}\"?|'(?:[^'\\\n]|\\.){{0,{most}}}'?)"
        rf"|(?:(?:{_SCHEMES})[ \t]+)?[^\s&;,]{{1,{most}}}",
        re.IGNORECASE,
    )


# Only a value that is masked is read as a whole: many names may follow each other in one line, each with all that
# follows as its value.
_BEGINNING, _VALUE = _value("1000"), _value("")
_OTHERS = later(r"(?:,[ \t]?[^\s&;,:=\"'()\[\]{}]+(?![\w:=]))+")  # of values that commas part
_EMPTY_CALL = later(r"[A-Za-z_][\w.]{0,100}\(\)[)\]}]*")
_IN_MANY = ("pass-phrase", "pass_phrase", "passphrase", "secret", "credential", "cred", "key", "token")
_LINE = 400  # characters before a name in which the beginning of its line is looked for
_READABLE = 200  # a longer value is no harmless word
_WORDS = (
    "pass",
    "pw",
    "secret",
    "cred",
    "auth",
    "bearer",
    "webhook",
    "url",
    "sess",
    "cookie",
    "key",
    "token",
    "pat",
    "ak",
    "sk",
)
_HARMLESS = later(
    r"none|null|nil|true|false|undefined|required|missing|write|\W+|--?[a-z][\w-]*|\$\{[A-Za-z_]\w*\}|\$[A-Z][A-Z0-9_]*|(?:bool|str|int|float|bytes|dict|list|any|secretstr|optional)\b.*|\*+|[|>][+-]?|<.*>?|\[.*|\.{2,}.*|~?/[\w.~-]+/[\w./~-]*|(?:env|file):.*|(?:;\s|\s\{).*"
    r"|(?:self|cls|args|cfg|config|settings|os)\..*|(?:[a-z]{3,20} )?\{[a-z_][\w.!:]*\}.*",
    re.IGNORECASE | re.DOTALL,
)


def scrub(text: str) -> str:
    """`text` with ``***`` for each secret that is recognized; the rest stays readable.

    Recognized are private keys and the tokens of well-known services (`scrub_tokens`), secrets in headers, addresses,
    records and other forms (`scrub_forms`), and the values of names such as ``password``, ``api_key`` or
    ``access_token``. Not masked are a tokenizer's tokens and expressions in lines of code. Takes time in proportion to
    the text.
    """
    text = without_tokens(text)
    small = text.lower()
    for words, masked in (*FORMS, (_WORDS, _without_named), *LAST):
        for word in words:  # `any` takes four times as long
            if word in small:
                text = masked(text)
                break
    return text


def _without_named(text: str) -> str:
    """`text` with ``***`` for the values of names that stand for secrets."""
    parts: list[str] = []
    kept, at = 0, 0
    while found := _NAME().search(text, at):
        at = found.end()
        owner = scrub_owners.owner(text, found.start())
        if not owner and found["name"].lower() in ("key", "pass", "pw"):
            holder = scrub_owners.holder(text, found.start())
            owner = holder if found["name"].lower() == "key" or scrub_owners.OF_PASS().search(holder) else ""
        if not _may_own(found, owner) or _is_code(text, found) or not _is_secret(found, owner, _beginning(text, at)):
            continue  # the next name may be within the value
        if (value := _VALUE().match(text, at)) is None:
            continue
        start, end = _bounds(value[0])
        if found["many"] and start == 0 and (others := _OTHERS().match(text, value.end())):
            value, end = others, len(value[0]) + len(others[0])
        parts += [text[kept : at + start], MASK]
        kept, at = at + end, value.end()
    return "".join([*parts, text[kept:]])


def _beginning(text: str, at: int) -> str:
    """The beginning of the value at `at`, without its quotes; "" if there is none."""
    value = _BEGINNING().match(text, at)
    return value[0][slice(*_bounds(value[0]))] if value else ""


def _may_own(found: re.Match[str], owner: str) -> bool:
    """Whether this name can have a secret as its value."""
    if found["argument"] and not owner.startswith("--"):
        return False
    name = found["name"].lower()
    if found["many"] and name not in _IN_MANY and not name.startswith("passw"):
        return False
    if name == "key":
        return bool(_is_of_key(owner) or found["quote"] or owner.endswith("."))
    if name in ("pass", "pw"):
        return scrub_owners.OF_PASS().search(owner) is not None or (
            not owner and ("=" in found["sep"] or bool(found["quote"]))
        )
    return name not in ("ak", "sk", "auth") or not owner.rstrip("-_.") or owner[-1] in "_-."


def _is_secret(found: re.Match[str], owner: str, value: str) -> bool:
    if not value or (len(value) <= _READABLE and _HARMLESS().fullmatch(value)):
        return False
    name = found["name"].lower()
    if found["many"]:
        return _are_secrets(found, name, owner, value)
    if name == "token":
        return _is_token(found, owner, value)
    if name == "pat":
        return scrub_owners.OF_PAT().search(owner) is not None and is_random(value)
    if name in ("ak", "sk") or "sess" in name:
        return len(value) >= 12 and is_random(value)
    if name == "auth":
        return is_random(value) or re.fullmatch(r"[^\s:/{\[\"']{1,100}:[^\s/]{3,}", value) is not None
    if name == "pw" and found["sep"] == " = " and value.isalpha():
        return False  # ph = pw = side
    if name in ("pass", "pw") and not scrub_owners.OF_PASS().search(owner):
        return len(value) >= 3 and re.fullmatch(r"-?[\d.,]+%?", value) is None
    return name != "key" or _is_key(owner, value)


def _is_of_key(owner: str) -> bool:
    return bool(scrub_owners.OF_KEY().search(owner) or scrub_owners.OF_SOME_KEY().search(owner))


def _is_key(owner: str, value: str) -> bool:
    """Whether a key grants access, and does not merely lead to something."""
    if not _is_of_key(owner):
        return len(value) >= 16 and value.isalnum() and is_random(value)
    return scrub_owners.OF_SOME_KEY().search(owner) is None or is_random(value)


def _are_secrets(found: re.Match[str], name: str, owner: str, value: str) -> bool:
    """Whether the value of a plural is one or more secrets. Mostly it is a number, or words of a text."""
    if name in ("key", "token"):
        if is_amount(value):
            return False
        if not scrub_owners.OF_MANY().search(owner) and (name, owner) != ("token", "--"):
            return is_random(value)
    return _is_written(found, owner) or is_random(value)


def _is_written(found: re.Match[str], owner: str) -> bool:
    """Whether a program wrote name and value, not a person in a sentence."""
    return "=" in found["sep"] or bool(found["quote"]) or owner.startswith("--")


_KEYWORD = later(
    r"(?:await|not|lambda|yield|raise|return)[ \t]+[A-Za-z_(\[]|(?:break|continue|pass)[ \t]*$", re.MULTILINE
)
# After `password: ` or `--token `: words of a sentence.
_SENTENCE = later(
    r"(?:field|value|input|must|is|not|cannot|should|may|has|was|too|please|the|an?|no|invalid|missing|expected|required"
    r"|requires|unexpected|options?|instead|for|to|or|and|in|with)[ \t]+[a-z(\[]",
    re.IGNORECASE,
)
_CALLED = later(r"\(*((?:[A-Za-z_]\w{0,60}\.)*[A-Za-z_]\w{0,100})[(\[]")
# Several words of small letters: auth_header, args.token; a constant; or the name itself: token=token.
_VARIABLE = later(
    r"\(*(?:(?:_?[a-z]+[_.])+[a-z]+|_[a-z]+(?:_[a-z]+)*|[a-z]+(?:[_.][a-z]+)*(?:\.[A-Z]+(?:_[A-Z]+)*)+"
    r"|(?:token|password|secret|auth|api_key|access_token))(?:$|[)\]}:])"
)
_ANNOTATION = later(r"[A-Z][A-Za-z]{1,60}(?:\[[\w, .|]{1,100}\])?(?:[ \t]\|[ \t](?:None|str)|[ \t]=[ \t])")
_WORDS_OF_ONE = later(r"([A-Za-z_][\w.]{0,120})(?:[)\]}:]|$)")
_OPERATOR = later(r"[A-Za-z_.]+[ \t]+(?:or|and|if|=|\+|\^)[ \t]")
_CLASS = later(r"(?:[A-Z][a-z]{1,20}\d{0,2}){2,8}")


def _is_code(text: str, found: re.Match[str]) -> bool:
    """Whether an expression of code follows the name: a call, an item, an attribute, a variable."""
    at = found.end()
    value = _BEGINNING().match(text, at)
    if value is None or value[0][0] in "\"'\\":
        return False
    if "] = " in found["sep"] and not found["quote"]:
        return True  # cache[token] = x, but not the form user[password]=x
    if _is_of_environment(text, found):
        return False
    if (
        _KEYWORD().match(text, at)
        or ("=" not in found["sep"] and _SENTENCE().match(text, at))
        or (":" in found["sep"] and _ANNOTATION().match(text, at))
        or (" = " in found["sep"] and _OPERATOR().match(text, at))  # password = a or b
    ):
        return True
    own, variable = (
        (scrub_owners.owner(text, found.start()) + found["name"] + (found["many"] or "")).lower(),
        _WORDS_OF_ONE().match(value[0]),
    )
    if variable is not None and f"_{variable[1]}".lower().endswith((f"_{own}", f".{own}")):
        return True  # api_key=DEFAULT_API_KEY
    own_words = found["many"] or found["name"].lower() in ("token", "auth", "authorization")
    if not own_words and not _EMPTY_CALL().fullmatch(value[0]) and not _stands_in_code(text, found, value.end()):
        return False  # a password may look like a variable or a call
    called = _CALLED().match(value[0])
    if called is not None:
        name = called[1]
        return "." in name or not re.search(r"\d", name) or not is_random(name) or _CLASS().fullmatch(name) is not None
    return _VARIABLE().match(value[0]) is not None


def _stands_in_code(text: str, found: re.Match[str], end: int) -> bool:
    """Whether name and value, which ends at `end`, are an argument of a call, or in an indented line of code."""
    if "=" not in found["sep"] or scrub_owners.owner(text, found.start()).startswith("-"):
        return False
    line = text[text.rfind("\n", max(found.start() - _LINE, 0), found.start()) + 1 : found.start()]
    if "(" in line and (text[end : end + 1] == "," or ")" in text[end - 1 : end + _LINE].partition("\n")[0]):
        return True
    return " " in found["sep"] and line.startswith(("    ", "\t"))


def _is_of_environment(text: str, found: re.Match[str]) -> bool:
    """Whether it is written as ``DB_PASSWORD=x``, as in a file of variables, so that the value is no code."""
    before = text[max(found.start() - 1, 0) : found.start()]
    return found["sep"] == "=" and found["name"].isupper() and not before.islower()


def _bounds(value: str) -> tuple[int, int]:
    """Where the secret in `value` begins and ends, without quotes, and without brackets or a full stop after it."""
    quoted = re.match(r"[bfru]{0,2}(\\{0,3}[\"'])", value, re.IGNORECASE)
    if quoted:
        closed = value.endswith(quoted[1]) and len(value) >= quoted.end() + len(quoted[1])
        return quoted.end(), len(value) - len(quoted[1]) * closed
    scheme = re.match(rf"(?:{_SCHEMES})[ \t]+", value, re.IGNORECASE)
    return scheme.end() if scheme else 0, len(value.rstrip("\\\"'`)]}>.:!?"))


def _is_token(found: re.Match[str], owner: str, value: str) -> bool:
    """Whether the value of a name that ends in "token" grants access."""
    if re.fullmatch(r"-?[\d.]+", value):
        return False
    if scrub_owners.OF_TOKEN().search(owner):
        return True
    if owner.strip("_-"):
        return is_random(value)
    return len(value) >= 3 if _is_written(found, owner) else is_random(value)
