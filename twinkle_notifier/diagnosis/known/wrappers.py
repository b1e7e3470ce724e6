"""DDP, FSDP, DeepSpeed, Accelerate and Lightning: how the model is wrapped and the run set up."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "ddp-device-ids",
        Advice(
            "DistributedDataParallel got device_ids for a model that is on the CPU, or on several devices",
            (
                "call model.to(local_rank) before DDP(model, device_ids=[local_rank])",
                "a model split by device_map needs device_ids=None; and no DDP over device_map='auto'",
            ),
        ),
        Advice(
            "给 DistributedDataParallel 传了 device_ids，但模型在 CPU 上，或分布在多张卡上",
            (
                "先 model.to(local_rank)，再 DDP(model, device_ids=[local_rank])",
                "用 device_map 拆分的模型传 device_ids=None；device_map='auto' 不要用 DDP",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html",
        says=(
            (
                "DistributedDataParallel device_ids and output_device arguments only work with "
                "single-device/multiple-device GPU modules"
            ),
            "DistributedDataParallel's input module must be on the same type of devices",
        ),
        types=(
            "ValueError",
            "AssertionError",
            "RuntimeError",
        ),
    ),
    Rule(
        "fsdp-devices-mixed",
        Advice(
            "parameters of one FSDP unit lie on {one} and on {other}",
            (
                (
                    "load all ranks the same way: low_cpu_mem_usage and cpu_ram_efficient_loading need "
                    "sync_module_states=True"
                ),
                "no device_map with FSDP; move added layers and adapters to the model's device before wrapping",
            ),
        ),
        Advice(
            "同一个 FSDP 单元的参数分布在 {one} 和 {other} 上",
            (
                "各 rank 用同样方式加载：low_cpu_mem_usage、cpu_ram_efficient_loading 需要 sync_module_states=True",
                "FSDP 不要用 device_map；新增的层和 adapter 在包装前移到模型所在设备",
            ),
        ),
        "https://huggingface.co/docs/accelerate/usage_guides/fsdp",
        says=("Must flatten tensors on the same device but got both {one} and {other}",),
        types=("ValueError",),
    ),
    Rule(
        "fsdp-wrapped-twice",
        Advice(
            ("an FSDP model was run or wrapped within another one: a part ran by itself first, or it is wrapped twice"),
            (
                (
                    "run forward through the outermost model first, not through a part of it (as a reference "
                    "model or an embedding)"
                ),
                "let one tool wrap it: Trainer and Accelerator do it in prepare()",
            ),
        ),
        Advice(
            "一个 FSDP 模型在另一个之内被运行或包装：先单独运行了其中一部分，或重复包装",
            (
                "先通过最外层模型做前向，不要单独调用其中一部分（如 reference model、embedding）",
                "只让一个工具包装：Trainer 和 Accelerator 会在 prepare() 里做",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/fsdp.html",
        says=("Non-root FSDP instance's `_is_root` should not have been set yet",),
        types=("AssertionError",),
    ),
    Rule(
        "fsdp-state-key",
        Advice(
            ("FSDP found the state dict to lack a parameter ({name}): it is of another model, or of a wrapped one"),
            (
                "save and load within the same StateDictType (FULL_STATE_DICT or SHARDED_STATE_DICT), on all ranks",
                "compare the keys: prefixes as 'module.', '_orig_mod.' or '_fsdp_wrapped_module.'",
            ),
        ),
        Advice(
            "FSDP 发现 state dict 缺少参数（{name}）：属于别的模型，或包装方式不同",
            (
                "保存和加载使用同一 StateDictType（FULL_STATE_DICT 或 SHARDED_STATE_DICT），所有 rank 一致",
                "对比键名前缀：'module.'、'_orig_mod.'、'_fsdp_wrapped_module.'",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/fsdp.html",
        says=("FSDP assumes {name:word} is in the state_dict but the state_dict only has ",),
        types=(
            "AssertionError",
            "KeyError",
        ),
    ),
    Rule(
        "nccl-rtx-without-p2p",
        Advice(
            "RTX 30 and 40 cards have no direct way between GPUs, and NCCL was not told so",
            ("export NCCL_P2P_DISABLE=1 NCCL_IB_DISABLE=1; or start with accelerate launch, which sets them",),
        ),
        Advice(
            "RTX 30/40 系列没有 GPU 间直连（P2P），而 NCCL 没有关闭它",
            ("export NCCL_P2P_DISABLE=1 NCCL_IB_DISABLE=1；或用 accelerate launch 启动，它会自动设置",),
        ),
        "https://github.com/huggingface/accelerate/blob/main/src/accelerate/state.py",
        says=("Using RTX {}4000 series doesn't support faster communication ",),
        types=("NotImplementedError",),
    ),
    Rule(
        "precision-both",
        Advice(
            "fp16 and bf16 are both switched on",
            (
                (
                    "keep one of them: bf16 on Ampere and newer, fp16 on older GPUs; look at the DeepSpeed "
                    "config and the arguments"
                ),
            ),
        ),
        Advice(
            "fp16 和 bf16 同时打开了",
            ("只保留一个：Ampere 及更新用 bf16，更旧的卡用 fp16；检查 DeepSpeed 配置和命令行参数",),
        ),
        "https://huggingface.co/docs/transformers/main_classes/trainer",
        says=(
            "fp16 and bf16 modes cannot be simultaneously enabled",
            "At most one of fp16 and bf16 can be True, but not both",
        ),
        types=(
            "AssertionError",
            "ValueError",
        ),
    ),
    Rule(
        "nccl-tensor-on-cpu",
        Advice(
            (
                "a collective of NCCL got a tensor that is on the CPU (or sparse), and NCCL moves dense "
                "tensors of the GPU alone"
            ),
            (
                (
                    "move it first: tensor.cuda(local_rank); for objects and CPU tensors "
                    "init_process_group('cpu:gloo,cuda:nccl')"
                ),
            ),
        ),
        Advice(
            "NCCL 的集合通信收到了 CPU（或稀疏）张量，而 NCCL 只支持 GPU 上的稠密张量",
            ("先移动：tensor.cuda(local_rank)；对象和 CPU 张量用 init_process_group('cpu:gloo,cuda:nccl')",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=("Tensors must be CUDA and dense",),
        types=(
            "RuntimeError",
            "ValueError",
        ),
    ),
    Rule(
        "collective-not-contiguous",
        Advice(
            "a collective got a tensor that is not contiguous (after transpose, permute or a slice)",
            (("call .contiguous() on it before; weights: for p in model.parameters(): p.data = p.data.contiguous()"),),
        ),
        Advice(
            "集合通信收到了不连续的张量（transpose、permute 或切片之后）",
            ("先调用 .contiguous()；权重：for p in model.parameters(): p.data = p.data.contiguous()",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=("Tensors must be contiguous",),
        types=(
            "RuntimeError",
            "ValueError",
        ),
        modules=("torch.distributed",),
    ),
    Rule(
        "fsdp-scalar",
        Advice(
            "the parameter {name} is a scalar, which FSDP cannot shard",
            ("make it one element of one dimension, torch.tensor([x]), or name its module in ignored_modules",),
        ),
        Advice(
            "参数 {name} 是标量，FSDP 无法分片",
            ("改为只有一个元素的一维张量 torch.tensor([x])，或把所在模块加入 ignored_modules",),
        ),
        "https://docs.pytorch.org/docs/stable/fsdp.html",
        says=tuple(
            f"{who} doesn't support scalar parameters. Change {{name}} to a 1D tensor"
            for who in ("FSDP", "fully_shard")
        ),
        types=("ValueError",),
    ),
    Rule(
        "fsdp-integer-weights",
        Advice(
            "the model has integer parameters, as quantized weights are, which FSDP cannot flatten",
            ("QLoRA: set bnb_4bit_quant_storage to the dtype of the training (bfloat16); FSDP takes no 8-bit weights",),
        ),
        Advice(
            "模型含整数类型的参数（如量化权重），FSDP 无法 flatten",
            ("QLoRA：把 bnb_4bit_quant_storage 设为训练所用的 dtype（如 bfloat16）；8-bit 权重不能与 FSDP 一起用",),
        ),
        "https://huggingface.co/docs/bitsandbytes/main/en/fsdp_qlora",
        says=("Cannot flatten integer dtype tensors",),
        types=("ValueError",),
    ),
)
