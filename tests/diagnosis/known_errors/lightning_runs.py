"""Lightning and its versions: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_MISCONFIGURED = "lightning.fabric.utilities.exceptions.MisconfigurationException"

CASES: dict[str, Case] = {
    "lightning-no-accelerator": Case(
        hits=(
            raised(
                "lightning_fabric.utilities.exceptions.MisconfigurationException", "No supported gpu backend found!"
            ),
            raised(
                "pytorch_lightning.utilities.exceptions.MisconfigurationException",
                (
                    "CUDAAccelerator can not run on your system since the accelerator is not available. The "
                    "following accelerator(s) is available"
                ),
            ),
        ),
        misses=(
            raised(
                "lightning_fabric.utilities.exceptions.MisconfigurationException",
                "an earlier attempt said: No supported gpu backend found!",
            ),
            raised("KeyError", "No supported gpu backend found!"),
        ),
    ),
    "lightning-cuda-before-fork": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Lightning can't create new processes if CUDA is already initialized. Did you manually call "
                    "`torch.cuda.*` functions, have moved the model to the device"
                ),
            ),
            raised("RuntimeError", "Lightning can't create new processes if CUDA is already initialized."),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Lightning can't create new processes if CUDA is already "
                    "initialized. Did you manually call `torch.cuda.*` functions, have moved the model to the "
                    "device"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Lightning can't create new processes if CUDA is already initialized. Did you manually call "
                    "`torch.cuda.*` functions, have moved the model to the device"
                ),
            ),
        ),
    ),
    "lightning-argument-removed": Case(
        hits=(
            raised("TypeError", "Trainer.__init__() got an unexpected keyword argument 'gpus'"),
            raised("TypeError", "__init__() got an unexpected keyword argument 'replace_sampler_ddp'"),
        ),
        misses=(
            raised("TypeError", "Trainer.__init__() got an unexpected keyword argument 'tokenizer'"),
            raised("ValueError", "Trainer.__init__() got an unexpected keyword argument 'gpus'"),
        ),
    ),
    "lightning-hook-removed": Case(
        hits=(
            raised(
                "NotImplementedError",
                "Support for `training_epoch_end` has been removed in v2.0.0. `Model` implements this method.",
            ),
            raised(
                "NotImplementedError",
                "Support for `validation_epoch_end` has been removed in v2.0.0. `Net` implements this method.",
            ),
        ),
        misses=(
            raised(
                "NotImplementedError",
                (
                    "an earlier attempt said: Support for `training_epoch_end` has been removed in v2.0.0. "
                    "`Model` implements this method."
                ),
            ),
            raised(
                "KeyError",
                "Support for `training_epoch_end` has been removed in v2.0.0. `Model` implements this method.",
            ),
        ),
    ),
    "lightning-devices-missing": Case(
        hits=(
            raised(_MISCONFIGURED, "You requested gpu: [0, 1]\n But your machine only has: [0]"),
            raised(
                "pytorch_lightning.utilities.exceptions.MisconfigurationException",
                "You requested GPUs: [1]\n But your machine only has: []",
            ),
        ),
        misses=(
            raised(_MISCONFIGURED, "No supported gpu backend found!"),
            raised("ValueError", "You requested gpu: [0, 1]\n But your machine only has: [0]"),
        ),
    ),
    "notebook-strategy": Case(
        hits=(
            raised(
                _MISCONFIGURED,
                "`Trainer(strategy='ddp')` is not compatible with an interactive environment. Run your code as a script, or"
                " choose a notebook-compatible strategy: `Trainer(strategy='ddp_notebook')`.",
            ),
            raised(
                "pytorch_lightning.utilities.exceptions.MisconfigurationException",
                "`Trainer(strategy='ddp_spawn')` is not compatible with an interactive environment. Run your code as a script,"
                " or choose one of the compatible strategies: `Fabric(strategy=None|'dp'|'ddp_notebook')`.",
            ),
        ),
        misses=(
            raised(_MISCONFIGURED, "`Trainer(strategy='ddp')` and `plugins` are mutually exclusive"),
            raised("RuntimeError", "`Trainer(strategy='ddp')` is not compatible with an interactive environment."),
        ),
    ),
}
