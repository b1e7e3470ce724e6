"""Secrets in text that is not ours: found by their shape or by the name that stands before them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MASK = "***"

# Each pattern takes linear time: what repeats is bounded, or is consumed once it is met.
_PEM = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"(?:(?:[^-]|-(?!----)){0,20000}-----END [A-Z ]{0,30}PRIVATE KEY-----|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{20,})*)"
)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic
    r"|hf_[A-Za-z0-9]{16,}"
    r"|gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}"
    r"|A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"
    r"|SEC[A-Za-z0-9]{16,}"  # DingTalk's signing secret
    r"|AIza[\w-]{30,}"
    r"|eyJ[\w-]{8,512}\.[\w-]{8,}(?:\.[\w-]*)?"  # a JSON Web Token; what is behind its head is consumed
    r")"
)
_SCHEME = re.compile(r"\b(Bearer|Basic)([ \t]+)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
# The second way is for a password with a slash in it; a port is none.
_USERINFO = re.compile(r"""(?<=://)([^\s/:@"'<>]{0,256}):(?:[^\s/"'<>]{1,256}|(?!\d{1,5}[/?#])[^\s"'<>@:]{1,256})@""")
_USER = re.compile(r"""(?<=://)([^\s/:@"'<>*]{12,256})@""")
_QUERY = re.compile(
    r"""([?&](?:sign|sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|key|code|auth)=)"""
    r"""[^\s&#"'<>*]{6,}""",
    re.IGNORECASE,
)
_WEBHOOK = re.compile(
    r"(hooks\.slack\.com/(?:services|workflows|triggers)/|/open-apis/bot/v2/hook/|/api/webhooks/)"
    r"""[^\s"'<>*]+""",
    re.IGNORECASE,
)

_NAME = re.compile(
    r"(?P<name>passw(?:or)?d|passphrase|pass|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|credentials?|authorization"
    r"|webhook(?:[_-]?url)?|ding[_-]?url|key|token)"
    r"(?:[_-]?(?:value|\d{1,3}))?(?![A-Za-z0-9_-])"
    r"(?P<sep>(?P<quote>\\{0,3}[\"'])?\]?[ \t]{0,8}"
    r"(?::[ \t]{0,8}(?:str|bytes|Optional\[str\]|str[ ]\|[ ]None)[ \t]{0,8}=(?!=)|=>|:=|[:=](?!=|//))[ \t]{0,8}"
    r"|(?P<argument>[ \t]{1,8}(?!-)|[\"'],[ \t]{0,8}(?=[\"'])))",
    re.IGNORECASE,
)


def _value(most: str) -> re.Pattern[str]:
    """A value of so many characters, or the first `most` of a longer one."""
    return re.compile(
        rf"[bfru]{{0,2}}(?:\\{{1,3}}\"[^\\\n]{{0,{most}}}(?:\\{{1,3}}\")?"
        rf"|\"(?:[^\"\\\n]|\\.){{0,{most}}}\"?|'(?:[^'\\\n]|\\.){{0,{most}}}'?)"
        rf"|(?:(?:Bearer|Basic|Digest|Token)[ \t]+)?[^\s&;,]{{1,{most}}}",
        re.IGNORECASE,
    )


# Names may stand within a value that is none, each with a value up to the end: only what is masked is read as a whole.
_BEGINNING, _VALUE = _value("1000"), _value("")
_READABLE = 200  # characters of a value up to which it may be something else than a secret
_BEFORE = 64  # characters before a name that tell whose it is
_WORDS = ("pass", "pwd", "secret", "credential", "authorization", "webhook", "url", "key", "token")
_PREFIXES = ("sk-", "hf_", "gh", "github_pat_", "glpat-", "KIA", "SIA", "xox", "xapp-", "SEC", "AIza", "eyJ")
_SCHEMES = ("bearer", "basic")
# What a key or pass belongs to when it is a secret; num_key, key: 5, forward_pass are none.
_OF_KEY = re.compile(
    r"(?:api|access|app|auth|account|client|private|routing|signing|encryption|shared|storage|subscription|webhook)"
    r"[_-]?$",
    re.IGNORECASE,
)
_OF_PASS = re.compile(r"(?:db|smtp|user|pg|mysql|redis|root|admin|mail|ssh|proxy)[_-]$", re.IGNORECASE)
# Whose token grants access; that of a tokenizer (pad_token, eos_token, next_token) does not.
_OF_TOKEN = re.compile(
    r"(?:access|api|auth|bearer|bot|deploy|ding|dingtalk|github|gitlab|hf|hub|id|identity|jwt|oauth|personal|private"
    r"|refresh|robot|secret|security|session|slack|user|wandb|webhook)[_-]?$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"none|null|nil|true|false|undefined|required|missing|\*+|<.*>?|\[.*|\.{2,}.*|~?/[\w.~-]+/[\w./~-]*|(?:env|file):.*"
    r"|(?:self|cls|args|cfg|config|settings|os)\..*",
    re.IGNORECASE | re.DOTALL,
)


def scrub(text: str) -> str:
    """`text` with ``***`` for what grants access, as far as that shows; the rest stays readable.

    It knows the tokens of well-known services, private keys, ``Bearer`` headers, passwords in URLs, and the values of
    names such as ``password``, ``api_key`` or ``access_token``. What a tokenizer calls a token stays. Takes time in
    proportion to the text.
    """
    if "PRIVATE KEY-----" in text:
        text = _PEM.sub(_MASK, text)
    if _has(text, _PREFIXES):
        text = _TOKEN.sub(lambda found: _MASK if any(map(str.isdigit, found[0])) else found[0], text)  # no sk-learn-x
    if "://" in text:
        text = _USERINFO.sub(lambda found: f"{found[1]}:{_MASK}@", text)
        text = _USER.sub(lambda found: f"{_MASK}@" if _is_random(found[1]) else found[0], text)
        text = _QUERY.sub(lambda found: f"{found[1]}{_MASK}", text)
        text = _WEBHOOK.sub(lambda found: f"{found[1]}{_MASK}", text)
    small = text.lower()
    if _has(small, _WORDS):
        text = _without_named(text)
    if not _has(small, _SCHEMES):
        return text
    return _SCHEME.sub(lambda found: f"{found[1]}{found[2]}{_MASK}" if _is_random(found[3]) else found[0], text)


def _has(text: str, words: Sequence[str]) -> bool:
    """A quick look first: whether a pattern can find anything at all."""
    for word in words:  # noqa: SIM110  `any` takes four times as long
        if word in text:
            return True
    return False


def _without_named(text: str) -> str:
    """`text` with the values masked that stand behind a secret's name."""
    parts: list[str] = []
    kept, at = 0, 0
    while found := _NAME.search(text, at):
        at = found.end()
        owner = _owner(text, found.start())
        if not _may_own(found, owner) or not _is_secret(found, owner, _beginning(text, at)):
            continue  # within the value the next name may stand
        value = _VALUE.match(text, at)
        if value is None:
            continue
        start, end = _bounds(value[0])
        parts += [text[kept : at + start], _MASK]
        kept, at = at + end, value.end()
    return "".join([*parts, text[kept:]])


def _owner(text: str, end: int) -> str:
    """The part of a name that stands before `end`, as ``access_`` of ``access_token``."""
    start = end
    while start > max(end - _BEFORE, 0) and (text[start - 1].isalnum() or text[start - 1] in "_-"):
        start -= 1
    return text[start:end]


def _beginning(text: str, at: int) -> str:
    """The value that begins `at`, without its quotes, as far as it takes to judge it; "" when there is none."""
    value = _BEGINNING.match(text, at)
    return value[0][slice(*_bounds(value[0]))] if value else ""


def _may_own(found: re.Match[str], owner: str) -> bool:
    """Whether a secret can stand behind this name, whatever the value is."""
    if found["argument"] and not owner.startswith("--"):
        return False
    name = found["name"].lower()
    if name == "key":
        return _OF_KEY.search(owner) is not None
    return name != "pass" or _OF_PASS.search(owner) is not None


def _is_secret(found: re.Match[str], owner: str, value: str) -> bool:
    if not value or (len(value) <= _READABLE and _HARMLESS.fullmatch(value)):
        return False
    return found["name"].lower() != "token" or _is_token(found, owner, value)


def _bounds(value: str) -> tuple[int, int]:
    """Where the secret itself begins and ends: within quotes, and without brackets or a full stop that follow it."""
    quoted = re.match(r"[bfru]{0,2}(\\{0,3}[\"'])", value, re.IGNORECASE)
    if quoted:
        closed = value.endswith(quoted[1]) and len(value) >= quoted.end() + len(quoted[1])
        return quoted.end(), len(value) - len(quoted[1]) * closed
    scheme = re.match(r"(?:Bearer|Basic|Digest|Token)[ \t]+", value, re.IGNORECASE)
    return scheme.end() if scheme else 0, len(value.rstrip("\\\"'`)]}>.:!?"))


def _is_token(found: re.Match[str], owner: str, value: str) -> bool:
    """Whether the value of a name that ends in "token" grants access."""
    if re.fullmatch(r"-?[\d.]+", value):
        return False
    if _OF_TOKEN.search(owner):
        return True
    if owner.strip("_-"):
        return _is_random(value)
    plain = "=" in found["sep"] or bool(found["quote"]) or owner.startswith("--")
    return len(value) >= 3 if plain else _is_random(value)


def _is_random(word: str) -> bool:
    """Whether it is no word that somebody reads: long enough, and of mixed characters."""
    if len(word) < 8:
        return False
    mixed = re.search(r"\d", word) and re.search(r"[A-Za-z]", word)
    return bool(mixed or len(word) >= 40 or (re.search(r"[a-z][A-Z]|[A-Z][a-z]+[A-Z]", word) and word.isalnum()))
