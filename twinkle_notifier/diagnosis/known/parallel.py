"""DDP, FSDP, DeepSpeed and Accelerate."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_REDUCER = "https://github.com/pytorch/pytorch/blob/main/torch/csrc/distributed/c10d/reducer.cpp"
_PRIOR = "Expected to have finished reduction in the prior iteration before starting a new one. This error indicates"

RULES: tuple[Rule, ...] = (
    Rule(
        "lightning-unused-parameters",
        Advice(
            "some parameters get no gradient: the loss of training_step does not depend on them",
            ("freeze or remove them; if branches differ per step, strategy='ddp_find_unused_parameters_true'",),
        ),
        Advice(
            "有些参数没有梯度：training_step 的 loss 没有用到它们",
            ("冻结或删掉没用到的部分；如果每步分支不同，用 strategy='ddp_find_unused_parameters_true'",),
        ),
        "https://github.com/Lightning-AI/pytorch-lightning/blob/master/src/lightning/pytorch/strategies/ddp.py",
        says=("It looks like your LightningModule has parameters that were not used in producing the loss returned",),
        types=("RuntimeError", "ProcessRaisedException"),
    ),
    Rule(
        "ddp-unused-outputs",
        Advice(
            "find_unused_parameters is on, but some outputs of forward are not used in the loss",
            ("use every output of forward in the loss, or do not return it (also not inside a dict or a cache)",),
        ),
        Advice(
            "已开启 find_unused_parameters，但 forward 的部分输出没有参与 loss",
            ("让 forward 的每个输出都参与 loss，否则不要返回（也不要放在 dict 或缓存里返回）",),
        ),
        _REDUCER,
        says=(
            _PRIOR + " that your module has parameters that were not used in producing loss. Since"
            " `find_unused_parameters=True` is enabled",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "ddp-static-graph-changed",
        Advice(
            "static_graph=True is set, but this step uses other parameters than the first one",
            ("remove static_graph=True; if parameters go unused in some steps, set find_unused_parameters=True",),
        ),
        Advice(
            "设置了 static_graph=True，但这一步用到的参数与第一步不同",
            ("去掉 static_graph=True；有的步可能用不到某些参数时，改用 find_unused_parameters=True",),
        ),
        _REDUCER,
        says=(
            _PRIOR + " that your training graph has changed in this iteration",
            "Your training graph has changed in this iteration, e.g., one parameter is unused in first iteration",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "ddp-unused-parameters",
        Advice(
            "some parameters got no gradient in the last step: the loss does not depend on them, or no backward ran",
            (
                "run with TORCH_DISTRIBUTED_DEBUG=INFO to see which; freeze or remove what is not used",
                "if branches differ per step: DDP(find_unused_parameters=True); HF: ddp_find_unused_parameters",
            ),
        ),
        Advice(
            "上一步有参数没有得到梯度：loss 没有用到它们，或者跳过了 backward",
            (
                "设置 TORCH_DISTRIBUTED_DEBUG=INFO 重跑，看是哪些参数；冻结或删掉没用到的部分",
                "如果每步走的分支不同，设置 DDP(find_unused_parameters=True)，HF 中是 ddp_find_unused_parameters",
            ),
        ),
        _REDUCER,
        says=(_PRIOR + " that your module has parameters that were not used in producing loss",),
        types=("RuntimeError",),
    ),
    Rule(
        "ddp-ready-twice",
        Advice(
            "a parameter got its gradient twice in one backward: reentrant checkpointing, or use outside of forward",
            (
                "checkpoint with use_reentrant=False; HF: gradient_checkpointing_kwargs of TrainingArguments",
                "turn find_unused_parameters off if all parameters are used; call the DDP module, not model.module",
            ),
        ),
        Advice(
            "同一个参数在一次反向传播中得到了两次梯度：用了 reentrant 的 checkpoint，或在 forward 之外用到了它",
            (
                "checkpoint 时设置 use_reentrant=False；HF 用 TrainingArguments 的 gradient_checkpointing_kwargs",
                "参数都用到时关闭 find_unused_parameters；调用 DDP 包装后的模块，不要调用 model.module",
            ),
        ),
        "https://github.com/huggingface/accelerate/issues/389",
        says=("Expected to mark a variable ready only once.",),
        types=("RuntimeError",),
    ),
    Rule(
        "ddp-models-differ",
        Advice(
            "the ranks built different models: rank {a} has {first} parameter tensors, rank {b} has {second}",
            ("build the model the same way on each rank: same config, vocabulary, frozen layers",),
        ),
        Advice(
            "各 rank 构建的模型不同：rank {a} 有 {first} 个参数张量，rank {b} 有 {second} 个",
            ("每个 rank 用同样的方式构建模型：相同的配置、词表和冻结层，不要按 rank 分支",),
        ),
        _REDUCER,
        says=(
            "DDP expects same model across all ranks, but Rank {a:int} has {first:int} params, while rank {b:int} has"
            " inconsistent {second:int} params",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "ddp-shapes-differ",
        Advice(
            "parameter {at} has other sizes on rank {rank} than on rank 0: {sizes}",
            ("build the model the same way on each rank: same config, vocabulary size and number of classes",),
        ),
        Advice(
            "rank {rank} 上第 {at} 个参数的形状与 rank 0 不同：{sizes}",
            ("每个 rank 用同样的方式构建模型：相同的配置、词表大小和类别数",),
        ),
        _REDUCER,
        says=("[{rank:int}]: params[{at:int}] in this process with sizes [{sizes}] appears not to match sizes",),
        types=("RuntimeError",),
    ),
    Rule(
        "fsdp-requires-grad-mixed",
        Advice(
            "frozen and trained parameters lie in one FSDP unit, which use_orig_params=False does not allow",
            ("set use_orig_params=True (fsdp_use_orig_params: true), or wrap the frozen modules as own units",),
        ),
        Advice(
            "同一个 FSDP 单元里既有冻结的参数又有要训练的参数，use_orig_params=False 时不允许",
            ("设置 use_orig_params=True（fsdp_use_orig_params: true），或者把冻结的模块单独包装",),
        ),
        "https://docs.pytorch.org/docs/stable/fsdp.html",
        says=(
            "Must flatten tensors with uniform `requires_grad` when `use_orig_params=False`",
            "Must flatten tensors with uniform requires_grad when use_orig_params=False",  # without the marks
            "`FlatParameter` requires uniform `requires_grad`",
        ),
        types=("ValueError",),
    ),
    Rule(
        "fsdp-dtypes-mixed",
        Advice(
            "parameters of different dtypes lie in one FSDP unit: {dtypes}",
            ("cast model and adapters to one dtype before FSDP; QLoRA: bnb_4bit_quant_storage of that dtype",),
        ),
        Advice(
            "同一个 FSDP 单元里有不同 dtype 的参数：{dtypes}",
            ("包装之前把模型和 adapter 转为同一种 dtype；QLoRA 的 bnb_4bit_quant_storage 也设为它",),
        ),
        "https://huggingface.co/docs/bitsandbytes/main/en/fsdp_qlora",
        says=(
            "Must flatten tensors with uniform dtype but got {dtypes}",
            "`FlatParameter` requires uniform dtype but got {dtypes}",
            "FSDP expects uniform original parameter dtype but got {dtypes}",
            "FSDP expects uniform reduce dtype but got {dtypes}",
            "FSDP reduce-scatter expects uniform gradient dtype but got {dtypes}",
        ),
        types=("ValueError", "AssertionError"),
    ),
    Rule(
        "fsdp-meta-parameters",
        Advice(
            "parameters are still on the meta device, without values: {name} and perhaps more",
            ("after fully_shard call model.to_empty(device=...), then load the weights or call reset_parameters()",),
        ),
        Advice(
            "有参数还在 meta device 上，没有真正的数值：{name} 等",
            ("在 fully_shard 之后调用 model.to_empty(device=...)，再加载权重或调用 reset_parameters()",),
        ),
        "https://github.com/pytorch/pytorch/pull/120351",
        says=(
            "FSDP parameters should be materialized from meta device before training, but the following were still on"
            " meta device: ['{name}'",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "fsdp-wrong-device",
        Advice(
            "rank {rank} holds the model on {actual}, but is to compute on {wanted}",
            ("call torch.cuda.set_device(local_rank) first, and load the model without device_map",),
        ),
        Advice(
            "rank {rank} 的模型在 {actual} 上，但应在 {wanted} 上计算",
            ("先调用 torch.cuda.set_device(local_rank)，加载模型时不要用 device_map",),
        ),
        "https://github.com/huggingface/accelerate/issues/2963",
        says=("Inconsistent compute device and `device_id` on rank {rank:int}: {actual} vs {wanted}",),
        types=("ValueError",),
    ),
    Rule(
        "fsdp-layer-unknown",
        Advice(
            "the layer class that FSDP is to wrap does not exist in this model",
            ("set fsdp_transformer_layer_cls_to_wrap to the class of the model's blocks; see print(model)",),
        ),
        Advice(
            "FSDP 要包装的层类在这个模型里不存在",
            ("把 fsdp_transformer_layer_cls_to_wrap 设为模型 block 的类名（用 print(model) 查看）",),
        ),
        "https://huggingface.co/docs/accelerate/usage_guides/fsdp",
        says=("Could not find the transformer layer class {}",),
        types=("ValueError", "Exception"),
    ),
    Rule(
        "deepspeed-batch-size",
        Advice(
            "train_batch_size is {total}, which is not {micro} per GPU x {steps} accumulated x {world} processes",
            ("set only two of the three in the DeepSpeed config and leave out the third, or write 'auto'",),
        ),
        Advice(
            "train_batch_size 是 {total}，与每卡 {micro} × 累积 {steps} 步 × {world} 个进程的乘积不符",
            ("在 DeepSpeed 配置里三个只写两个，第三个省略，或者写 'auto'",),
        ),
        "https://www.deepspeed.ai/docs/config-json/#batch-size-related-parameters",
        says=(
            "Check batch related parameters. train_batch_size is not equal to micro_batch_per_gpu * gradient_acc_step"
            " * world_size {total:number} != {micro:number} * {steps:number} * {world:number}",
        ),
        types=("AssertionError",),
    ),
    Rule(
        "deepspeed-arguments-differ",
        Advice(
            "the DeepSpeed config and TrainingArguments contradict each other: {value}",
            ("write 'auto' for these keys in the DeepSpeed config, so that TrainingArguments alone decide",),
        ),
        Advice(
            "DeepSpeed 配置与 TrainingArguments 不一致：{value}",
            ("在 DeepSpeed 配置里把这些键写成 'auto'，由 TrainingArguments 统一决定",),
        ),
        "https://huggingface.co/docs/transformers/deepspeed",
        says=("Please correct the following DeepSpeed config values that mismatch TrainingArguments values:",),
        also=("- ds {value}",),
        types=("ValueError",),
    ),
    Rule(
        "deepspeed-device-map",
        Advice(
            "ZeRO-3 places the weights itself, but from_pretrained was given device_map or low_cpu_mem_usage=True",
            ("remove device_map and low_cpu_mem_usage from from_pretrained",),
        ),
        Advice(
            "ZeRO-3 会自己切分权重，但 from_pretrained 传入了 device_map 或 low_cpu_mem_usage=True",
            ("去掉 from_pretrained 的 device_map 和 low_cpu_mem_usage",),
        ),
        "https://github.com/huggingface/accelerate/issues/2543",
        says=(
            "DeepSpeed Zero-3 is not compatible with `low_cpu_mem_usage=True`",
            "DeepSpeed Zero-3 is not compatible with passing a `device_map`",
        ),
        types=("ValueError",),
    ),
    Rule(
        "deepspeed-op-build",
        Advice(
            "DeepSpeed compiles {op} at its first use, but a tool is missing or does not fit: ninja, compiler, CUDA",
            ("pip install ninja; run ds_report, which shows for each op what is missing",),
        ),
        Advice(
            "DeepSpeed 首次使用 {op} 时要编译，但缺少工具或版本不匹配：ninja、编译器、CUDA",
            ("pip install ninja；再运行 ds_report，查看每个 op 缺少什么",),
        ),
        "https://www.deepspeed.ai/tutorials/advanced-install/",
        says=("Unable to JIT load the {op:word} op due to ",),
        types=("RuntimeError",),
    ),
    Rule(
        "deepspeed-loss-scale",
        Advice(
            "gradients overflow fp16 in each step, even with the smallest loss scale",
            (
                "train with bf16 instead of fp16 if the GPU can and the model was trained in it",
                "else look for a NaN loss, lower the learning rate or lengthen the warm-up",
            ),
        ),
        Advice(
            "fp16 梯度每一步都溢出，loss scale 已经降到最小",
            ("GPU 支持时改用 bf16，尤其是用 bf16 预训练的模型", "否则检查 loss 是否为 NaN，降低学习率或加长 warmup"),
        ),
        "https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/fp16/loss_scaler.py",
        says=("Current loss scale already at minimum - cannot decrease scale anymore",),
        types=("Exception", "RuntimeError"),
    ),
    Rule(
        "accelerate-device-map",
        Advice(
            "device_map='auto' spreads one model over all GPUs, but several processes were started",
            ("load without device_map; only to spread one model over GPUs, start a single process instead",),
        ),
        Advice(
            "device_map='auto' 把一个模型分到多块 GPU 上，却启动了多个进程",
            ("加载模型时不要用 device_map；确实要把一个模型分到多块 GPU 时，只启动一个进程",),
        ),
        "https://github.com/huggingface/transformers/issues/31557",
        says=(
            "You can't train a model that has been loaded with `device_map='auto'` in any distributed mode",
            "You can't train a model that has been loaded in 8-bit or 4-bit precision on multiple devices in any",
        ),
        types=("ValueError",),
    ),
    Rule(
        "accelerate-state-fixed",
        Advice(
            "Accelerator() was created before with other settings; it keeps the first ones in this process",
            ("create one Accelerator and pass it {flag} at the first call; in a notebook restart the kernel",),
        ),
        Advice(
            "这个进程里已经用别的设置创建过 Accelerator()，设置不能再改",
            ("只创建一个 Accelerator，并在第一次创建时传入 {flag}；notebook 需要重启内核",),
        ),
        "https://github.com/huggingface/accelerate/blob/main/src/accelerate/state.py",
        says=(
            "AcceleratorState has already been initialized and cannot be changed, restart your runtime completely and"
            " pass `{flag}`",
        ),
        types=("ValueError",),
    ),
)
