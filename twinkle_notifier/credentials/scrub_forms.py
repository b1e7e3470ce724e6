"""Secrets that are recognized by the form around them: headers, addresses, pairs, records, the next line."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from twinkle_notifier.credentials.scrub_tokens import MASK, later

# Names that hold nothing but secrets, whatever is around them.
_STRONG = (
    r"(?:pass(?:word|wd|phrase)|secret(?:[_-]?(?:access[_-]?)?key)?|(?:api|access|private|auth|client|signing|encryption)"
    r"[_-]?(?:key|token|secret)|(?:bot|refresh|id|session)[_-]?token|connection[_-]?string)"
)
_GAP = r"[ \t]{0,4}"
_PLURAL = r"(?:(?:api|access|private|secret)[_-]?keys|passwords|secrets|credentials|(?:access|api|auth)[_-]?tokens)"

# The second form is for a password with a slash in it; a port is none.
_USERINFO = later(r"""://([^\s/:@"'<>]{0,256}):(?:[^\s/"'<>]{1,256}|(?!\d{1,5}[/?#])[^\s"'<>@:]{1,256})@""")
_USER = later(r"""://([^\s/:@"'<>*]{12,256})@""")
_QUERY = later(
    r"([?&](?:sign|sig|[\w-]{0,40}signature|x-amz-credential|x-amz-security-token|key|code|auth)=)"
    r"""([^\s&#"'<>*]{6,})""",
    re.IGNORECASE,
)
_ENCODED = later(
    r"((?:access_token|token|key|secret|password|sign|sig)(?:%3D|\\u003d))([^\s%&#\"'<>\\*]{6,})", re.IGNORECASE
)
_WEBHOOK = later(
    r"(hooks\.slack\.com/(?:services|workflows|triggers)/|/open-apis/bot/v2/hook/|/api/webhooks/|/webhookb2/"
    r"|hooks\.zapier\.com/hooks/catch/|/with/key/|sctapi\.ftqq\.com/|sc\.ftqq\.com/|hc-ping\.com/|api\.day\.app/"
    r"|api\.telegram\.org/bot)"
    r"""[^\s"'<>*]+""",
    re.IGNORECASE,
)
_SCHEME = later(r"\b(Bearer|Basic)([ \t]+)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_COOKIE = later(r"""\b((?:Set-)?Cookie["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)([^\s"'*][^\n"'*]{5,})""")
_AUTH_PAIR = later(
    rf"""\b(auth{_GAP}[=:]{_GAP}[(\[]{_GAP}(["'])[^"'\n]{{0,200}}\2{_GAP},{_GAP}(["']))[^"'\n]{{1,1000}}(?=\3)"""
)
_ENVIRONMENT = r"""[\w-]{1,40}_(?:TOKEN|KEY|SECRET)(?=["'][ \t]{0,4},[ \t]{0,4}["'][^"'\n\d]{0,40}\d)"""
_PAIR = later(
    rf"""(\([ \t]{{0,4}}(["'])(?i:[\w-]{{0,40}}{_STRONG}|{_ENVIRONMENT})\2{_GAP},{_GAP}(["']))"""
    r"""(?![A-Z]+(?:_[A-Z]+)+["'])[^"'\n]{1,1000}(?=\3)"""
)
_RECORD = later(
    rf"""(\b(?:name|key)["']?{_GAP}[:=]{_GAP}["']?[\w-]{{0,40}}{_STRONG}[\w-]{{0,10}}["']?{_GAP},?\s{{0,40}}["']?value["']?"""
    r"""[ \t]{0,4}[:=][ \t]{0,4}["']?)[^\s"',}*]{1,1000}""",
    re.IGNORECASE,
)
_LIST = later(rf"""\b({_PLURAL}["']?[ \t]{{0,4}}[:=][ \t]{{0,4}}[(\[{{])([^)\]}}\n*]{{4,2000}})""", re.IGNORECASE)
_TAG = later(rf"(<[\w:-]{{0,40}}{_STRONG}(?:[ \t][^<>\n]{{0,200}})?>)[^<\s*][^<\n*]{{2,1000}}(?=</)", re.IGNORECASE)
_ARROW = later(rf"""({_STRONG}["']?[ \t]{{0,4}}->[ \t]{{0,4}}["']?)[^\s"'*,]{{4,1000}}""", re.IGNORECASE)
_CHINESE = later(
    r"((?:(?:密码|口令)[ \t]{1,4}(?=[!-~]{0,40}\d)"
    r"|(?i:password|token|secret|key)[ \t]{0,2}[：是为][ \t]{0,2}(?=[!-~]{8})"
    r"|(?:密码|口令|密钥|令牌|私钥)[ \t]{0,4}(?:(?:是|为)?[ \t]{0,4}[：:=]|[是为](?=[ \t]{0,4}[!-~])))"
    r"[ \t]{0,4}[\"'「“]?)[^\s\"'，。、」”*]{4,1000}"
)
_NEXT_LINE = later(
    r"""^([ \t]{0,40}[\w.-]{0,40}"""
    rf"""{_STRONG}{_GAP}(?:={_GAP}(?:\"\"\"|''')|:{_GAP}(?:[|>][+-]?)?){_GAP}\n[ \t]{{0,40}})"""
    r"""(?![\w.-]{1,60}:(?:\s|$)|- )["']?([^\s:"'*]{4,1000})(?=[ \t]{0,4}["']{0,3}$)""",
    re.IGNORECASE | re.MULTILINE,
)
_NETRC = later(r"(\blogin\s{1,4}[^\s]{1,200}\s{1,4}password\s{1,4})[^\s*]{3,1000}")
_PYDANTIC = later(
    rf"""^([\w.-]{{0,60}}{_STRONG}\n[^\n]{{0,400}}\binput_value=(["']))(?:(?!\2)[^\n*]){{1,1000}}""",
    re.IGNORECASE | re.MULTILINE,
)
_DOCKER = later(r"""(["']auth["'][ \t]{0,4}:[ \t]{0,4}["'])[A-Za-z0-9+/=]{8,1000}(?=["'])""")
_SIGNATURE = later(r"\b(Signature=)[0-9a-fA-F]{32,}")
# Arguments of commands: curl's user, mysql's and sshpass's password, the key for wandb's login.
_NEXT = r"""(?:[ \t]{1,4}|["'],[ \t]{0,4}["'])"""  # between the words of a command, or of a list of them
_CURL = later(
    rf"""((?<![\w-])(?:-u|--user|--proxy-user)(?:=|{_NEXT})["']?(?!\d{{1,9}}:\d{{1,9}}(?!\w))[^\s:"']{{1,100}}:)"""
    r"""[^\s"'*]{1,1000}"""
)
_SSHPASS = later(
    r"(\b(?:sshpass[ \t]{1,4}-p|mysql(?:dump|admin)?(?:[ \t]{1,4}-\w{1,60}(?:[ \t][^\s-]\S{0,60})?){0,6}[ \t]{1,4}-p)"
    r"[ \t]?[\"']?)[^\s\"'*-][^\s\"'*]{0,1000}"
)
_LOGIN = later(
    rf"(\b(?:wandb|swanlab|huggingface-cli|hf|modelscope)(?:{_NEXT}auth)?{_NEXT}login{_NEXT}"
    rf"(?:(?:--relogin|--token|-k|--api-key){_NEXT})?)(?![\s-])(?=[^\s\"']{{0,200}}\d)[^\s\"'*]{{12,1000}}"
)
_CLIENT = later(
    rf"(\b(?:docker|podman|helm|az|redis-cli|mongo|mongosh)(?:{_NEXT}[\w./:=-]{{1,100}}){{0,6}}{_NEXT}(?:-p|-a){_NEXT}[\"']?)"
    r"(?!\d{1,5}(?::|(?!\w)))[^\s\"'*-][^\s\"'*]{2,1000}"
)
# `aws configure set NAME x`, a Dockerfile's `ENV NAME x`, csh's `setenv NAME x`.
_SET = later(
    r"(\b(?:configure set|ENV|ARG|setenv)[ \t]{1,4}\w{0,40}(?:token|key|secret|password)[ \t]{1,4}[\"']?)"
    r"(?!=)[^\s\"'*]{8,1000}",
    re.IGNORECASE,
)
_STORAGE = later(  # Hadoop's and Azure's
    r"(\bfs\.[\w.-]{1,80}\.(?:(?:secret|access)\.key|account\.key\.[\w.-]{1,100})[ \t]{0,4}[ =:][ \t]{0,4})"
    r"[^\s\"'*]{12,1000}"
)
_KAGGLE = later(r"""(["']username["']\s?:\s?["'][^"'\n]{1,100}["'],\s?["']key["']\s?:\s?["'])[^"'\s*]{8,1000}""")
_WRAPPED = later(r"""(\bSecretStr\(["'])[^"'\n*]{1,1000}""")
_OPENSSL = later(r"(-pass(?:in|out)?[ \t]{1,4}[\"']?pass:)[^\s\"'*]{1,1000}")
_DIGEST = later(r"""(\bresponse=["'])[0-9a-f]{32,}""")
# Sentences: invalid api key 'x', with password "x", API key: x, the password is x.
_SAID = later(
    r"""((?<![A-Za-z0-9])(?:password|passphrase|(?:api|secret|access)[ _-]key|access[ _-]token)"""
    r"""[ \t](?:is[ \t])?(["']))"""
    r"""(?![ \t]|(?:-|,)[ \t])[^"'\s*]{3,1000}(?=\2)""",
    re.IGNORECASE,
)
_SAID_BARE = later(
    r"(\b(?:(?:api|secret|access)[ ]key|access[ ]token)(?:[ \t]is|[ \t]?:)[ \t]{1,4}|\bpassword[ \t]is[ \t]{1,4})"
    r"([^\s\"',;*]{8,1000})",
    re.IGNORECASE,
)
_TEXT_BLOCK = later(r"""(\btoken[ \t]{0,4}=[ \t]{0,4}(?:\"\"\"|\'\'\')\n[ \t]{0,40})[^\s"'*]{16,1000}""", re.IGNORECASE)


def _all(text: str, pattern: Callable[[], re.Pattern[str]]) -> str:
    # No template: Python imports a module to parse one, which fails at the interpreter's end.
    return pattern().sub(lambda found: f"{found[1]}{MASK}", text)


def _in_urls(text: str) -> str:
    text = _USERINFO().sub(lambda found: f"://{found[1]}:{MASK}@", text)
    text = _USER().sub(lambda found: f"://{MASK}@" if is_random(found[1]) else found[0], text)
    text = _QUERY().sub(
        lambda found: found[1] + (MASK if _may_be_secret(found[1].lower(), found[2]) else found[2]), text
    )
    return _all(text, _WEBHOOK)


def _may_be_secret(name: str, value: str) -> bool:
    """Whether the value of a query's key or code is no plain word and no error's number, as in code=E11000."""
    return len(value) >= 16 or not (name.endswith("code=") or (value.isalpha() and value.isupper()))


def _said(text: str) -> str:
    def bare(found: re.Match[str]) -> str:
        return found[1] + MASK if is_random(found[2]) else found[0]

    return _SAID_BARE().sub(bare, _all(text, _SAID))


def _schemes(text: str) -> str:
    def shown(found: re.Match[str]) -> str:
        secret = is_random(found[3]) or (found[1].lower() == "basic" and _is_user_and_password(found[3]))
        return f"{found[1]}{found[2]}{MASK}" if secret else found[0]

    return _SCHEME().sub(shown, text)


def _is_user_and_password(text: str) -> bool:
    try:
        said = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in said and said.isprintable()


# Words in small letters, of which one must be in the text, and the function that then masks it. All functions take time
# in proportion to the text.
FORMS: list[tuple[tuple[str, ...], Callable[[str], str]]] = [
    (("://", "http"), _in_urls),
    (("%3d", "u003d"), lambda text: _all(text, _ENCODED)),
    (("cookie",), lambda text: _all(text, _COOKIE)),
    (("auth",), lambda text: _all(_all(text, _AUTH_PAIR), _DOCKER)),
    (("value",), lambda text: _all(_all(text, _RECORD), _PYDANTIC)),
    (("keys", "passwords", "secrets", "credentials", "tokens"), lambda text: _all(text, _LIST)),
    (("->",), lambda text: _all(text, _ARROW)),
    (("</",), lambda text: _all(text, _TAG)),
    (
        ("pass", "secret", "key", "token", "connection"),
        lambda text: _all(_all(_all(text, _PAIR), _NEXT_LINE), _TEXT_BLOCK),
    ),
    (
        ("password ", "phrase ", "api key", "secret key", "access key", "access token", "_key ", "-key ", "_token "),
        _said,
    ),
    (("configure set", "env ", "arg ", "setenv"), lambda text: _all(text, _SET)),
    (("fs.",), lambda text: _all(text, _STORAGE)),
    (("username",), lambda text: _all(text, _KAGGLE)),
    (("secretstr",), lambda text: _all(text, _WRAPPED)),
    (("pass:",), lambda text: _all(text, _OPENSSL)),
    (("response=",), lambda text: _all(text, _DIGEST)),
    (("docker", "podman", "helm", "redis-cli", "mongo"), lambda text: _all(text, _CLIENT)),
    (("login",), lambda text: _all(_all(text, _NETRC), _LOGIN)),
    (("密", "口令", "令牌", "私钥", "：", "是", "为"), lambda text: _all(text, _CHINESE)),
    (("signature=",), lambda text: _all(text, _SIGNATURE)),
    (("-u", "--user", "--proxy-user"), lambda text: _all(text, _CURL)),
    (("sshpass", "mysql"), lambda text: _all(text, _SSHPASS)),
]
LAST: list[tuple[tuple[str, ...], Callable[[str], str]]] = [(("bearer", "basic"), _schemes)]


def is_random(word: str) -> bool:
    """Whether `word` looks random: long, and of mixed characters."""
    if len(word) < 8 or _NAMES().fullmatch(word):
        return False
    mixed = re.search(r"\d", word) and re.search(r"[A-Za-z]", word)
    return bool(mixed or len(word) >= 40 or (re.search(r"[a-z][A-Z]|[A-Z][a-z]+[A-Z]", word) and word.isalnum()))


# foo_bar_12, ckpt-100.pt, layer.3.weight: words and short numbers.
_NAMES = later(r"[A-Za-z]{1,40}(?:[_./-](?:[A-Za-z]{1,40}|\d{1,6}))+", re.ASCII)
