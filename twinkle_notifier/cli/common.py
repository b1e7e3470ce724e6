"""What the commands share: how they are added, the notifier that they use, and output for people and for programs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import textwrap
from typing import Any, Protocol, TextIO

from twinkle_notifier import isolation, settings
from twinkle_notifier.channels import from_text, pasted
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import chat
from twinkle_notifier.errors import ArgumentError, NotifierError
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.catalog import fact, phrase
from twinkle_notifier.messages.message import Message, Outcome, random_id
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.messages.wording import now
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime.language import language

IN_PS = "Every user of this machine sees a URL here in ps: rather give env:NAME or file:PATH, where it stands"

_SEND = 20.0  # seconds for one message, all tries together; a person waits
_SETUP = 5.0  # seconds to look up references, whose disk may hang
_REASON = 600  # characters
_WIDTH = 100  # of help


class Commands(Protocol):
    """What `add_subparsers` of a parser returns."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser:
        """See argparse."""
        ...


def add_command(
    commands: Commands, name: str, summary: str, description: str, *examples: str, epilog: str = "", usage: str = ""
) -> argparse.ArgumentParser:
    """A command whose ``--help`` ends with `examples`, each a line for a shell."""
    lines = ["Example:" if len(examples) == 1 else "Examples:", *(f"  $ {example}" for example in examples)]
    return commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(description, _WIDTH),
        epilog="\n".join([*([textwrap.fill(epilog, _WIDTH), ""] if epilog else []), *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=usage or None,
    )


def standard_input(most: int) -> str:
    """What standard input holds, up to `most` bytes; empty if it is closed."""
    stream: TextIO | None = sys.stdin  # a shell's `<&-` leaves none
    return stream.buffer.read(most).decode("utf-8", "replace") if stream is not None else ""


def add_json(command: argparse.ArgumentParser) -> None:
    """The option ``--json``."""
    command.add_argument("--json", action="store_true", help="print JSON for programs, not text for people")


def print_json(found: Any) -> None:
    """One line."""
    print(json.dumps(found, ensure_ascii=True), flush=True)


def chosen(to: str | None) -> tuple[Notifier, str]:
    """The notifier of ``--to``, else the one that is set up, and what describes it.

    Raises:
        NotifierError: there is none, or it cannot work, with what to do.
    """
    if to:
        return from_text(to, "--to"), "--to"
    found, where = settings.set_up(strict=True)
    if found is None and settings.is_off():
        raise ArgumentError(f"{settings.IS_OFF}. Unset it, or give --to")
    if found is None:
        raise ArgumentError(f"no notifier is set up: {settings.HOW}")
    return found, where


def each(notifier: Notifier) -> list[Notifier]:
    """The notifiers that `notifier` hands a message to; itself, if it sends by itself."""
    inner: list[Notifier] | tuple[Notifier, ...] | None = getattr(notifier, "notifiers", None)
    return [one for part in inner for one in each(part)] if isinstance(inner, list | tuple) else [notifier]


def named(notifier: Notifier) -> str:
    """What people call the service that `notifier` sends to. It shows nothing of an address."""
    name = chat(notifier)
    return (pasted.service(str(getattr(notifier, "url", ""))) or name) if name == "apprise" else name


def tested(notifier: Notifier, command: str) -> Outcome:
    """Send a message that says it is a test by `command`; what became of it. It is not kept on the disk."""
    answer = isolation.call(notifier.check_setup, _SETUP)
    if not answer.returned:
        why = reason(answer.error) if isinstance(answer.error, NotifierError) or answer.error is None else ""
        return Outcome("failed", shown_in_log(why or "its check_setup() failed", _REASON))
    chosen = language()
    lines = [
        f"### {phrase(chosen, 'A test of twinkle-notifier')}",
        "",
        fact(chosen, "Sent by", f"`twinkle-notifier {command}`"),
        fact(chosen, "Host", f"{platform.node()}, PID {os.getpid()}"),
        fact(chosen, "Time", now()),
    ]
    text = "\n".join(lines)
    return sender.send(notifier, Message(text, random_id()), _SEND)


def shown(outcome: Outcome) -> str:
    """Why a message was not sent, in one harmless line."""
    return shown_in_log(outcome.reason or outcome.status, _REASON)
