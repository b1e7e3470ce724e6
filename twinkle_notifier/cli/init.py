"""``twinkle-notifier init``: sets a notifier up for all of a user's runs."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from twinkle_notifier.channels import VARIABLE, from_text, pasted
from twinkle_notifier.cli.common import IN_PS, Commands, add_command, each, named, shown, standard_input, tested
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime import user_file

_LINE = 16_384  # bytes
_TRIES = 3  # to paste a URL
_ASK = "Webhook URL (it is not shown; several: parted by spaces): "
_SIGNED = "Signing secret, if the robot is in signed mode (else Enter): "


def add(commands: Commands) -> None:
    """Add the command."""
    init = add_command(
        commands,
        "init",
        "set a notifier up for all your runs",
        "Ask for the webhook URL of a chat, tell which service it is, send a test message, and write the URL into "
        f"{user_file.path() or 'the user file'}, which only you can read. Callbacks, `watch` and the commands use it "
        f"where code gives no notifier and {VARIABLE} is not set.",
        "twinkle-notifier init",
        "twinkle-notifier init --url env:MY_WEBHOOK",
        epilog="Exit codes: 0, the file is written; 1, the test was not accepted, and nothing is written; 2, that is "
        "no webhook URL, or the file cannot be written.",
    )
    init.add_argument(
        "--url", help=f"the URL, for programs; without a terminal a line of standard input will do. {IN_PS}"
    )
    init.add_argument("pasted", nargs="*", help=argparse.SUPPRESS)
    init.add_argument("--no-test", action="store_false", dest="test", help="write the file without sending a test")
    init.set_defaults(do=_init)


def _init(given: argparse.Namespace) -> int:
    if given.pasted:
        raise ArgumentError(f"paste the URL where `init` asks for it, or give --url env:NAME. {IN_PS}")
    place = user_file.path()
    if place is None:
        raise ArgumentError("there is no home folder to write to: set XDG_CONFIG_HOME to a folder of yours")
    text, notifier = (
        _asked() if given.url is None and sys.stdin is not None and sys.stdin.isatty() else _given(given.url)
    )
    print(f"It is for {', '.join(map(named, each(notifier)))}.")
    for one in each(notifier) if given.test else ():
        outcome = tested(one, "init")
        if outcome.status != "sent":
            print(f"{named(one)} has not accepted a test: {shown(outcome)}", file=sys.stderr)
            print("Nothing was written. To write the URL without a test, add --no-test.", file=sys.stderr)
            return 1
        print(f"{named(one)} has accepted a test: look for it there.")
    try:
        write(place, text)
    except OSError as error:
        raise ArgumentError(
            f"{place} cannot be written ({error.strerror}): set XDG_CONFIG_HOME to a folder that you can write to"
        ) from None
    print(f"Written to {place}. `twinkle-notifier check` sends another test.")
    if os.environ.get(VARIABLE, "").strip():
        print(f"{VARIABLE} is set, and goes before the file.", file=sys.stderr)
    return 0


def _given(url: str | None) -> tuple[str, Notifier]:
    text = (standard_input(_LINE).partition("\n")[0] if url is None else url).strip()
    return text, from_text(text, "--url" if url is not None else "standard input")


def _asked() -> tuple[str, Notifier]:
    from getpass import getpass  # it loads what only a terminal has

    for left in reversed(range(_TRIES)):
        try:
            text = getpass(_ASK).strip()
            notifier = from_text(text, "what was pasted")
        except ArgumentError as error:
            if not left:
                raise
            print(reason(error), file=sys.stderr)
        except EOFError:
            raise ArgumentError("nothing was pasted") from None
        else:
            if _may_be_signed(text, notifier) and (secret := getpass(_SIGNED).strip()):
                text = f"{text}{'&' if '?' in text else '?'}secret={_quoted(secret)}"
                notifier = from_text(text, "what was pasted")
            return text, notifier
    raise AssertionError  # the last try returns or raises


def _may_be_signed(text: str, notifier: Notifier) -> bool:
    if is_reference(text) or len(pasted.split(text)) != 1 or text.startswith("{"):
        return False
    return notifier.to_dict().get("secret", "") is None


def _quoted(secret: str) -> str:
    from urllib.parse import quote

    return quote(secret, safe="")


def write(place: Path, url: str) -> None:
    """Write `url` into the user's file `place`, with mode 0600, and keep its other lines.

    Raises:
        ArgumentError: the file that is there cannot be kept.
        OSError: the disk.
    """
    lines = [f"url = {json.dumps(url, ensure_ascii=True)}"]
    with suppress(FileNotFoundError):
        old = place.read_text("utf-8", "replace").splitlines()
        lines += [line for line in old if not re.match(r"\s*[\"']?url[\"']?\s*=", line)]
    content = "\n".join([*lines, ""])
    if not user_file.is_whole(content):
        raise ArgumentError(f"{place} is there, and is no TOML: mend it, or move it away")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(dir=place.parent, prefix=".config-")  # with mode 0600
    try:
        with os.fdopen(file, "w", encoding="utf-8") as to:
            to.write(content)
        os.replace(name, os.path.realpath(place))
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        raise
