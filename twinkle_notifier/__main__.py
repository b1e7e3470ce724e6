"""``python -m twinkle_notifier``: the command, where no script is installed."""

import sys

from twinkle_notifier.cli.main import main

sys.exit(main())
