"""The command ``twinkle-notifier``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from twinkle_notifier.cli import check, demo, flush, inbox, init, rules, run, send, swift_plugin
from twinkle_notifier.errors import NotifierError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.do(given))
    except NotifierError as error:
        print(f"twinkle-notifier: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except EOFError:
        print("twinkle-notifier: the input ended before an answer", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `twinkle-notifier check | true`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 128 + getattr(signal, "SIGPIPE", 13)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twinkle-notifier",
        description="Sends alerts about training runs.",
        epilog="Begin with: twinkle-notifier init",
    )
    parser.add_argument("--version", action=_Version, help="show the version of this package and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (init, check, send, run, rules, flush, demo, inbox, swift_plugin):
        command.add(commands)
    return parser


class _Version(argparse.Action):
    """Shows the version, which the installed package's metadata holds; read only on request."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002  argparse's name
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # no command needs this, and it takes long to load

        print(parser.prog, version("twinkle-notifier"))
        parser.exit()
