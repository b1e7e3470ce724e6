"""Registers this package's callbacks with ms-swift, which loads it for `--external_plugins`.

It has a folder of its own: ms-swift puts the folder of such a file before `sys.path`, where a neighbour named
`transformers.py` would take the place of that package.
"""

from twinkle_notifier.integrations.swift import register

register()
