"""``twinkle-notifier swift-plugin``: where ms-swift finds this package's callbacks."""

from __future__ import annotations

import argparse
from pathlib import Path

from twinkle_notifier.cli.common import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    plugin = add_command(
        commands,
        "swift-plugin",
        "print the path of the file for ms-swift's --external_plugins",
        "Print the path of a file that registers the callback twinkle_notifier with ms-swift, which reads it for "
        "--external_plugins. The callback sends alerts by the notifier that is set up.",
        'swift sft --external_plugins "$(twinkle-notifier swift-plugin)" --callbacks twinkle_notifier ...',
    )
    plugin.set_defaults(do=_show)


def _show(_: argparse.Namespace) -> int:
    from twinkle_notifier import integrations  # a checkout has none

    print(Path(*integrations.__path__, "swift_plugin", "twinkle_notifier_swift.py"))
    return 0
