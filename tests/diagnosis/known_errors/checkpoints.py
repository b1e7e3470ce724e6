"""Reading checkpoints and weights: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

from twinkle_notifier.diagnosis.table import Evidence

_PICKLE = "_pickle.UnpicklingError"
_SAFETENSORS = "safetensors._safetensors_rust.SafetensorError"
_READS = ("__main__", "torch.serialization")
_REFUSED = (
    "Weights only load failed. In PyTorch 2.6, we changed the default value of the `weights_only` argument in "
    "`torch.load` from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, "
    "but it can result in arbitrary code execution. Do it only if you got the file from a trusted source.\n"
    "Please file an issue with the following so that we can make `weights_only=True` compatible with your use case: "
    "WeightsUnpickler error: \n\nUnsupported operand {}\n"
)
_GLOBAL = (
    "Unsupported global: GLOBAL {name} was not an allowed global by default. Please use "
    "`torch.serialization.add_safe_globals([{name}])` or the `torch.serialization.safe_globals([{name}])` context manager "
    "to allowlist this global if you trust this class/function."
)
_WEIGHTS_ONLY = (
    "Weights only load failed. This file can still be loaded, to do so you have two options, \x1b[1mdo those steps only if "
    "you trust the source of the checkpoint\x1b[0m. \n\t(1) In PyTorch 2.6, we changed the default value\n\t(2) "
    "Alternatively, to load with `weights_only=True` please check the recommended steps in the following error message.\n"
    f"\tWeightsUnpickler error: {_GLOBAL}\n\nCheck the documentation of torch.load to learn more about types accepted"
)
_MINIZ = (
    "PytorchStreamReader failed reading zip archive: {}. This is an internal miniz error. If you are seeing this error, "
    "there is a high likelihood that your checkpoint file is corrupted."
)
_CPU_ONLY = (
    "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a "
    "CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
)
_DEVICE_7 = (
    "Attempting to deserialize object on CUDA device 7 but torch.cuda.device_count() is 4. Please use torch.load with "
    "map_location to map your storages to an existing device."
)


def _header(text: str) -> Evidence:
    return raised(_SAFETENSORS, f"Error while deserializing header: {text}")


def _state(missing: str = "", unexpected: str = "", kind: str = "RuntimeError") -> Evidence:
    lines = ["Error(s) in loading state_dict for Net:"]
    lines += [f"\tMissing key(s) in state_dict: {missing}. "] * bool(missing)
    lines += [f"\tUnexpected key(s) in state_dict: {unexpected}. "] * bool(unexpected)
    return raised(kind, "\n".join(lines))


def _shape(name: str, saved: str, now: str) -> Evidence:
    text = (
        f"Error(s) in loading state_dict for Net:\n\tsize mismatch for {name}: copying a param with shape "
        f"torch.Size([{saved}]) from checkpoint, the shape in current model is torch.Size([{now}])."
    )
    return raised("RuntimeError", text)


_OLDER = "[enforce fail at inline_container.cc:222] . "

CASES: dict[str, Case] = {
    "checkpoint-not-downloaded": Case(
        hits=(
            raised(_PICKLE, "invalid load key, 'v'."),
            raised(_PICKLE, "invalid load key, '<'."),
            raised(_PICKLE, _REFUSED.format(118)),
            raised(_PICKLE, _REFUSED.format(60)),
        ),
        misses=(
            raised(_PICKLE, "invalid load key, '\\x0a'."),
            raised(_PICKLE, _REFUSED.format(149)),
            raised("ValueError", "invalid load key, 'v'."),
            raised("KeyError", "'v'"),
        ),
    ),
    "checkpoint-cut-short": Case(
        hits=(
            raised(
                "RuntimeError",
                "PytorchStreamReader failed reading file .format_version: invalid header or archive is corrupted. This is an "
                "internal miniz error.",
            ),
            raised("RuntimeError", "PytorchStreamReader failed reading file data/3: CRC-32 check failed"),
            raised("RuntimeError", _MINIZ.format("failed finding central directory")),
            raised("RuntimeError", "PytorchStreamReader failed reading zip archive: failed finding central directory"),
            raised("RuntimeError", _MINIZ.format("invalid header or archive is corrupted")),
            raised("RuntimeError", "PytorchStreamReader failed reading file data/94: file read failed"),
            raised("RuntimeError", "unexpected EOF, expected 200235 more bytes. The file might be corrupted."),
            raised("RuntimeError", _OLDER + "PytorchStreamReader failed reading zip archive: not a ZIP archive"),
            raised("RuntimeError", _OLDER + "PytorchStreamReader failed reading file data/3: file read failed"),
        ),
        misses=(
            raised("RuntimeError", "PytorchStreamReader failed reading file data/3: allocation failed"),
            raised("RuntimeError", "PytorchStreamReader failed locating file constants.pkl: file not found"),
            raised("zipfile.BadZipFile", "File is not a zip file"),
            raised("RuntimeError", "worker 3: unexpected EOF, expected 12 more bytes. The file might be corrupted."),
            raised("RuntimeError", _OLDER + "PytorchStreamReader failed locating file data.pkl: file not found"),
        ),
    ),
    "checkpoint-empty": Case(
        hits=(
            raised("EOFError", "Ran out of input", modules=_READS),
            raised(_PICKLE, "pickle data was truncated", modules=_READS),
        ),
        misses=(
            raised("EOFError", "Ran out of input", modules=("multiprocessing.spawn",)),
            raised("EOFError", "EOF when reading a line", modules=_READS),
            raised("RuntimeError", "Ran out of input", modules=_READS),
        ),
    ),
    "safetensors-not-weights": Case(
        hits=(_header("header too large"), _header("HeaderTooLarge")),
        misses=(
            _header("header too small"),
            raised("ValueError", "Error while deserializing header: HeaderTooLarge"),
            raised(_SAFETENSORS, "HeaderTooLarge"),
        ),
    ),
    "safetensors-cut-short": Case(
        hits=(
            _header("MetadataIncompleteBuffer"),
            _header("incomplete metadata, file not fully covered"),
            _header("InvalidHeaderDeserialization"),
            _header("invalid JSON in header: EOF while parsing a value at line 1 column 0"),
            _header("header too small"),
        ),
        misses=(
            _header("header too large"),
            raised(_SAFETENSORS, "File does not contain tensor lm_head.weight"),
            raised("RuntimeError", "Error while deserializing header: MetadataIncompleteBuffer"),
        ),
    ),
    "checkpoint-numpy-2": Case(
        hits=(
            raised("ModuleNotFoundError", "No module named 'numpy._core'", modules=("joblib.numpy_pickle", "pickle")),
            raised("ModuleNotFoundError", "No module named 'numpy._core.multiarray'", modules=_READS),
        ),
        misses=(
            raised("ModuleNotFoundError", "No module named 'numpy._core'", modules=("scipy._lib", "scipy")),
            raised("ModuleNotFoundError", "No module named 'numpy'"),
            raised("ModuleNotFoundError", "No module named 'numpy.core._multiarray_umath'"),
            raised("ImportError", "numpy._core.multiarray failed to import"),
        ),
    ),
    "checkpoint-code-moved": Case(
        hits=(
            raised("ModuleNotFoundError", "No module named 'oldproj'", modules=_READS),
            raised("ModuleNotFoundError", "No module named 'models.yolo'; 'models' is not a package", modules=_READS),
            raised("AttributeError", "Can't get attribute 'Net' on <module '__main__' from 'eval.py'>", modules=_READS),
        ),
        misses=(
            raised("ModuleNotFoundError", "No module named 'oldproj'", modules=("__main__", "train")),
            raised("AttributeError", "Can't get attribute 'Net' on <module '__mp_main__' from 'a.py'>"),
            raised("AttributeError", "'dict' object has no attribute 'eval'", modules=_READS),
        ),
    ),
    "checkpoint-weights-only": Case(
        hits=(
            raised(_PICKLE, _WEIGHTS_ONLY.format(name="argparse.Namespace")),
            raised(_PICKLE, _WEIGHTS_ONLY.format(name="numpy._core.multiarray.scalar")),
            raised(_PICKLE, _GLOBAL.format(name="__main__.Cfg")),
        ),
        misses=(
            raised(_PICKLE, _REFUSED.format(118)),
            raised(_PICKLE, "pickle data was truncated"),
            raised("RuntimeError", "Cannot use ``weights_only=True`` with files saved in the legacy .tar format."),
        ),
    ),
    "state-dict-not-unpacked": Case(
        hits=(
            _state('"0.weight", "0.bias"', '"state_dict", "epoch"'),
            _state('"fc.weight"', '"epoch", "model_state_dict", "optimizer_state_dict"'),
            _state('"fc.weight"', '"model", "optimizer"'),
        ),
        misses=(
            _state('"fc.weight"', '"model.fc.weight"'),
            _state(unexpected='"step"'),
            _state('"fc.weight"', '"module.fc.weight"'),
        ),
    ),
    "state-dict-saved-compiled": Case(
        hits=(
            _state('"0.weight", "0.bias"', '"_orig_mod.0.weight", "_orig_mod.0.bias"'),
            _state('"wte.weight"', '"_orig_mod.wte.weight"'),
            _state('"module.weight"', '"module._orig_mod.weight"'),
        ),
        misses=(
            _state('"_orig_mod.0.weight"', '"0.weight"'),
            _state('"_orig_mod.1.weight"', '"_orig_mod.0.weight"'),
            _state('"0.weight"', '"0.weight_orig_mod."'),
        ),
    ),
    "state-dict-model-compiled": Case(
        hits=(
            _state('"_orig_mod.weight", "_orig_mod.bias"', '"weight", "bias"'),
            _state('"_orig_mod.wte.weight"', '"wte.weight"'),
        ),
        misses=(_state('"weight"', '"_orig_mod.weight"'), _state('"_orig_mod.weight"')),
    ),
    "state-dict-saved-wrapped": Case(
        hits=(
            _state('"0.weight", "0.bias"', '"module.0.weight", "module.0.bias"'),
            _state('"conv1.weight"', '"module.conv1.weight"'),
        ),
        misses=(
            _state('"module.weight"', '"weight"'),
            _state('"module.head.weight"', '"module.fc.weight"'),
            _state('"fc.weight"', '"modules.fc.weight"'),
            _state('"fc.weight"', '"module.fc.weight"', kind="ValueError"),
        ),
    ),
    "state-dict-model-wrapped": Case(
        hits=(
            _state('"module.weight", "module.bias"', '"weight", "bias"'),
            _state('"module.conv1.weight"', '"conv1.weight"'),
        ),
        misses=(_state('"weight"', '"module.weight"'), _state('"module.head.weight"')),
    ),
    "state-dict-shapes": Case(
        hits=(
            _shape("neck.weight", "1000, 2048", "10, 2048"),
            _shape("model.layers.0.up.weight", "32000, 4096", "32001, 4096"),
        ),
        misses=(
            _state('"fc.weight"'),
            raised(
                "RuntimeError",
                "The size of tensor a (10) must match the size of tensor b (9) at non-singleton dimension 1",
            ),
            raised("RuntimeError", "size mismatch for fc.weight: see the log"),
        ),
    ),
    "state-dict-names": Case(
        hits=(
            _state('"2.weight", "2.bias"'),
            _state(unexpected='"1.weight", "1.bias"'),
            _state('"layers.0.attn.weight"', '"blocks.0.attn.weight"'),
        ),
        misses=(
            _state('"fc.weight"', '"module.fc.weight"'),
            _state('"fc.weight"', kind="ValueError"),
            raised("RuntimeError", 'warning: Missing key(s) in state_dict: "fc.weight"'),
            printed('Missing key(s) in state_dict: "fc.weight"'),
        ),
    ),
    "checkpoint-device-missing": Case(
        hits=(
            raised(
                "UnpicklingError",
                "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will likely succeed.\n"
                " Please file an issue with the following so that we can make `weights_only=True` compatible with your use "
                "case: WeightsUnpickler error: \n\nAttempting to deserialize object on a CUDA device but "
                "torch.cuda.is_available() is False. If you are running on a CPU-only machine",
            ),
            raised("RuntimeError", _CPU_ONLY),
            raised("RuntimeError", _DEVICE_7),
        ),
        misses=(
            raised(
                "RuntimeError", "Attempting to deserialize object on MPS device but torch.backends.mps.is_available()"
            ),
            raised("AssertionError", "Torch not compiled with CUDA enabled"),
            raised("RuntimeError", f"loader: {_CPU_ONLY}"),
        ),
    ),
    "resume-no-checkpoint": Case(
        hits=(
            raised("ValueError", "No valid checkpoint found in output directory (outputs/run-3)"),
            raised("ValueError", "Can't find a valid checkpoint at outputs/run-3/checkpoint-500"),
            raised("FileNotFoundError", "Checkpoint file not found: logs/version_0/last.ckpt"),
            raised("FileNotFoundError", "Checkpoint at saved/last-epoch.ckpt not found. Aborting training."),
        ),
        misses=(
            raised("FileNotFoundError", "[Errno 2] No such file or directory: 'Checkpoint at x not found.'"),
            raised("RuntimeError", "No valid checkpoint found in output directory (outputs/run-3)"),
            raised("ValueError", "Can't find a valid config at outputs/run-3"),
        ),
    ),
    "lightning-foreign-checkpoint": Case(
        hits=(
            raised("KeyError", "'pytorch-lightning_version'"),
            raised("KeyError", "'pytorch-lightning_version'", modules=("lightning.pytorch.utilities.migration.utils",)),
        ),
        misses=(
            raised("KeyError", "'state_dict'"),
            raised("ValueError", "'pytorch-lightning_version'"),
            raised("KeyError", "'the pytorch-lightning_version'"),
        ),
    ),
}
