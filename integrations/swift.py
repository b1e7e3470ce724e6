# pyright: reportMissingImports=false, reportUnknownVariableType=false
"""ms-swift: the HF Trainer's callback, made as its trainers make theirs, under the name `twinkle_notifier`.

`twinkle-notifier swift-plugin` prints the file that registers it, for `--external_plugins FILE --callbacks
twinkle_notifier`.
"""

from __future__ import annotations

import sys
from typing import Any

from twinkle_notifier.integrations import transformers

NAME = "twinkle_notifier"


class NotifierCallback(transformers.NotifierCallback):
    """The callback of `twinkle_notifier.integrations.transformers`, for trainers of ms-swift, which make it themselves.

    The notifier and all else are what is set up, by variable or file. For one with arguments register a function:
    ``callbacks_map["mine"] = lambda args, trainer: transformers.NotifierCallback(name="sft")``.
    """

    def __init__(self, args: object, trainer: object) -> None:
        super().__init__()


def register() -> None:
    """Add the callbacks to ms-swift's tables; that of its Megatron trainers, where the program has loaded those."""
    from swift.callbacks import callbacks_map

    callbacks_map[NAME] = NotifierCallback
    if "swift.megatron" in sys.modules:
        from swift.megatron.callbacks import megatron_callbacks_map
        from twinkle_notifier.integrations.swift_megatron import NotifierMegatronCallback

        callbacks: dict[str, Any] = megatron_callbacks_map
        callbacks[NAME] = NotifierMegatronCallback
