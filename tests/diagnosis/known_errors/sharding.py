"""Models spread over several devices: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_RAY = (
    "\x1b[36mray::WorkerDict.actor_rollout_update_actor()\x1b[39m (pid=9922, ip=192.0.2.2, actor_id=9683f4cd8dab90588cd6d951"
    '01000000, repr=<ppo.WorkerDict object at 0x7f497bcc5250>)\n  File "/opt/verl/verl/workers/actor/dp_actor.py", line 288, '
    "in update_policy\n    loss.backward()\n{}: CUDA out of memory. Tried to allocate 3.12 GiB. GPU 0 has a total capacity of "
    "79.20 GiB"
)


def _load(*shapes: tuple[str, str]) -> str:
    return "Error(s) in loading state_dict for LlamaForCausalLM:\n" + "\n".join(
        f"\tsize mismatch for model.layers.{at}.mlp.up_proj.weight: copying a param with shape torch.Size([{saved}]) from "
        f"checkpoint, the shape in current model is torch.Size([{now}])."
        for at, (saved, now) in enumerate(shapes)
    )


CASES: dict[str, Case] = {
    "state-dict-model-sharded": Case(
        hits=(
            raised("RuntimeError", _load(("14336, 4096", "0"), ("4096", "0"))),
            raised(
                "RuntimeError", _load(("32000, 4096", "0")) + "\n\tYou may consider adding `ignore_mismatched_sizes`"
            ),
        ),
        misses=(
            raised("RuntimeError", _load(("32000, 4096", "32064, 4096"))),
            raised("RuntimeError", _load(("0", "32064, 4096"))),
        ),
    ),
    "state-dict-saved-shards": Case(
        hits=(
            raised("RuntimeError", _load(("0", "2560, 2560"), ("0", "10240, 2560"))),
            raised("RuntimeError", _load(("0", "14336, 8"))),
        ),
        misses=(
            raised("RuntimeError", _load(("10", "2560"))),
            raised("ValueError", _load(("0", "2560"))),
        ),
    ),
    "dtensor-mixed": Case(
        hits=(
            raised(
                "RuntimeError",
                "aten.mm.default: got mixed torch.Tensor and DTensor, need to convert all torch.Tensor to DTensor before "
                "calling distributed operators!",
            ),
            raised(
                "RuntimeError",
                "aten._foreach_lerp_.Scalar: got mixed torch.Tensor and DTensor, need to convert all torch.Tensor to "
                "DTensor before calling distributed operators! Please see https://docs.pytorch.org/docs/main/distributed",
            ),
        ),
        misses=(
            raised("RuntimeError", "we got mixed torch.Tensor and DTensor, need to convert all"),
            raised("TypeError", "aten.mm.default: got mixed torch.Tensor and DTensor, need to convert all"),
        ),
    ),
    "distributed-checkpoint-key": Case(
        hits=(
            raised("RuntimeError", "Missing key in checkpoint state_dict: model.layers.0.weight."),
            raised("RuntimeError", "Missing key in checkpoint state_dict: optimizer.state.lm_head.weight.exp_avg."),
            raised(
                "torch.distributed.checkpoint.api.CheckpointException",
                "CheckpointException ranks:dict_keys([0, 1])\nTraceback (most recent call last): (RANK 0)\n"
                "RuntimeError: Missing key in checkpoint state_dict: model.norm.weight.",
            ),
        ),
        misses=(
            raised("KeyError", "Missing key in checkpoint state_dict: model.layers.0.weight."),
            raised("RuntimeError", 'Missing key(s) in state_dict: "model.layers.0.weight".'),
        ),
    ),
    "zero-world-size": Case(
        hits=(
            raised(
                "deepspeed.runtime.zero.utils.ZeRORuntimeException",
                "The checkpoint being loaded used a DP world size of 4 but the current world size is 1. Automatic "
                "adjustment of ZeRO's optimizer state partitioning with a new world size is not currently supported.",
            ),
            raised(
                "ZeRORuntimeException",
                "The checkpoint being loaded used a DP world size of 16 but the current world size is 8. Automatic",
            ),
        ),
        misses=(
            raised(
                "ValueError", "The checkpoint being loaded used a DP world size of 4 but the current world size is 1."
            ),
            raised("ZeRORuntimeException", "Empty ZeRO checkpoint"),
        ),
    ),
    "zero-no-sync": Case(
        hits=(
            raised(
                "AssertionError",
                "no_sync context manager is incompatible with gradient partitioning logic of ZeRO stage 2",
            ),
            raised(
                "AssertionError",
                "no_sync context manager is incompatible with gradient partitioning logic of ZeRO stage 3",
            ),
        ),
        misses=(
            raised("AssertionError", "It is illegal to call Engine.step() inside no_sync context manager"),
            raised(
                "RuntimeError",
                "no_sync context manager is incompatible with gradient partitioning logic of ZeRO stage 3",
            ),
        ),
    ),
    "ddp-nothing-to-train": Case(
        hits=(
            raised(
                "RuntimeError",
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient.",
            ),
            raised(
                "AssertionError",
                "DistributedDataParallel is not needed when a module doesn't have any parameters that require a gradient.",
            ),
        ),
        misses=(
            raised("RuntimeError", "DistributedDataParallel is not needed for one process"),
            raised("ValueError", "DistributedDataParallel is not needed when a module doesn't have any parameter"),
        ),
    ),
    "deepspeed-no-slot": Case(
        hits=(
            raised("ValueError", "No slot '4' specified on host 'localhost'"),
            raised("ValueError", "No slot '2' specified on host 'worker-1'\n"),
        ),
        misses=(
            raised("ValueError", "Hostname 'worker-1' not found in hostfile"),
            raised("KeyError", "No slot '4' specified on host 'localhost'"),
        ),
    ),
    "megatron-batch-size": Case(
        hits=(
            raised(
                "AssertionError",
                "global batch size (64) is not divisible by micro batch size (1) times data parallel size (3)",
            ),
            raised(
                "AssertionError",
                "global batch size (512) is not divisible by micro batch size (4) times data parallel size (24)",
            ),
        ),
        misses=(
            raised("AssertionError", "global batch size (64) is not divisible by 3"),
            raised(
                "ValueError", "global batch size (64) is not divisible by micro batch size (1) times data parallel size"
            ),
        ),
    ),
    "megatron-layers-split": Case(
        hits=(
            raised("AssertionError", "Number of layers should be divisible by the pipeline-model-parallel size"),
            raised("AssertionError", "number of layers should be divisible by the pipeline parallel size\n"),
        ),
        misses=(
            raised("ValueError", "Number of layers should be divisible by the pipeline-model-parallel size"),
            raised("AssertionError", "Number of layers should be divisible by 4"),
        ),
    ),
    "megatron-sequence-length": Case(
        hits=(
            raised("AssertionError", "First dimension of the tensor should be divisible by tensor parallel size"),
            raised("AssertionError", "First dimension of the tensor should be divisible by tensor parallel size\n"),
        ),
        misses=(
            raised("AssertionError", "First dimension of the tensor should be divisible by 4"),
            raised("RuntimeError", "First dimension of the tensor should be divisible by tensor parallel size"),
        ),
    ),
    "megatron-world-size": Case(
        hits=(
            raised("RuntimeError", "world_size (1) is not divisible by 2"),
            raised(
                "RuntimeError",
                "world_size (6) is not divisible by tensor_model_parallel_size (4) x pipeline_model_parallel_size (1)",
            ),
            raised(
                "RuntimeError",
                "`world_size` (8) is not divisible by tensor_model_parallel_size (3) x pipeline_model_parallel_size (1)",
            ),
        ),
        misses=(
            raised("RuntimeError", "batch_size (1) is not divisible by 2"),
            raised("AssertionError", "world_size (1) is not divisible by 2"),
        ),
    ),
    "vllm-devices-missing": Case(
        hits=(
            raised(
                "ValueError",
                "World size (4) is larger than the number of available GPUs (1) in this node. If this is intentional and",
            ),
            raised(
                "pydantic_core._pydantic_core.ValidationError",
                "1 validation error for ParallelConfig\n  Value error, World size (2) is larger than the number of available "
                "GPUs (1) in this node. If this is intentional and you are using:\n- ray, set '--distributed-executor-",
            ),
        ),
        misses=(
            raised("RuntimeError", "World size (4) is larger than the number of available GPUs (1)"),
            raised("ValueError", "The local rank is larger than the number of available GPUs."),
        ),
    ),
    "vllm-engine-failed": Case(
        hits=(
            raised("RuntimeError", "Engine core initialization failed. See root cause above. Failed core proc(s): {}"),
            raised(
                "RuntimeError",
                "Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}",
            ),
        ),
        misses=(
            raised("ValueError", "Engine core initialization failed. See root cause above."),
            raised("RuntimeError", "log: Engine core initialization failed. See root cause above."),
        ),
    ),
    "lightning-slurm-ntasks": Case(
        hits=(
            raised(
                "RuntimeError",
                "You set `--ntasks=8` in your SLURM bash script, but this variable is not supported. HINT: Use "
                "`--ntasks-per-node=8` instead.",
            ),
            raised(
                "RuntimeError", "You set `--ntasks=2` in your SLURM bash script, but this variable is not supported."
            ),
        ),
        misses=(
            raised("RuntimeError", "You set `--nodes=8` in your SLURM bash script"),
            raised("ValueError", "You set `--ntasks=8` in your SLURM bash script, but this variable is not supported."),
        ),
    ),
    "device-memory-of-worker": Case(
        hits=(
            raised("ray.exceptions.RayTaskError(OutOfMemoryError)", _RAY.format("torch.OutOfMemoryError")),
            raised("ray.exceptions.RayTaskError(OutOfMemoryError)", _RAY.format("torch.cuda.OutOfMemoryError")),
            raised(
                "torch.cuda.OutOfMemoryError",
                "Caught OutOfMemoryError in replica 0 on device 0.\nOriginal Traceback (most recent call last):\n  File "
                '"/opt/venv/lib/python3.10/site-packages/torch/nn/parallel/parallel_apply.py", line 83, in _worker\n'
                "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.69 GiB total cap",
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.RayTaskError(ValueError)", "ValueError: see CUDA out of memory. Tried to allocate 2 GiB"
            ),
            raised(
                "RuntimeError", "retrying after torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
            ),
        ),
    ),
    "gpu-id-not-number": Case(
        hits=(
            raised(
                "ValueError",
                "invalid literal for int() with base 10: 'MIG-e3e1cf80-63a6-5b1d-8237-3daa43edde87'",
                modules=("vllm.platforms.cuda",),
            ),
            raised(
                "pydantic_core._pydantic_core.ValidationError",
                "1 validation error for VllmConfig\n  Value error, invalid literal for int() with base 10: 'GPU-d7b01cd6-5ec",
                modules=("vllm.config",),
            ),
        ),
        misses=(
            raised("ValueError", "invalid literal for int() with base 10: 'GPU-model-a'"),
            raised("ValueError", "invalid literal for int() with base 10: 'MIGRATED'", modules=("vllm.config",)),
            raised("ValueError", "invalid literal for int() with base 10: ''", modules=("vllm.config",)),
        ),
    ),
}
