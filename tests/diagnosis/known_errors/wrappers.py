"""DDP, FSDP, DeepSpeed, Accelerate and Lightning: how the model is wrapped and the run set up: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "ddp-device-ids": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "DistributedDataParallel device_ids and output_device arguments only work with "
                    "single-device/multiple-device GPU modules or CPU modules, but got device_ids [0], "
                    "output_device 0"
                ),
            ),
            raised(
                "ValueError",
                (
                    "DistributedDataParallel's input module must be on the same type of devices, but input "
                    "module parameters locate in {'cpu', 'cuda'}."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: DistributedDataParallel device_ids and output_device arguments "
                    "only work with single-device/multiple-device GPU modules or CPU modules, but got device_ids "
                    "[0], output_device 0"
                ),
            ),
            raised(
                "KeyError",
                (
                    "DistributedDataParallel device_ids and output_device arguments only work with "
                    "single-device/multiple-device GPU modules or CPU modules, but got device_ids [0], "
                    "output_device 0"
                ),
            ),
        ),
    ),
    "fsdp-devices-mixed": Case(
        hits=(
            raised("ValueError", "Must flatten tensors on the same device but got both cuda:0 and cpu"),
            raised("ValueError", "Must flatten tensors on the same device but got both meta and cuda:1"),
        ),
        misses=(
            raised(
                "ValueError",
                "an earlier attempt said: Must flatten tensors on the same device but got both cuda:0 and cpu",
            ),
            raised("KeyError", "Must flatten tensors on the same device but got both cuda:0 and cpu"),
        ),
    ),
    "fsdp-wrapped-twice": Case(
        hits=(
            raised(
                "AssertionError",
                ("Non-root FSDP instance's `_is_root` should not have been set yet or should have been set to `False`"),
            ),
            raised(
                "AssertionError",
                "Non-root FSDP instance's `_is_root` should not have been set yet or should be `False`",
            ),
        ),
        misses=(
            raised(
                "AssertionError",
                (
                    "an earlier attempt said: Non-root FSDP instance's `_is_root` should not have been set yet "
                    "or should have been set to `False`"
                ),
            ),
            raised(
                "KeyError",
                ("Non-root FSDP instance's `_is_root` should not have been set yet or should have been set to `False`"),
            ),
        ),
    ),
    "fsdp-state-key": Case(
        hits=(
            raised(
                "AssertionError",
                (
                    "FSDP assumes model.embed_tokens.weight is in the state_dict but the state_dict only has "
                    "odict_keys(['a'])."
                ),
            ),
            raised(
                "AssertionError",
                (
                    "FSDP assumes _fsdp_wrapped_module.lm_head.weight is in the state_dict but the state_dict "
                    "only has dict_keys([])."
                ),
            ),
        ),
        misses=(
            raised(
                "AssertionError",
                (
                    "an earlier attempt said: FSDP assumes model.embed_tokens.weight is in the state_dict but "
                    "the state_dict only has odict_keys(['a'])."
                ),
            ),
            raised(
                "ZeroDivisionError",
                (
                    "FSDP assumes model.embed_tokens.weight is in the state_dict but the state_dict only has "
                    "odict_keys(['a'])."
                ),
            ),
        ),
    ),
    "nccl-rtx-without-p2p": Case(
        hits=(
            raised(
                "NotImplementedError",
                (
                    "Using RTX 4000 series doesn't support faster communication broadband via P2P or IB. Please "
                    'set `NCCL_P2P_DISABLE="1"` and `NCCL_IB_DISABLE="1" or use `accelerate launch` which will '
                    "do this automatically."
                ),
            ),
            raised(
                "NotImplementedError", "Using RTX 3090 or 4000 series doesn't support faster communication speedups."
            ),
        ),
        misses=(
            raised(
                "NotImplementedError",
                (
                    "an earlier attempt said: Using RTX 4000 series doesn't support faster communication "
                    'broadband via P2P or IB. Please set `NCCL_P2P_DISABLE="1"` and `NCCL_IB_DISABLE="1" or use '
                    "`accelerate launch` which will do this automatically."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Using RTX 4000 series doesn't support faster communication broadband via P2P or IB. Please "
                    'set `NCCL_P2P_DISABLE="1"` and `NCCL_IB_DISABLE="1" or use `accelerate launch` which will '
                    "do this automatically."
                ),
            ),
        ),
    ),
    "precision-both": Case(
        hits=(
            raised("AssertionError", "fp16 and bf16 modes cannot be simultaneously enabled"),
            raised("ValueError", "At most one of fp16 and bf16 can be True, but not both"),
        ),
        misses=(
            raised("AssertionError", "an earlier attempt said: fp16 and bf16 modes cannot be simultaneously enabled"),
            raised("KeyError", "fp16 and bf16 modes cannot be simultaneously enabled"),
        ),
    ),
    "nccl-tensor-on-cpu": Case(
        hits=(
            raised("RuntimeError", "Tensors must be CUDA and dense"),
            raised("ValueError", "Tensors must be CUDA and dense"),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: Tensors must be CUDA and dense"),
            raised("KeyError", "Tensors must be CUDA and dense"),
        ),
    ),
    "collective-not-contiguous": Case(
        hits=(
            raised("RuntimeError", "Tensors must be contiguous", modules=("torch.distributed.distributed_c10d",)),
            raised("ValueError", "Tensors must be contiguous", modules=("torch.distributed",)),
        ),
        misses=(
            raised("RuntimeError", "Tensors must be contiguous"),
            raised("ValueError", "Tensors must be contiguous in time", modules=("series",)),
        ),
    ),
    "fsdp-scalar": Case(
        hits=(
            raised(
                "ValueError",
                "fully_shard doesn't support scalar parameters. Change logit_scale to a 1D tensor with numel equal to 1.",
            ),
            raised(
                "ValueError",
                "FSDP doesn't support scalar parameters. Change temp to a 1D tensor with numel equal to 1.",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "FSDP doesn't support scalar parameters. Change temp to a 1D tensor with numel equal to 1.",
            ),
            raised("ValueError", "This optimizer doesn't support scalar parameters. Change lr to a 1D tensor"),
        ),
    ),
    "fsdp-integer-weights": Case(
        hits=(
            raised(
                "ValueError", "Cannot flatten integer dtype tensors", modules=("torch.distributed.fsdp._flat_param",)
            ),
            raised("ValueError", "Cannot flatten integer dtype tensors"),
        ),
        misses=(
            raised("ValueError", "Cannot flatten a `FlatParameter`"),
            raised("TypeError", "Cannot flatten integer dtype tensors"),
        ),
    ),
}
