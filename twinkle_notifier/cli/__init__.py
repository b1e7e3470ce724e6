"""The command ``twinkle-notifier``."""
