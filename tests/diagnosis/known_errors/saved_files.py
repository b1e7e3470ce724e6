"""Saved weights and files that cannot be read: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "checkpoint-part-missing": Case(
        hits=(
            raised("RuntimeError", "PytorchStreamReader failed locating file constants.pkl: file not found"),
            raised("RuntimeError", "PytorchStreamReader failed locating file data.pkl: file not found"),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: PytorchStreamReader failed locating file constants.pkl: file not found",
            ),
            raised("KeyError", "PytorchStreamReader failed locating file constants.pkl: file not found"),
        ),
    ),
    "checkpoint-damaged": Case(
        hits=(
            raised("RuntimeError", "storage has wrong byte size: expected 2359296 got 1179648"),
            raised("_pickle.UnpicklingError", "pickle data was truncated"),
        ),
        misses=(
            raised("_pickle.UnpicklingError", "pickle data was truncated", modules=("multiprocessing.spawn",)),
            raised("RuntimeError", "note: Invalid magic number; corrupt file?"),
            raised("KeyError", "Invalid magic number; corrupt file?"),
        ),
    ),
    "pickle-wrong-format": Case(
        hits=(
            raised("_pickle.UnpicklingError", "invalid load key, '\\x0a'."),
            raised("_pickle.UnpicklingError", "invalid load key, '\\x00'."),
        ),
        misses=(
            raised("_pickle.UnpicklingError", "an earlier attempt said: invalid load key, '\\x0a'."),
            raised("KeyError", "invalid load key, '\\x0a'."),
        ),
    ),
    "pickle-of-torch": Case(
        hits=(
            raised(
                "_pickle.UnpicklingError",
                "A load persistent id instruction was encountered,\nbut no persistent_load function was specified.",
            ),
            raised(
                "_pickle.UnpicklingError",
                "A load persistent id instruction was encountered, but no persistent_load function was specified.",
            ),
        ),
        misses=(
            raised(
                "_pickle.UnpicklingError",
                (
                    "an earlier attempt said: A load persistent id instruction was encountered, but no "
                    "persistent_load function was specified."
                ),
            ),
            raised(
                "KeyError",
                "A load persistent id instruction was encountered,\nbut no persistent_load function was specified.",
            ),
        ),
    ),
    "pickle-file-empty": Case(
        hits=(
            raised("EOFError", "Ran out of input"),
            raised("EOFError", "Ran out of input", modules=("pickle",)),
        ),
        misses=(
            raised("EOFError", "Ran out of input", modules=("torch.serialization",)),
            raised("ValueError", "Ran out of input"),
        ),
    ),
    "checkpoint-weights-only-plain": Case(
        hits=(
            raised(
                "_pickle.UnpicklingError",
                "Weights only load failed. In PyTorch 2.6, we changed the default value of the `weights_only` argument.\n"
                "Please file an issue with the following so that we can make `weights_only=True` compatible with your use "
                "case: WeightsUnpickler error: \n\nUnsupported operand 149",
            ),
            raised(
                "_pickle.UnpicklingError",
                (
                    "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will "
                    "likely succeed, but it can result in arbitrary code execution.Do it only if you get the "
                    "file from a trusted source. WeightsUnpickler error: Unsupported class "
                    "numpy.core.multiarray._reconstruct"
                ),
            ),
            raised(
                "_pickle.UnpicklingError",
                (
                    "Weights only load failed. In PyTorch 2.6, we changed the default value of the "
                    "`weights_only` argument in `torch.load` from `False` to `True`.\nPlease file an issue with "
                    "the following: WeightsUnpickler error: Unsupported operand 149"
                ),
            ),
        ),
        misses=(
            raised(
                "UnpicklingError",
                "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will likely succeed.\n"
                " Please file an issue with the following so that we can make `weights_only=True` compatible with your use "
                "case: WeightsUnpickler error: CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            ),
            raised("UnpicklingError", "Weights only load failed. WeightsUnpickler error: CUDA error: some new failure"),
            raised(
                "_pickle.UnpicklingError",
                (
                    "an earlier attempt said: Weights only load failed. Re-running `torch.load` with "
                    "`weights_only` set to `False` will likely succeed, but it can result in arbitrary code "
                    "execution.Do it only if you get the file from a trusted source. WeightsUnpickler error: "
                    "Unsupported class numpy.core.multiarray._reconstruct"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will "
                    "likely succeed, but it can result in arbitrary code execution.Do it only if you get the "
                    "file from a trusted source. WeightsUnpickler error: Unsupported class "
                    "numpy.core.multiarray._reconstruct"
                ),
            ),
        ),
    ),
    "safetensors-tensor-missing": Case(
        hits=(
            raised(
                "safetensors_rust.SafetensorError",
                "File does not contain tensor model.layers.0.self_attn.q_proj.weight",
            ),
            raised("safetensors_rust.SafetensorError", "File does not contain tensor lm_head.weight"),
        ),
        misses=(
            raised(
                "safetensors_rust.SafetensorError",
                "an earlier attempt said: File does not contain tensor model.layers.0.self_attn.q_proj.weight",
            ),
            raised("KeyError", "File does not contain tensor model.layers.0.self_attn.q_proj.weight"),
        ),
    ),
    "safetensors-no-metadata": Case(
        hits=(
            raised(
                "OSError",
                (
                    "The safetensors archive passed at /x/model.safetensors does not contain the valid metadata. "
                    "Make sure you save your model with the `save_pretrained` method."
                ),
            ),
            raised("OSError", "The safetensors archive passed at a.safetensors does not contain the valid metadata."),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: The safetensors archive passed at /x/model.safetensors does not "
                    "contain the valid metadata. Make sure you save your model with the `save_pretrained` method."
                ),
            ),
            raised(
                "KeyError",
                (
                    "The safetensors archive passed at /x/model.safetensors does not contain the valid metadata. "
                    "Make sure you save your model with the `save_pretrained` method."
                ),
            ),
        ),
    ),
    "weights-file-unreadable": Case(
        hits=(
            raised(
                "OSError",
                (
                    "Unable to load weights from pytorch checkpoint file for "
                    "'/m/pytorch_model-00001-of-00002.bin' at '/m/pytorch_model-00001-of-00002.bin'. If you "
                    "tried to load a PyTorch model from a TF 2.0 checkpoint"
                ),
            ),
            raised("OSError", "Unable to load weights from pytorch checkpoint file for 'a' at 'a/pytorch_model.bin'"),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: Unable to load weights from pytorch checkpoint file for "
                    "'/m/pytorch_model-00001-of-00002.bin' at '/m/pytorch_model-00001-of-00002.bin'. If you "
                    "tried to load a PyTorch model from a TF 2.0 checkpoint"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Unable to load weights from pytorch checkpoint file for "
                    "'/m/pytorch_model-00001-of-00002.bin' at '/m/pytorch_model-00001-of-00002.bin'. If you "
                    "tried to load a PyTorch model from a TF 2.0 checkpoint"
                ),
            ),
        ),
    ),
    "weights-lfs-pointers": Case(
        hits=(
            raised(
                "OSError",
                (
                    "You seem to have cloned a repository without having git-lfs installed. Please install "
                    "git-lfs and run `git lfs install` followed by `git lfs pull` in the folder you cloned."
                ),
            ),
            raised("OSError", "You seem to have cloned a repository without having git-lfs installed."),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: You seem to have cloned a repository without having git-lfs "
                    "installed. Please install git-lfs and run `git lfs install` followed by `git lfs pull` in "
                    "the folder you cloned."
                ),
            ),
            raised(
                "KeyError",
                (
                    "You seem to have cloned a repository without having git-lfs installed. Please install "
                    "git-lfs and run `git lfs install` followed by `git lfs pull` in the folder you cloned."
                ),
            ),
        ),
    ),
    "adapter-missing": Case(
        hits=(
            raised("ValueError", "Can't find 'adapter_config.json' at '/out/checkpoint-100'"),
            raised("ValueError", "Can't find 'adapter_config.json' at 'user/model'"),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: Can't find 'adapter_config.json' at '/out/checkpoint-100'"),
            raised("KeyError", "Can't find 'adapter_config.json' at '/out/checkpoint-100'"),
        ),
    ),
    "weights-not-a-model": Case(
        hits=(
            raised("AttributeError", "'collections.OrderedDict' object has no attribute 'eval'"),
            raised("AttributeError", "'collections.OrderedDict' object has no attribute 'to'"),
        ),
        misses=(
            raised(
                "AttributeError", "an earlier attempt said: 'collections.OrderedDict' object has no attribute 'eval'"
            ),
            raised("KeyError", "'collections.OrderedDict' object has no attribute 'eval'"),
        ),
    ),
    "checkpoint-file-missing": Case(
        hits=(
            raised("FileNotFoundError", "[Errno 2] No such file or directory: 'checkpoints/last.pth'"),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: '/out/epoch=3.ckpt'"),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: 'out/checkpoint-9/pytorch_model.bin'"),
        ),
        misses=(
            raised("FileNotFoundError", "[Errno 2] No such file or directory: '/data/img/001.jpg'"),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: '/data/sft/shard-00042.bin'"),
            raised("OSError", "see [Errno 2] No such file or directory: 'checkpoints/last.pth'"),
        ),
    ),
    "json-empty": Case(
        hits=(
            raised("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)"),
            raised("requests.exceptions.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)"),
        ),
        misses=(
            raised(
                "json.decoder.JSONDecodeError", "an earlier attempt said: Expecting value: line 1 column 1 (char 0)"
            ),
            raised("KeyError", "Expecting value: line 1 column 1 (char 0)"),
        ),
    ),
    "zip-file-damaged": Case(
        hits=(
            raised("zipfile.BadZipFile", "File is not a zip file"),
            raised("zipfile.BadZipFile", "Bad CRC-32 for file 'arr_0.npy'"),
        ),
        misses=(
            raised("zipfile.BadZipFile", "an earlier attempt said: File is not a zip file"),
            raised("KeyError", "File is not a zip file"),
        ),
    ),
    "distributed-checkpoint-shape": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Size mismatch between saved torch.Size([257152, 2048]) and current: torch.Size([131661824]) "
                    "for fsdp_checkpoint.model.embed_tokens.weight"
                ),
            ),
            raised(
                "torch.distributed.checkpoint.api.CheckpointException",
                (
                    "CheckpointException ranks:dict_keys([0, 1])\nTraceback (most recent call last): (RANK "
                    "0)\nValueError: Size mismatch between saved torch.Size([8, 4]) and current: torch.Size([8, "
                    "8]) for model.w"
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Size mismatch between saved torch.Size([257152, 2048]) and "
                    "current: torch.Size([131661824]) for fsdp_checkpoint.model.embed_tokens.weight"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Size mismatch between saved torch.Size([257152, 2048]) and current: torch.Size([131661824]) "
                    "for fsdp_checkpoint.model.embed_tokens.weight"
                ),
            ),
        ),
    ),
}
