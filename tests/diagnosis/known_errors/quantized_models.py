"""Quantized and offloaded models: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "quantized-other-device": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "You can't train a model that has been loaded in 8-bit precision on a different device than "
                    "the one you're training on."
                ),
            ),
            raised(
                "ValueError",
                (
                    "You can't train a model that has been loaded in 8-bit or 4-bit precision on a different "
                    "device than the one you're training on. Make sure you loaded the model on the correct device"
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: You can't train a model that has been loaded in 8-bit precision on "
                    "a different device than the one you're training on."
                ),
            ),
            raised(
                "KeyError",
                (
                    "You can't train a model that has been loaded in 8-bit precision on a different device than "
                    "the one you're training on."
                ),
            ),
        ),
    ),
    "quantized-offloaded-trained": Case(
        hits=(
            raised(
                "ValueError",
                "You can't train a model that has been loaded in 8-bit precision with CPU or disk offload.",
            ),
            raised(
                "ValueError",
                (
                    "You can't train a model that has been loaded in 8-bit or 4-bit precision with CPU or disk "
                    "offload. If you want train the 8-bit or 4-bit model in CPU, please install bitsandbytes "
                    "with multi-backend"
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: You can't train a model that has been loaded in 8-bit precision "
                    "with CPU or disk offload."
                ),
            ),
            raised(
                "KeyError", "You can't train a model that has been loaded in 8-bit precision with CPU or disk offload."
            ),
        ),
    ),
    "quantized-model-moved": Case(
        hits=(
            raised(
                "ValueError",
                "`.to` is not supported for `4-bit` or `8-bit` bitsandbytes models. Please use the model as it is",
            ),
            raised(
                "ValueError",
                (
                    "Calling `to()` is not supported for `4-bit` quantized models with the installed version of "
                    "bitsandbytes. The current device is `cuda:0`."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: `.to` is not supported for `4-bit` or `8-bit` bitsandbytes models. "
                    "Please use the model as it is"
                ),
            ),
            raised(
                "KeyError",
                "`.to` is not supported for `4-bit` or `8-bit` bitsandbytes models. Please use the model as it is",
            ),
        ),
    ),
    "offloaded-model-moved": Case(
        hits=(
            raised("RuntimeError", "You can't move a model that has some modules offloaded to cpu or disk."),
            raised(
                "RuntimeError", "You can't move a model that has some modules offloaded to cpu or disk. (device_map)"
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: You can't move a model that has some modules offloaded to cpu or disk.",
            ),
            raised("KeyError", "You can't move a model that has some modules offloaded to cpu or disk."),
        ),
    ),
    "device-map-to-disk": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "You are trying to offload the whole model to the disk. Please use the `disk_offload` "
                    "function instead."
                ),
            ),
            raised(
                "ValueError",
                (
                    "The current `device_map` had weights offloaded to the disk. Please provide an "
                    "`offload_folder` for them."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: You are trying to offload the whole model to the disk. Please use "
                    "the `disk_offload` function instead."
                ),
            ),
            raised(
                "KeyError",
                (
                    "You are trying to offload the whole model to the disk. Please use the `disk_offload` "
                    "function instead."
                ),
            ),
        ),
    ),
}
