"""``python -m twinkle_notifier``: the command, where no script is installed."""

import sys

from twinkle_notifier.cli import main

sys.exit(main())
