"""Secrets that are recognized by the form around them: headers, addresses, pairs, records, the next line."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from twinkle_notifier.credentials.scrub_tokens import MASK, later

# foo_bar_12, ckpt-100.pt, layer.3.weight: words and short numbers.
_NAMES = later(r"[A-Za-z]{1,40}(?:[_./-](?:[A-Za-z]{1,40}|\d{1,6}))+", re.ASCII)


def is_random(word: str) -> bool:
    """Whether `word` looks random: long, and of mixed characters."""
    if len(word) < 8 or _NAMES().fullmatch(word):
        return False
    mixed = re.search(r"\d", word) and re.search(r"[A-Za-z]", word)
    return bool(mixed or len(word) >= 40 or (re.search(r"[a-z][A-Z]|[A-Z][a-z]+[A-Z]", word) and word.isalnum()))


def is_amount(text: str) -> bool:
    """Whether `text` is a number, as of tokens: 512, 1.5e9, 300B."""
    return re.fullmatch(r"-?[\d.,_]+(?:e[-+]?\d+)?[kmbt]?", text, re.IGNORECASE) is not None


def _is_of_query(before: str, value: str) -> bool:
    """Whether the value of a query's key or code is no plain word and no error's number, as in code=E11000."""
    return len(value) >= 16 or not (before.lower().endswith("code=") or (value.isalpha() and value.isupper()))


def _is_of_header(scheme: str, value: str) -> bool:
    return is_random(value) or (scheme.lower().startswith("basic") and _is_user_and_password(value))


def _is_user_and_password(text: str) -> bool:
    try:
        said = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in said and said.isprintable()


Form = tuple[tuple[str, ...], Callable[[str], str]]


def _form(words: str, pattern: str, is_secret: Callable[[str, str], bool] | None = None) -> Form:
    """Words in small letters, parted by ``|``, of which one is in each text that `pattern` matches; and what masks it.

    Of a match the first group stays. If there is `is_secret`, it is asked about that group and the second one.
    """
    compiled = later(pattern)

    def shown(found: re.Match[str]) -> str:  # no template: Python imports a module to parse one
        return f"{found[1]}{MASK}" if is_secret is None or is_secret(found[1], found[2]) else found[0]

    return tuple(words.split("|")), lambda text: compiled().sub(shown, text)


# Names that hold nothing but secrets, whatever is around them.
_STRONG = (
    r"(?:pass(?:word|wd|phrase)|secret(?:[_-]?(?:access[_-]?)?key)?|(?:api|access|private|auth|client|signing|encryption)"
    r"[_-]?(?:key|token|secret)|(?:bot|refresh|id|session)[_-]?token|connection[_-]?string)"
)
_OF_STRONG = "pass|secret|key|token|connection"
_GAP = r"[ \t]{0,4}"
_PLURAL = r"(?:(?:api|access|private|secret)[_-]?keys|passwords|secrets|credentials|(?:access|api|auth)[_-]?tokens)"
_ENVIRONMENT = r"""[\w-]{1,40}_(?:TOKEN|KEY|SECRET)(?=["'][ \t]{0,4},[ \t]{0,4}["'][^"'\n\d]{0,40}\d)"""
_NEXT = r"""(?:[ \t]{1,4}|["'],[ \t]{0,4}["'])"""  # between the words of a command, or of a list of them
_JOIN = rf"(?:=|{_NEXT})[\"']?"  # between an option and its value
_SAYING = "password |phrase |api key|secret key|access key|access token|_key |-key |_token "

# In the order in which they are tried. All take time in proportion to the text.
FORMS: list[Form] = [
    # The second alternative is for a password with a slash in it; a port is none.
    _form("://", r"""(://[^\s/:@"'<>]{0,256}:)(?:[^\s/"'<>]{1,256}|(?!\d{1,5}[/?#])[^\s"'<>@:]{1,256})(?=@)"""),
    _form("://", r"""(://)([^\s/:@"'<>*]{12,256})(?=@)""", lambda _, user: is_random(user)),
    _form(
        "://|http",
        r"(?i)([?&](?:sign|sig|[\w-]{0,40}signature|x-amz-credential|x-amz-security-token|key|code|auth)=)"
        r"""([^\s&#"'<>*]{6,})""",
        _is_of_query,
    ),
    _form(
        "://|http",
        r"(?i)(hooks\.slack\.com/(?:services|workflows|triggers)/|/open-apis/bot/v2/hook/|/api/webhooks/|/webhookb2/"
        r"|hooks\.zapier\.com/hooks/catch/|/with/key/|sctapi\.ftqq\.com/|sc\.ftqq\.com/|hc-ping\.com/|api\.day\.app/"
        r"""|api\.telegram\.org/bot)[^\s"'<>*]+""",
    ),
    _form("%3d|u003d", r"(?i)((?:access_token|token|key|secret|password|sign|sig)(?:%3D|\\u003d))[^\s%&#\"'<>\\*]{6,}"),
    _form("cookie", r"""\b((?:Set-)?Cookie["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)[^\s"'*][^\n"'*]{5,}"""),
    _form(
        "auth",
        rf"""\b(auth{_GAP}[=:]{_GAP}[(\[]{_GAP}(["'])[^"'\n]{{0,200}}\2{_GAP},{_GAP}(["']))[^"'\n]{{1,1000}}(?=\3)""",
    ),
    _form("auth", r"""(["']auth["'][ \t]{0,4}:[ \t]{0,4}["'])[A-Za-z0-9+/=]{8,1000}(?=["'])"""),  # Docker's
    _form(
        "value",
        rf"""(?i)(\b(?:name|key)["']?{_GAP}[:=]{_GAP}["']?[\w-]{{0,40}}{_STRONG}[\w-]{{0,10}}["']?{_GAP},?\s{{0,40}}"""
        r"""["']?value["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)[^\s"',}*]{1,1000}""",
    ),
    _form(  # Pydantic's
        "value",
        rf"""(?im)^([\w.-]{{0,60}}{_STRONG}\n[^\n]{{0,400}}\binput_value=(["']))(?:(?!\2)[^\n*]){{1,1000}}""",
    ),
    _form(
        "keys|passwords|secrets|credentials|tokens",
        rf"""(?i)\b({_PLURAL}["']?[ \t]{{0,4}}[:=][ \t]{{0,4}}[(\[{{])[^)\]}}\n*]{{4,2000}}""",
    ),
    _form("->", rf"""(?i)({_STRONG}["']?[ \t]{{0,4}}->[ \t]{{0,4}}["']?)[^\s"'*,]{{4,1000}}"""),
    _form("</", rf"(?i)(<[\w:-]{{0,40}}{_STRONG}(?:[ \t][^<>\n]{{0,200}})?>)[^<\s*][^<\n*]{{2,1000}}(?=</)"),
    _form(
        _OF_STRONG,
        rf"""(\([ \t]{{0,4}}(["'])(?i:[\w-]{{0,40}}{_STRONG}|{_ENVIRONMENT})\2{_GAP},{_GAP}(["']))"""
        r"""(?![A-Z]+(?:_[A-Z]+)+["'])[^"'\n]{1,1000}(?=\3)""",
    ),
    _form(
        _OF_STRONG,
        rf"""(?im)^([ \t]{{0,40}}[\w.-]{{0,40}}{_STRONG}{_GAP}(?:={_GAP}(?:\"\"\"|''')|:{_GAP}(?:[|>][+-]?)?){_GAP}\n"""
        r"""[ \t]{0,40})(?![\w.-]{1,60}:(?:\s|$)|- )["']?[^\s:"'*]{4,1000}(?=[ \t]{0,4}["']{0,3}$)""",
    ),
    _form(_OF_STRONG, r"""(?i)(\btoken[ \t]{0,4}=[ \t]{0,4}(?:\"\"\"|\'\'\')\n[ \t]{0,40})[^\s"'*]{16,1000}"""),
    # Sentences: invalid api key 'x', with password "x", API key: x, the password is x.
    _form(
        _SAYING,
        r"(?i)((?<![A-Za-z0-9])(?:password|passphrase|(?:api|secret|access)[ _-]key|access[ _-]token)"
        r"""[ \t](?:is[ \t])?(["']))(?![ \t]|(?:-|,)[ \t])[^"'\s*]{3,1000}(?=\2)""",
    ),
    _form(
        _SAYING,
        r"(?i)(\b(?:(?:api|secret|access)[ ]key|access[ ]token)(?:[ \t]is|[ \t]?:)[ \t]{1,4}"
        r"|\bpassword[ \t]is[ \t]{1,4})([^\s\"',;*]{8,1000})",
        lambda _, secret: is_random(secret),
    ),
    _form(
        "identified",
        r"""(?i)(\bidentified(?:[ ]with[ ]\w{1,60})?[ ](?:by|as)[ ](?:password[ ])?(["']))(?:(?!\2)[^\n*]){1,1000}""",
    ),  # SQL
    # `aws configure set NAME x`, a Dockerfile's `ENV NAME x`, csh's `setenv NAME x`.
    _form(
        "configure set|env |arg |setenv",
        r"(?i)(\b(?:configure set|ENV|ARG|setenv)[ \t]{1,4}\w{0,40}(?:token|key|secret|password)[ \t]{1,4}[\"']?)"
        r"(?!=)[^\s\"'*]{8,1000}",
    ),
    _form(  # Hadoop's and Azure's
        "fs.",
        r"(\bfs\.[\w.-]{1,80}\.(?:(?:secret|access)\.key|account\.key\.[\w.-]{1,100})[ \t]{0,4}[ =:][ \t]{0,4})"
        r"[^\s\"'*]{12,1000}",
    ),
    _form(  # Kaggle's
        "username",
        r"""(["']username["']\s?:\s?["'][^"'\n]{1,100}["'],\s?["']key["']\s?:\s?["'])[^"'\s*]{8,1000}""",
    ),
    _form("secretstr", r"""(\bSecretStr\(["'])[^"'\n*]{1,1000}"""),
    _form("pass:", r"(-pass(?:in|out)?[ \t]{1,4}[\"']?pass:)[^\s\"'*]{1,1000}"),  # openssl's
    _form(  # db.auth("me", "x")
        "auth|login",
        r"""(?i)(\b(?:login|auth|authenticate)\([ \t]{0,4}(["'])[^"'\n]{1,100}\2[ \t]{0,4},[ \t]{0,4}(["']))"""
        r"""[^"'\n*]{1,1000}(?=\3[ \t]{0,4}\))""",
    ),
    _form("password(", r"""(?i)(=[ \t]{0,4}password\((["']))[^"'\n*]{1,1000}(?=\2\))"""),  # SQL
    _form("response=", r"""(\bresponse=["'])[0-9a-f]{32,}"""),  # of digest authentication
    # Arguments of commands.
    _form(
        "docker|podman|helm|redis-cli|mongo",
        rf"(\b(?:docker|podman|helm|az|redis-cli|mongo|mongosh)(?:{_NEXT}[\w./:=-]{{1,100}}){{0,6}}{_NEXT}(?:-p|-a){_NEXT}"
        r"[\"']?)(?!\d{1,5}(?::|(?!\w)))[^\s\"'*<-][^\s\"'*]{2,1000}",
    ),
    _form("login", r"(\blogin\s{1,4}[^\s]{1,200}\s{1,4}password\s{1,4})[^\s*]{3,1000}"),  # .netrc
    _form(
        "login",
        rf"(\b(?:wandb|swanlab|huggingface-cli|hf|modelscope)(?:{_NEXT}auth)?{_NEXT}login{_NEXT}"
        rf"(?:(?:--relogin|--token|-k|--api-key){_NEXT})?)(?![\s-])(?=[^\s\"']{{0,200}}\d)[^\s\"'*]{{12,1000}}",
    ),
    _form(
        "密|口令|令牌|私钥|：|是|为",
        r"((?:(?:密码|口令)[ \t]{1,4}(?=[!-~]{0,40}\d)"
        r"|(?i:password|token|secret|key)[ \t]{0,2}[：是为][ \t]{0,2}(?=[!-~]{8})"
        r"|(?:密码|口令|密钥|令牌|私钥)[ \t]{0,4}(?:(?:是|为)?[ \t]{0,4}[：:=]|[是为](?=[ \t]{0,4}[!-~])))"
        r"[ \t]{0,4}[\"'「“]?)[^\s\"'，。、」”*]{4,1000}",
    ),
    _form("signature=", r"\b(Signature=)[0-9a-fA-F]{32,}"),
    # Not the numbers of a user and a group, `-u host.x:80`, `-u https://x`, `-u host:/path`.
    _form(
        "-u|user|login",
        rf"""(?i)((?<![\w-])(?:-u{_JOIN}(?!(?:localhost|[\w-]{{1,60}}\.[\w.-]{{1,60}}):\d{{1,5}}(?!\w))"""
        rf"""|--(?:[\w.-]{{0,40}}[_.-])?(?:user|login){_JOIN})(?!\d{{1,9}}:\d{{1,9}}(?!\w))[^\s:"']{{1,100}}:)"""
        r"""(?<!jdbc:)(?!/)(?:[^\s"'*;]|;(?!["']?(?:\s|$))){1,1000}""",
    ),
    _form(
        "sshpass|mysql",
        r"(\b(?:sshpass[ \t]{1,4}-p|mysql(?:dump|admin)?(?:[ \t]{1,4}-\w{1,60}(?:[ \t][^\s-]\S{0,60})?){0,6}"
        r"[ \t]{1,4}-p)[ \t]?[\"']?)[^\s\"'*-][^\s\"'*]{0,1000}",
    ),
]
# After the values of names, see `scrubber`.
LAST: list[Form] = [
    _form("bearer|basic", r"(?i)\b((?:Bearer|Basic)[ \t]+)([A-Za-z0-9._~+/=-]{8,})", _is_of_header),
]
