"""Where known programs are told a secret: behind which option, or as which word.

To add a program: a line in `OPTIONS` or `PLACES`, and an example in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from twinkle_notifier.credentials.scrub_tokens import MASK, later

# What a value may be; the group before the secret stays.
_ALL = later(r"(?s)().+")
_USER = later(r"(?s)([^:]+:).+|(?=[^:]*\d)[\w-]{16,}(?=:\Z)")  # an API's key may be the user, without a password
_MAY_HAVE_USER = later(r"(?s)([^:]+:)?.+")
_PAIR = later(r"(?s)([^=]+=).+")  # without `=` it is a file
_PERCENT = later(r"(?s)([^%]+%).+")
_COMMA = later(r"(?s)([^,]+,).+")
_SLASH = later(r"(?s)([^/]+/)[^@]+")
_NO_PORT = later(r"(?s)()(?!\d{1,5}\Z).+")
_HEADER = later(r"(?is)([\w-]*(?:cookie|auth|token|key|secret|password)[\w-]*:\s?).+")
_MYSQL = (
    "mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysqlimport mysqlpump mysqlsh mysqlshow mysqlslap"
    " mariadb mariadb-admin mariadb-binlog mariadb-check mariadb-dump mariadb-import mariadb-show"
)
_MONGO = "mongo mongosh mongodump mongorestore mongoexport mongoimport"
_LDAP = "ldapsearch ldapmodify ldapadd ldapdelete ldapcompare ldapmodrdn ldapwhoami ldappasswd"
_LOGINS = "wandb swanlab huggingface-cli hf modelscope comet neptune vault openxlab"
# What `expect` sends to a prompt: neither a command with words behind it, nor one that is known.
_SENT = later(
    r"""(?s)\A(["'{]*)(?!(?:(?:yes|no|y|n|exit|quit|logout|q|ls|pwd|top|clear|\d{1,3}|\$\w+|\$\{\w+\})?"""
    r"""|[\w./-]+ [^\\]*)(?:\\[rn])*["'}]*\Z).+"""
)
_ANY = "*"

# Programs, the words that must stand before, options, and what their value is.
OPTIONS = (
    ("curl", "", "-u --user -U --proxy-user -E --cert --proxy-cert", _USER),
    ("curl", "", "-b --cookie", _PAIR),
    ("curl", "", "-H --header --proxy-header", _HEADER),
    ("curl", "", "--oauth2-bearer", _ALL),
    ("wget aria2c", "", "--header", _HEADER),
    ("http https xh", "", "-a --auth", _MAY_HAVE_USER),
    (f"{_MYSQL} {_MONGO} mycli sshpass 7z 7za cqlsh beeline twine smbmap rdesktop rabbitmqadmin", "", "-p", _ALL),
    ("ncftp ncftpget ncftpput ncftpls useradd usermod", "", "-p", _ALL),
    ("rar unrar", "", "-p -hp", _ALL),
    ("zip unzip ipmitool mosquitto_pub mosquitto_sub sqlcmd bcp", "", "-P", _ALL),
    ("redis-cli redis-benchmark", "", "-a", _ALL),
    ("openssl", "", "-passin -passout -pass -k -K", _ALL),
    ("keytool jarsigner", "", "-storepass -keypass", _ALL),
    ("ssh-keygen", "", "-N -P", _ALL),
    (_LDAP, "", "-w", _ALL),
    ("ldappasswd", "", "-a -s", _ALL),
    ("snmpget snmpwalk snmpset", "", "-A -X -c", _ALL),
    ("smbclient smbget rpcclient", "", "-U --user", _PERCENT),
    ("lftp", "", "-u", _COMMA),
    ("xfreerdp", "", "/p:", _ALL),
    ("kubectl", "", "--from-literal", _PAIR),
    ("ossutil ossutil64 obsutil", "", "-i -k -t", _ALL),
    ("coscmd", "", "-a -s -t", _ALL),
    ("kaggle", "config set", "-v --value", _ALL),
    ("gh", "secret set", "-b --body", _ALL),
    ("docker podman helm az nerdctl oras skopeo crane", "login", "-p", _ALL),
    (_LOGINS, "login", "-k -t --key", _ALL),
    (_ANY, "login", "-p -k -t", _NO_PORT),
)
# Programs, the words before, and which of the words behind these is a secret: each if none is given.
PLACES = (
    (_LOGINS, "login", (), _ALL),
    ("ngrok cpolar natapp", "(?:add-)?authtoken", (0,), _ALL),
    ("mc mcli", "alias set", (2, 3), _ALL),
    ("mc mcli", "host add", (2, 3), _ALL),
    ("mc mcli", "user add", (2,), _ALL),
    ("qshell", "account", (0, 1), _ALL),
    ("rclone", "obscure", (0,), _ALL),
    ("mkpasswd", "mkpasswd", (0,), _ALL),
    ("mysqladmin", "password", (0,), _ALL),
    ("redis-cli", "(?i:auth)", (), _ALL),
    ("redis-cli", "(?i:requirepass|masterauth)", (0,), _ALL),
    ("wpa_passphrase", "wpa_passphrase", (1,), _ALL),
    ("htpasswd", r"-\w*b\w*", (1, 2), _ALL),
    ("smbclient", r"//\S+", (0,), _ALL),
    ("sqlplus sqlldr impdp expdp", "sqlplus|sqlldr|impdp|expdp", (0,), _SLASH),
    ("poetry", r"config pypi-token\.\S+", (0,), _ALL),
    ("poetry", r"config http-basic\.\S+", (1,), _ALL),
    ("vault", "kv put", (), _PAIR),
    ("jq", r"--arg \w*(?i:pass|token|secret|key|pw)\w*", (0,), _ALL),
    ("expect", r"\W*(?:exp_)?send", (0,), _SENT),
    ("expect", r"\W*set \w*(?i:pass|token|secret|key|pw)\w*", (0,), _ALL),
    ("ftp lftp", "user", (1,), _ALL),
    ("smbclient", "logon", (1,), _ALL),
)
_WITH_SCRIPTS = ("expect", "ftp", "lftp", "smbclient")  # the words of a script that they are told are theirs
# With `-p x` they ask for the password, and x is something else.
_ATTACHED = (*_MYSQL.split(), "7z", "7za", "rar", "unrar")
_APART = ("openssl", "keytool", "jarsigner", "useradd", "usermod")  # `-kfile` is another option than `-k`
# Options without a value, after which another may stand in the same word: `-sSu me:secret`.
_FLAGS = {
    "curl": later(r"-[0-9#:BGIJLMNORSVZafgijklnpqsv]+(?=[A-Za-z])"),
    "sshpass": later(r"-v+(?=[A-Za-z])"),
    **dict.fromkeys(_MYSQL.split(), later(r"-[BEGHNXfnqrstv]+(?=[A-Za-z])")),
    **dict.fromkeys(_LDAP.split(), later(r"-[ACILMNQTVcnuvxZ]+(?=w)")),
}
_KNOWN = frozenset(name for names, *_ in (*OPTIONS, *PLACES) for name in names.split()) - {
    _ANY,
    "expect",
}  # which is a word of texts
_OTHERS = ("ssh", "mosh", "scp", "sftp", "rsync", "git")  # their options are none of a program's before them
_MODULES = ("awscli", "dvc")  # programs that ``python -m`` starts, too; `command_line` knows what they are told
_STARTER = "sshpass"  # starts another program, whose options are none of its own
_SCRIPT = later(r"[^-=:][^=:]*\.py")
_RUNNERS = later(r"(?:[^=:]*/)?(?:i?python[\d.]*|pypy[\d.]*|torchrun|msrun|deepspeed|launch)")
_PREFIXES = later(r"(?s)\w+=.*|nohup|env|exec|command|time|sudo|setsid|then|do|else|!|\{")  # before the first word
_LONG = later(r"--[^=]+")
_KEPT = 60  # words that are remembered


class Seen(NamedTuple):
    """What stands before a word of a command: its words, and which of them are known programs."""

    words: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    is_own: bool = False  # whether a script of Python's runs: no word behind it is a known program

    @property
    def last(self) -> str:
        """The word before; empty at the beginning."""
        return self.words[-1] if self.words else ""

    def and_then(self, word: str) -> Seen:
        """The same with `word`. A program counts to the end of its command: a later word may only be called so."""
        bare = word.strip("\"'")
        name = bare.rpartition("/")[2]
        if self.is_own or self._begins_own(bare):
            return Seen((*self.words, word)[-_KEPT:], self._without_starter(), True)
        if name not in _KNOWN and name not in _OTHERS:
            return Seen((*self.words, word)[-_KEPT:], self.programs)
        before = self._without_starter() if name in _OTHERS else self.programs
        programs = before if name in before else (*before, name)
        return Seen((*self.words, name)[-_KEPT:], programs)

    def _without_starter(self) -> tuple[str, ...]:
        return tuple(name for name in self.programs if name != _STARTER)

    def _begins_own(self, word: str) -> bool:
        if self.last == "-m":
            return word not in _KNOWN and word not in _MODULES and any(map(_RUNNERS().fullmatch, self.words))
        return _SCRIPT().fullmatch(word) is not None and self._runs_next()

    def _runs_next(self) -> bool:
        """Whether the next word is run: it is the first, or only options stand between it and a runner of scripts."""
        at = len(self.words)
        while at and not _RUNNERS().fullmatch(self.words[at - 1]):
            if self.words[at - 1].startswith("-"):
                at -= 1
            elif at > 1 and self.words[at - 2].startswith("-"):
                at -= 2
            else:
                return all(map(_PREFIXES().fullmatch, self.words))
        return at > 0 or not self.words


def with_scripts(words: Sequence[str]) -> tuple[str, ...]:
    """The programs among `words` that read a script in a language of their own."""
    names = (word.rpartition("/")[2] for word in words)
    return tuple(name for name in names if name in _WITH_SCRIPTS)


def without_secret(seen: Seen, word: str) -> str | None:
    """`word` with ``***`` for what a known program is told there; None if none takes a secret there."""
    programs = (*seen.programs, _ANY) if may_log_in(seen) else seen.programs
    for program in programs:
        if (found := _of_option(program, seen, word)) is not None:
            return found
    return next(_by_place(seen, word), None)


def may_log_in(seen: Seen) -> bool:
    """Whether a program that is not known is told to log in. Behind ``ssh``, ``login`` is a host."""
    if seen.is_own or "login" not in seen.words[1:]:
        return False
    return set(seen.words[: seen.words.index("login", 1)]).isdisjoint(_OTHERS)


def _of_option(program: str, seen: Seen, word: str) -> str | None:
    options = dict(_options(program, seen.words))
    name = _unbundled(program, seen.last)
    if name in options and program not in _ATTACHED:
        return options[name].sub(rf"\1{MASK}", word)
    option_and_value = _unbundled(program, word)
    for option, secret in options.items():
        value = option_and_value.removeprefix(option)
        if value not in ("", option_and_value) and _may_join(program, option, value):
            value = value.removeprefix("=")
            return word[: len(word) - len(value)] + secret.sub(rf"\1{MASK}", value)
    return None


def _may_join(program: str, option: str, value: str) -> bool:
    """Whether an option's value may stand in one word with it."""
    if option.startswith("--"):
        return value.startswith("=")
    return (len(option) == 2 and program not in _APART) or option in ("-hp", "/p:")


def _options(program: str, words: Sequence[str]) -> Iterator[tuple[str, re.Pattern[str]]]:
    for programs, before, options, secret in OPTIONS:
        if program in programs.split() and (not before or _behind(words, before) is not None):
            yield from ((option, secret()) for option in options.split())


def _by_place(seen: Seen, word: str) -> Iterator[str]:
    if word.startswith("-") or "://" in word:
        return
    for programs, before, places, secret in PLACES:
        if not set(seen.programs).isdisjoint(programs.split()):
            behind = _behind(seen.words, before)
            if behind is not None and (not places or _number(behind) in places):
                yield secret().sub(rf"\1{MASK}", word)


def _behind(words: Sequence[str], before: str) -> Sequence[str] | None:
    """The words behind the last ones that `before` matches; None if there are none such."""
    patterns = before.split()
    for at in range(len(words) - len(patterns), -1, -1):
        if all(map(re.fullmatch, patterns, words[at:])):
            return words[at + len(patterns) :]
    return None


def _number(words: Sequence[str]) -> int:
    """How many words there are beside options; -1 if that is not sure."""
    number, is_value = 0, False
    for word in words:
        if is_value or word == "--":
            is_value = False
        elif word.startswith("--"):
            is_value = _LONG().fullmatch(word) is not None
        elif word.startswith("-"):
            return -1
        else:
            number += 1
    return -1 if is_value else number


def _unbundled(program: str, word: str) -> str:
    """`word` without flags that stand before an option: ``-u`` of ``-sSu``."""
    found = _FLAGS[program]().match(word) if program in _FLAGS else None
    return f"-{word[found.end() :]}" if found else word
