"""A command line as it is shown to people: secrets are masked in each argument, then all are quoted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.credentials.scrub_forms import is_amount, is_random
from twinkle_notifier.credentials.scrub_tokens import MASK, later
from twinkle_notifier.credentials.scrubber import scrub

# Names of options that `scrub` does not know, as they may mean something else in a text.
_OPTION = later(r"(?i)(?:[\w.-]*[-_.])?(?:pass|pw|wandb|auth|credentials?)|cookies?")
_OPTION_WORD = later(r"[-+]{1,2}[\w.-]+")
_SOME_KEY = later(r"(?i).*(?:key|token)s?\d{0,3}")
_A_KEY = later(r"(?i)(?:[\w.-]+\.)?key")  # of anything: without `--` its value tells
_PLAIN = later(r"[a-z]+(?:[_./-](?:[a-z]+|\d+))*|[\d.]+")
_MANY = later(r"(?i)[\w.-]*(?:key|token|secret|credential|password|passphrase)s")  # it may have several values
_MAY_BE_ALONE = later(r"(?i)[\w.-]*(?:wandb|auth|cookies?)")  # options that may have no value
_LONG_OPTION = later(r"--(?:[A-Za-z][\w.-]*(?:=.*)?)?", re.DOTALL)
_LOGIN_AT = later(r"((?:\A|=)[\w.-]{1,100}:)[^\s:@/]+(?=@[\w.-]+(?::\d{1,5})?(?:/.*)?\Z)")  # without `https://`
_SCRIPT = later(r"-[A-Za-z]*c")
_NESTED = 4  # scripts within scripts
_HARMLESS = later(r"(?i)true|false|yes|no|on|off|online|offline|disabled|dryrun|none|[01]|\$\w+|\$\{\w+\}")
_HEADER = re.compile(r"(?i)([\w-]*(?:cookie|auth|token|key|secret|password)[\w-]*:\s?).+", re.DOTALL)
_ASSIGNED = later(r"(?s)([-+\w.]+)=(.*)")
Options = dict[str, re.Pattern[str]]
# Values of options of programs, with a group for the part before the secret.
_USER = re.compile(r"(?s)([^:]+:).+")
_ALL = re.compile(r"(?s)().+")
_COOKIE = re.compile(r"(?s)([^=]+=).+")  # without `=` it is a file
_TOKEN = re.compile(r"(?s)([^:]+:)?.+")
_MYSQL = (
    "mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlsh mysqlshow mysqlslap"
    " mariadb mariadb-admin mariadb-binlog mariadb-check mariadb-dump mariadb-import mariadb-show"
)
_OPTIONS = (
    ("curl", "-u --user -U --proxy-user -E --cert --proxy-cert", _USER),
    ("curl", "-b --cookie", _COOKIE),
    ("curl", "-H --header --proxy-header", _HEADER),
    ("curl", "--oauth2-bearer", _ALL),
    ("wget", "--header", _HEADER),
    ("http https xh", "-a --auth", _TOKEN),
    (f"{_MYSQL} mycli sshpass 7z 7za mongo mongosh mongodump mongorestore ncftpget ncftpput", "-p", _ALL),
    ("rar unrar", "-p -hp", _ALL),
    ("zip unzip ipmitool mosquitto_pub mosquitto_sub sqlcmd bcp", "-P", _ALL),
    ("redis-cli", "-a", _ALL),
    ("openssl", "-passin -passout -pass -k -K", _ALL),
    ("keytool jarsigner", "-storepass -keypass", _ALL),
    ("ssh-keygen", "-N -P", _ALL),
    ("aws", "aws_secret_access_key aws_session_token", _ALL),  # configure set
    ("ldapsearch ldapmodify", "-w", _ALL),
    ("smbclient", "-U", re.compile(r"(?s)([^%]+%).+")),
    ("lftp", "-u", re.compile(r"(?s)([^,]+,).+")),
    ("kubectl", "--from-literal", _COOKIE),
)
# With `-p x` they ask for the password, and x is something else.
_ATTACHED = (*_MYSQL.split(), "7z", "7za", "rar", "unrar")
_APART = ("openssl", "keytool", "jarsigner")  # `-kfile` is another option than `-k`
# Options without a value, after which another may stand in the same word: `-sSu me:secret`.
_FLAGS = {
    "curl": re.compile(r"-[0-9#:BGIJLMNORSVZafgijklnpqsv]+(?=[A-Za-z])"),
    "sshpass": re.compile(r"-v+(?=[A-Za-z])"),
    **dict.fromkeys(_MYSQL.split(), re.compile(r"-[BEGHNXfnqrstv]+(?=[A-Za-z])")),
}
_LOGINS = ("wandb", "swanlab", "huggingface-cli", "hf", "modelscope", "comet", "neptune", "vault")
_LOGINS_BY_PASSWORD = ("docker", "podman", "helm", "az", "nerdctl", "oras", "skopeo")
_PROGRAMS = {*_LOGINS, *_LOGINS_BY_PASSWORD, *(name for programs, _, _ in _OPTIONS for name in programs.split())}
_SEPARATOR = later(r"[;|&()]{1,2}")
_NO_KEY = later(r"(?s)-|.*://|[;|&()]{1,2}\Z")
# An argument in a shell's line, with its quoted parts; a separator; a lone quote.
_SHELL_WORD = later(r"""((?:[^\s"';|&()]|"[^"]{0,1000}"|'[^']{0,1000}')+|[;|&()]{1,2}|["'])""")


def shown(command: Sequence[str]) -> str:
    """`command` in one line, with ``***`` for what grants access."""
    words = _masked(list(command), _NESTED)
    return " ".join(word if word.endswith(MASK) else shlex.quote(word) for word in words)


def _masked(words: Sequence[str], nested: int) -> Iterator[str]:
    program, before, is_login = "", "", False
    for word in words:
        if _SCRIPT().fullmatch(before):
            masked = _script(word, nested)
        elif is_login and program in _LOGINS and not _NO_KEY().match(word):
            masked = MASK
        else:
            masked = _without_secret(program, is_login, before, word, nested)
        yield masked
        name = word.rpartition("/")[2]
        if _SEPARATOR().fullmatch(word):
            program, is_login = "", False
        if name in _PROGRAMS:
            program = program or name
        is_login = is_login or (word == "login" and program != "")
        if masked != MASK or not _MANY().fullmatch(before):
            before = word


def _script(text: str, nested: int) -> str:
    """A shell's script, scrubbed as a whole, because of its quotes, then argument by argument."""
    text = scrub(text)
    if not nested:
        return text
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return f"{text[0]}{_script(text[1:-1], nested - 1)}{text[0]}"
    parts = _SHELL_WORD().split(text)
    masked = list(_masked(parts[1::2], nested - 1))
    for at, (part, word) in enumerate(zip(parts[1::2], masked, strict=True)):
        if word.endswith(MASK) and part[-1] in "\"'" and word.count(part[-1]) % 2:
            masked[at] = word + part[-1]
    parts[1::2] = masked
    return "".join(parts)


def _without_secret(program: str, is_login: bool, before: str, word: str, nested: int) -> str:
    if is_reference(word) or _HARMLESS().fullmatch(word):
        return word
    options = _options(program, is_login)
    name = _unbundled(program, before)
    if name in options and program not in _ATTACHED:
        return options[name].sub(rf"\1{MASK}", word)
    value, secret = _attached(program, options, word)
    if secret is not None:
        return word[: len(word) - len(value)] + secret.sub(rf"\1{MASK}", value)
    is_value = _OPTION_WORD().fullmatch(before) is not None and not _is_option(before, word)
    if is_value and _is_secret(before, word):
        return MASK
    assigned = _ASSIGNED().fullmatch(word)
    # In `env "API_KEY=x y"` the value has a space.
    if assigned and assigned[2] and _is_secret(assigned[1], assigned[2]):
        return f"{assigned[1]}={MASK}" if not _HARMLESS().fullmatch(assigned[2]) else word
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


def _attached(program: str, options: Options, word: str) -> tuple[str, re.Pattern[str] | None]:
    """The value that stands in one word with one of the `options`, and what matches its secret; None if none does."""
    option_and_value = _unbundled(program, word)
    for option, secret in options.items():
        value = option_and_value.removeprefix(option + "=" * option.startswith("--"))
        is_joined = option.startswith("--") or (len(option) == 2 and program not in _APART) or option == "-hp"
        if is_joined and value not in ("", option_and_value):
            return value, secret
    return "", None


def _unbundled(program: str, word: str) -> str:
    """`word` without flags that stand before an option: ``-u`` of ``-sSu``."""
    found = _FLAGS[program].match(word) if program in _FLAGS else None
    return f"-{word[found.end() :]}" if found else word


def _options(program: str, is_login: bool) -> Options:
    if is_login and program in _LOGINS_BY_PASSWORD:
        return {"-p": _ALL}
    rows = (row for row in _OPTIONS if program in row[0].split())
    return {option: secret for _, options, secret in rows for option in options.split()}


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
        return True
    option = f"--{bare}" if name.startswith("-") else bare
    return any(scrub(f"{option}={one}").startswith(f"{option}={MASK}") for one in ("hunter", value))
