"""DDP, FSDP, DeepSpeed and Accelerate: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_PRIOR = (
    "Expected to have finished reduction in the prior iteration before starting a new one. This error indicates that"
)
_UNUSED = _PRIOR + " your module has parameters that were not used in producing loss."
_FIND = (
    " You can enable unused parameter detection by passing the keyword argument `find_unused_parameters=True` to"
    " `torch.nn.parallel.DistributedDataParallel`, and by \nmaking sure all `forward` function outputs participate in"
    " calculating loss. \nParameter indices which did not receive grad for rank {}: 2 3"
)
_FOUND = (
    " Since `find_unused_parameters=True` is enabled, this likely  means that not all `forward` outputs participate in"
    " computing loss. You can fix this by \nmaking sure all `forward` function outputs participate in calculating loss. "
)
_LIGHTNING = (
    "It looks like your LightningModule has parameters that were not used in producing the loss returned by"
    " training_step. If this is intentional, you must enable the detection of unused parameters in DDP, either by setting"
    " the string value `strategy='ddp_find_unused_parameters_true'` or by setting the flag in the strategy."
)
_TWICE = (
    "Expected to mark a variable ready only once. This error is caused by one of the following reasons: 1) Use of a"
    " module parameter outside the `forward` function. Please make sure model parameters are not shared.\nParameter at"
    " index {} with name a.bias has been marked as ready twice."
)
_BATCH = (
    "Check batch related parameters. train_batch_size is not equal to micro_batch_per_gpu * gradient_acc_step *"
    " world_size {}"
)
_DIFFER = (
    "Please correct the following DeepSpeed config values that mismatch TrainingArguments values:\n{}\nThe easiest"
    " method is to set these DeepSpeed config values to 'auto'."
)
_META = (
    "FSDP parameters should be materialized from meta device before training, but the following were still on meta"
    " device: {}\nFor example, call module.to_empty(device) to materialize to device and call module.reset_parameters() on"
    " each module to initialize values."
)
_STATE = (
    "AcceleratorState has already been initialized and cannot be changed, restart your runtime completely and pass `{}`"
    " to `Accelerator()`."
)

CASES: dict[str, Case] = {
    "lightning-unused-parameters": Case(
        hits=(
            raised("RuntimeError", _LIGHTNING),
            raised("torch.multiprocessing.spawn.ProcessRaisedException", _LIGHTNING),
        ),
        misses=(
            raised("RuntimeError", _UNUSED + _FIND.format(0)),
            raised("RuntimeError", "hint: " + _LIGHTNING),
        ),
    ),
    "ddp-unused-outputs": Case(
        hits=(
            raised("RuntimeError", _UNUSED + _FOUND),
            raised(
                "RuntimeError",
                _UNUSED + _FOUND + "\nParameters which did not receive grad for rank 1: b.weight, b.bias",
            ),
        ),
        misses=(
            raised("RuntimeError", _UNUSED + _FIND.format(1)),
            raised("RuntimeError", "Since `find_unused_parameters=True` is enabled, this likely means nothing"),
        ),
    ),
    "ddp-static-graph-changed": Case(
        hits=(
            raised(
                "RuntimeError",
                _PRIOR
                + " your training graph has changed in this iteration, e.g., one parameter is used in first iteration,"
                " but then got unused in the second iteration. this is not compatible with static_graph set to True.",
            ),
            raised(
                "RuntimeError",
                "Your training graph has changed in this iteration, e.g., one parameter is unused in first iteration, but"
                " then got used in the second iteration. this is not compatible with static_graph set to True.",
            ),
        ),
        misses=(
            raised("RuntimeError", _UNUSED + _FIND.format(0)),
            raised("RuntimeError", "the training graph has changed in this iteration"),
        ),
    ),
    "ddp-unused-parameters": Case(
        hits=(
            raised("RuntimeError", _UNUSED + _FIND.format(0)),
            raised("RuntimeError", _UNUSED + _FIND.format(7) + " 4 5 6"),
        ),
        misses=(
            raised("RuntimeError", _UNUSED + _FOUND),
            raised("RuntimeError", "rank 1: " + _UNUSED),
            raised("ValueError", _UNUSED),
        ),
    ),
    "ddp-ready-twice": Case(
        hits=(raised("RuntimeError", _TWICE.format(1)), raised("RuntimeError", _TWICE.format(447))),
        misses=(
            raised("RuntimeError", "Trying to backward through the graph a second time"),
            raised("RuntimeError", "see Expected to mark a variable ready only once."),
        ),
    ),
    "ddp-models-differ": Case(
        hits=(
            raised(
                "RuntimeError",
                "DDP expects same model across all ranks, but Rank 0 has 2 params, while rank 1 has inconsistent 4 params.",
            ),
            raised(
                "RuntimeError",
                "DDP expects same model across all ranks, but Rank 5 has 290 params, while rank 0 has inconsistent 291"
                " params.",
            ),
        ),
        misses=(
            raised("RuntimeError", "DDP expects same model across all ranks"),
            raised("AssertionError", "DDP expects same model across all ranks, but Rank 0 has 2 params"),
        ),
    ),
    "ddp-shapes-differ": Case(
        hits=(
            raised(
                "RuntimeError",
                "[1]: params[0] in this process with sizes [5, 4] appears not to match sizes of the same param in process 0.",
            ),
            raised(
                "RuntimeError",
                "[3]: params[146] in this process with sizes [50258, 768] appears not to match sizes of the same param in"
                " process 0.",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "[1]: params[0] in this process with strides [1, 4] appears not to match strides of the same param in"
                " process 0.",
            ),
            raised("RuntimeError", "size mismatch for fc.weight: copying a param with shape torch.Size([5, 4])"),
        ),
    ),
    "fsdp-requires-grad-mixed": Case(
        hits=(
            raised("ValueError", "Must flatten tensors with uniform requires_grad when use_orig_params=False"),
            raised("ValueError", "Must flatten tensors with uniform `requires_grad` when `use_orig_params=False`"),
            raised(
                "builtins.ValueError", "Must flatten tensors with uniform `requires_grad` when `use_orig_params=False`."
            ),
            raised("ValueError", "`FlatParameter` requires uniform `requires_grad`"),
        ),
        misses=(
            raised("ValueError", "Must flatten tensors with uniform dtype but got torch.bfloat16 and torch.float32"),
            raised("RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn"),
            raised("ValueError", "`FlatParameter` does not support nesting"),
        ),
    ),
    "fsdp-dtypes-mixed": Case(
        hits=(
            raised("AssertionError", "FSDP expects uniform reduce dtype but got {torch.bfloat16, torch.float32}"),
            raised(
                "AssertionError",
                "FSDP reduce-scatter expects uniform gradient dtype but got {torch.float32, torch.bfloat16}",
            ),
            raised("ValueError", "Must flatten tensors with uniform dtype but got torch.bfloat16 and torch.float32"),
            raised(
                "AssertionError",
                "FSDP expects uniform original parameter dtype but got {torch.float32, torch.bfloat16}",
            ),
            raised("ValueError", "`FlatParameter` requires uniform dtype but got torch.bfloat16 and torch.float32"),
        ),
        misses=(
            raised("ValueError", "Must flatten tensors on the same device but got both cpu and cuda:0"),
            raised("RuntimeError", "expected mat1 and mat2 to have the same dtype, but got: float != c10::BFloat16"),
            raised("KeyError", "`FlatParameter` requires uniform dtype but got torch.bfloat16 and torch.float32"),
        ),
    ),
    "fsdp-meta-parameters": Case(
        hits=(
            raised("RuntimeError", _META.format("['a.weight', 'a.bias', 'b.weight', 'b.bias']")),
            raised("RuntimeError", _META.format([f"layers.{at}.self_attn.q_proj.weight" for at in range(80)])),
        ),
        misses=(
            raised("NotImplementedError", "Cannot copy out of meta tensor; no data!"),
            raised("RuntimeError", "FSDP parameters should be materialized on CPU when enabling CPU offloading."),
        ),
    ),
    "fsdp-wrong-device": Case(
        hits=(
            raised("ValueError", "Inconsistent compute device and `device_id` on rank 0: cuda:1 vs cuda:0"),
            raised("ValueError", "Inconsistent compute device and `device_id` on rank 3: cuda:0 vs cuda:3"),
        ),
        misses=(
            raised("RuntimeError", "FSDP only supports single device modules but got params on {cuda:0, cuda:1}"),
            raised("RuntimeError", "Expected all tensors to be on the same device, cuda:0 vs cuda:3"),
        ),
    ),
    "fsdp-layer-unknown": Case(
        hits=(
            raised("Exception", "Could not find the transformer layer class to wrap in the model."),
            raised("ValueError", "Could not find the transformer layer class LlamaDecoderLayer in the model."),
        ),
        misses=(
            raised("OSError", "Could not find the transformer model in /models"),
            raised("ValueError", "FSDP: Could not find the transformer layer class to wrap in the model."),
        ),
    ),
    "deepspeed-batch-size": Case(
        hits=(
            raised("AssertionError", _BATCH.format("16 != 5 * 1 * 3")),
            raised("AssertionError", _BATCH.format("1152 != 8 * 16 * 6.0")),
        ),
        misses=(
            raised("AssertionError", "Train batch size: 0 has to be greater than 0"),
            raised("ValueError", "config: " + _BATCH.format("16 != 5 * 1 * 3")),
        ),
    ),
    "deepspeed-arguments-differ": Case(
        hits=(
            raised(
                "ValueError",
                _DIFFER.format("- ds train_micro_batch_size_per_gpu=1 vs hf per_device_train_batch_size=8"),
            ),
            raised(
                "ValueError",
                _DIFFER.format(
                    "- ds train_batch_size=8 vs hf train_batch_size (calculated)=128\n"
                    "- ds optimizer.params.lr=0.0001 vs hf learning_rate=5e-05"
                ),
            ),
        ),
        misses=(
            raised("ValueError", "The model's config file has neither `hidden_size` nor `hidden_sizes` entry"),
            raised("ValueError", "Please correct the following DeepSpeed config values"),
        ),
    ),
    "deepspeed-device-map": Case(
        hits=(
            raised(
                "ValueError",
                "DeepSpeed Zero-3 is not compatible with `low_cpu_mem_usage=True` or with passing a `device_map`.",
            ),
            raised("ValueError", "DeepSpeed Zero-3 is not compatible with passing a `device_map`."),
        ),
        misses=(
            raised("ValueError", "ZeRO inference only makes sense with ZeRO Stage 3 - please adjust your config"),
            raised("ValueError", "note: DeepSpeed Zero-3 is not compatible with passing a `device_map`."),
        ),
    ),
    "deepspeed-op-build": Case(
        hits=(
            raised("RuntimeError", "Unable to JIT load the fused_adam op due to ninja not being installed."),
            raised(
                "RuntimeError",
                "Unable to JIT load the async_io op due to it not being compatible due to hardware/software issue. None",
            ),
        ),
        misses=(
            raised("RuntimeError", "[WARNING] Unable to JIT load the cpu_adam op due to ninja not being installed."),
            raised("ImportError", "Unable to JIT load the fused_adam op due to ninja not being installed."),
        ),
    ),
    "deepspeed-loss-scale": Case(
        hits=(
            raised(
                "Exception",
                "Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.",
            ),
            raised("RuntimeError", "Current loss scale already at minimum - cannot decrease scale anymore."),
        ),
        misses=(
            raised("Exception", "loss is nan: Current loss scale already at minimum - cannot decrease scale anymore."),
            raised("FloatingPointError", "Minimum loss scale reached (0.0001). Your loss is probably exploding."),
        ),
    ),
    "accelerate-device-map": Case(
        hits=(
            raised(
                "ValueError",
                "You can't train a model that has been loaded with `device_map='auto'` in any distributed mode. Please"
                " rerun your script specifying `--num_processes=1` or by launching with `python {{myscript.py}}`.",
            ),
            raised(
                "ValueError",
                "You can't train a model that has been loaded in 8-bit or 4-bit precision on multiple devices in any"
                " distributed mode. In order to use 8-bit or 4-bit models",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                "You can't train a model that has been loaded in 8-bit or 4-bit precision on a different device than the one"
                " you're training on.",
            ),
            raised("RuntimeError", "You can't train a model that has been loaded with `device_map='auto'`"),
        ),
    ),
    "accelerate-state-fixed": Case(
        hits=(
            raised("ValueError", _STATE.format("mixed_precision='bf16'")),
            raised("ValueError", _STATE.format("cpu=True")),
        ),
        misses=(
            raised("AttributeError", "'AcceleratorState' object has no attribute 'mixed_precision'"),
            raised("ValueError", "AcceleratorState has already been initialized"),
        ),
    ),
}
