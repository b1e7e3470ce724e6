"""Models spread over several devices."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_RUNTIME = ("RuntimeError",)
_MEGATRON = "https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/"
_SAVED = "size mismatch for {name:word}: copying a param with shape torch.Size([0]) from checkpoint, "
_OUT_OF_MEMORY = "{} out of memory. Tried to allocate {asked:size}"
_NOW = (
    "size mismatch for {name:word}: copying a param with shape torch.Size([{}]) from checkpoint, the shape in current"
)


RULES: tuple[Rule, ...] = (
    Rule(
        "state-dict-model-sharded",
        Advice(
            "{name} is empty here: ZeRO-3 or FSDP shards the model, and load_state_dict sees this rank's shard alone",
            (
                "load before it is sharded: from_pretrained does; else load within deepspeed.zero.GatheredParameters",
                "to load without ZeRO-3: remove its config (no HfDeepSpeedConfig, no --deepspeed), or use stage 2",
            ),
        ),
        Advice(
            "{name} 在当前模型里是空的：模型被 ZeRO-3 或 FSDP 切分，load_state_dict 只看到本 rank 的分片",
            (
                "在切分之前加载：用 from_pretrained；或放进 deepspeed.zero.GatheredParameters 里加载",
                "不需要 ZeRO-3 时：去掉其配置（HfDeepSpeedConfig、--deepspeed），或改用 stage 2",
            ),
        ),
        "https://deepspeed.readthedocs.io/en/latest/zero3.html",
        says=(_NOW + " model is torch.Size([0]).",),
        unless=(_SAVED,),
        types=_RUNTIME,
    ),
    Rule(
        "state-dict-saved-shards",
        Advice(
            "{name} is empty in the checkpoint: it was saved from a model that ZeRO-3 or FSDP shards, on one rank",
            (
                "make whole weights of the run's own checkpoint: zero_to_fp32.py, or `accelerate merge-weights` (FSDP)",
                "save them whole: stage3_gather_16bit_weights_on_model_save true; FSDP: FULL_STATE_DICT",
            ),
        ),
        Advice(
            "{name} 在 checkpoint 里是空的：保存时模型被 ZeRO-3 或 FSDP 切分，只存了一个 rank 的分片",
            (
                "从训练自身的 checkpoint 合并出完整权重：zero_to_fp32.py，FSDP 用 `accelerate merge-weights`",
                "今后保存完整权重：stage3_gather_16bit_weights_on_model_save 设为 true；FSDP 用 FULL_STATE_DICT",
            ),
        ),
        "https://github.com/huggingface/transformers/issues/20082",
        says=(_SAVED,),
        types=_RUNTIME,
    ),
    Rule(
        "dtensor-mixed",
        Advice(
            "{op} got a plain tensor beside a sharded one (DTensor of FSDP2 or tensor parallelism)",
            (
                "call the model that fully_shard got, not its parts; other methods: register_fsdp_forward_method",
                "else convert: distribute_tensor(x, mesh, placements), or weight.full_tensor()",
            ),
        ),
        Advice(
            "{op} 同时收到普通张量和切分后的张量（FSDP2 或张量并行的 DTensor）",
            (
                "调用 fully_shard 过的模型本身，不要只调用其中一部分；其他方法用 register_fsdp_forward_method",
                "否则转换：distribute_tensor(x, mesh, placements)，或 weight.full_tensor()",
            ),
        ),
        "https://docs.pytorch.org/docs/main/distributed.tensor.html",
        says=("{op:word}: got mixed torch.Tensor and DTensor, need to convert all",),
        types=_RUNTIME,
    ),
    Rule(
        "distributed-checkpoint-key",
        Advice(
            "the distributed checkpoint lacks a key of this run: it is of another model, optimizer or wrapper",
            (
                "compare the keys with FileSystemReader(path).read_metadata().state_dict_metadata: prefixes, layers",
                "to load what there is: DefaultLoadPlanner(allow_partial_load=True)",
            ),
        ),
        Advice(
            "分布式 checkpoint 缺少当前需要的键：保存时的模型、优化器或包装方式不同",
            (
                "对比 FileSystemReader(path).read_metadata().state_dict_metadata 中的键：前缀、层",
                "只加载已有的部分：DefaultLoadPlanner(allow_partial_load=True)",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.checkpoint.html",
        says=tuple(begin + "Missing key in checkpoint state_dict: " for begin in ("", "RuntimeError: ")),
        types=("RuntimeError", "CheckpointException"),
    ),
    Rule(
        "zero-world-size",
        Advice(
            "the ZeRO checkpoint is of {saved} data parallel ranks, and this run has {now}",
            (
                "resume with {saved} ranks; or convert it: ds_to_universal.py, and load_universal true in the config",
                "or start with the weights alone (zero_to_fp32.py), without the optimizer's state",
            ),
        ),
        Advice(
            "这个 ZeRO checkpoint 来自 {saved} 个数据并行 rank，而当前是 {now} 个",
            (
                "用 {saved} 个 rank 恢复；或先用 ds_to_universal.py 转换，并在配置里设 load_universal 为 true",
                "或只加载权重（zero_to_fp32.py），不要 optimizer 状态",
            ),
        ),
        "https://www.deepspeed.ai/tutorials/universal-checkpointing/",
        says=(
            "The checkpoint being loaded used a DP world size of {saved:int} but the current world size is {now:int}.",
        ),
        types=("ZeRORuntimeException",),
    ),
    Rule(
        "zero-no-sync",
        Advice(
            "gradient accumulation used no_sync(), which DeepSpeed does not allow with ZeRO stage {stage}",
            ("pip install -U transformers accelerate; in own loops leave accumulate() and no_sync() out",),
        ),
        Advice(
            "梯度累积用了 no_sync()，而 DeepSpeed 在 ZeRO stage {stage} 下不允许",
            ("pip install -U transformers accelerate；自己的循环去掉 accumulate() 和 no_sync()",),
        ),
        "https://github.com/huggingface/transformers/pull/35157",
        says=("no_sync context manager is incompatible with gradient partitioning logic of ZeRO stage {stage:int}",),
        types=("AssertionError",),
    ),
    Rule(
        "ddp-nothing-to-train",
        Advice(
            "DistributedDataParallel got a model without trainable parameters: all are frozen, or it has none",
            ("wrap only what is trained; else check requires_grad, and that lists of layers are nn.ModuleList",),
        ),
        Advice(
            "没有可训练参数的模型被包进 DistributedDataParallel：参数全部冻结，或本来就没有参数",
            ("只包装需要训练的模型；如果应当训练，检查 p.requires_grad，以及子层是否放在 nn.ModuleList 里",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html",
        says=("DistributedDataParallel is not needed when a module doesn't have any parameter",),
        types=("RuntimeError", "AssertionError"),
    ),
    Rule(
        "deepspeed-no-slot",
        Advice(
            "deepspeed is to use GPU {slot} of {host}, which has no such number (CUDA_VISIBLE_DEVICES counts anew)",
            ("name the GPUs once: unset CUDA_VISIBLE_DEVICES, and deepspeed --include {host}:0,1 train.py",),
        ),
        Advice(
            "deepspeed 要用 {host} 的 GPU {slot}，但没有这个编号（CUDA_VISIBLE_DEVICES 会重新编号）",
            ("只用一种方式指定 GPU：取消 CUDA_VISIBLE_DEVICES，用 deepspeed --include {host}:0,1 train.py",),
        ),
        "https://www.deepspeed.ai/getting-started/#resource-configuration-multi-node",
        says=("No slot '{slot}' specified on host '{host}'",),
        types=("ValueError",),
    ),
    Rule(
        "megatron-batch-size",
        Advice(
            "the global batch size {whole} is no multiple of {micro} (micro batch) * {ranks} (data parallel size)",
            ("change --global-batch-size or --micro-batch-size, or the number of GPUs / (TP * PP * CP)",),
        ),
        Advice(
            "global batch size {whole} 不是 {micro}（micro batch）* {ranks}（数据并行数）的倍数",
            ("修改 --global-batch-size 或 --micro-batch-size，或调整 GPU 数 / (TP * PP * CP)",),
        ),
        _MEGATRON + "num_microbatches_calculator.py",
        says=(
            "global batch size ({whole:int}) is not divisible by micro batch size ({micro:int}) times data parallel"
            " size ({ranks:int})",
        ),
        types=("AssertionError",),
    ),
    Rule(
        "megatron-layers-split",
        Advice(
            "the model's layers cannot be split evenly over the pipeline stages",
            (
                "make --num-layers a multiple of --pipeline-model-parallel-size (times the virtual stages)",
                "or give the first or last stage fewer: --decoder-first-pipeline-num-layers, --decoder-last-...",
            ),
        ),
        Advice(
            "模型层数无法平均分到各流水线阶段",
            (
                "让 --num-layers 是 --pipeline-model-parallel-size（乘以虚拟阶段数）的倍数",
                "或让首尾阶段少几层：--decoder-first-pipeline-num-layers、--decoder-last-...",
            ),
        ),
        "https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/training/arguments.py",
        says=(
            "Number of layers should be divisible by the pipeline-model-parallel size",
            "number of layers should be divisible by the pipeline parallel size",
        ),
        types=("AssertionError",),
    ),
    Rule(
        "megatron-sequence-length",
        Advice(
            "sequence parallelism splits a batch by tokens: their number is no multiple of the tensor parallel size",
            ("pad each batch (packed ones, too) to a multiple of the tensor parallel size", "or turn it off"),
        ),
        Advice(
            "sequence parallel 要按 token 切分 batch，但 token 数不是 tensor parallel 大小的倍数",
            ("把每个 batch（包括 packing 后的）补齐到 tensor parallel 大小的倍数", "或关闭 sequence parallel"),
        ),
        "https://github.com/verl-project/verl/issues/3296",
        says=("First dimension of the tensor should be divisible by tensor parallel size",),
        types=("AssertionError",),
    ),
    Rule(
        "megatron-world-size",
        Advice(
            "{world} processes cannot be split by the model's parallel sizes (TP * PP * CP)",
            ("make nodes * GPUs a multiple of tensor * pipeline * context parallel size; see that all nodes joined",),
        ),
        Advice(
            "{world} 个进程无法按模型并行的大小（TP * PP * CP）划分",
            ("让节点数 * GPU 数是 TP * PP * CP 的倍数；并确认所有节点都已加入",),
        ),
        _MEGATRON + "parallel_state.py",
        says=(
            "world_size ({world:int}) is not divisible by ",
            "`world_size` ({world:int}) is not divisible by tensor_model_parallel_size",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "vllm-devices-missing",
        Advice(
            "vLLM is to use {asked} GPUs (tensor * pipeline parallel size), and this node has {seen}",
            (
                "lower tensor_parallel_size, or check CUDA_VISIBLE_DEVICES",
                "for several nodes: start Ray on each, and --distributed-executor-backend ray",
            ),
        ),
        Advice(
            "vLLM 要用 {asked} 张 GPU（tensor * pipeline parallel size），而本节点只有 {seen} 张",
            (
                "调小 tensor_parallel_size，或检查 CUDA_VISIBLE_DEVICES",
                "多机：在每个节点启动 Ray，并加 --distributed-executor-backend ray",
            ),
        ),
        "https://docs.vllm.ai/en/latest/serving/parallelism_scaling.html",
        says=tuple(
            begin + "World size ({asked:int}) is larger than the number of available GPUs ({seen:int})"
            for begin in ("", "Value error, ")
        ),
        types=("ValueError", "ValidationError"),
    ),
    Rule(
        "vllm-engine-failed",
        Advice(
            "vLLM's engine process failed as it started; its own error stands further up in the log",
            ("look for the first 'ERROR' or traceback of EngineCore: most often memory, a GPU or a version",),
        ),
        Advice(
            "vLLM 的引擎进程启动失败，真正的报错在日志更上方",
            ("找 EngineCore 的第一个 'ERROR' 或 traceback：多为显存、GPU 或版本问题",),
        ),
        "https://docs.vllm.ai/en/latest/usage/troubleshooting.html",
        says=("Engine core initialization failed. See root cause above.",),
        types=_RUNTIME,
    ),
    Rule(
        "lightning-slurm-ntasks",
        Advice(
            "the SLURM script sets --ntasks={tasks}, and Lightning wants the number of tasks for each node",
            ("write #SBATCH --ntasks-per-node=N, with N = devices; in an interactive shell unset SLURM_NTASKS",),
        ),
        Advice(
            "SLURM 脚本设置了 --ntasks={tasks}，而 Lightning 需要每个节点的 task 数",
            ("改为 #SBATCH --ntasks-per-node=N（N = devices）；交互式 shell 中可 unset SLURM_NTASKS",),
        ),
        "https://lightning.ai/docs/pytorch/stable/clouds/cluster_advanced.html",
        says=("You set `--ntasks={tasks:int}` in your SLURM bash script, but this variable is not supported.",),
        types=("RuntimeError",),
    ),
    Rule(
        "device-memory-of-worker",
        Advice(
            "the device memory of a worker was full: it asked for {asked} more",
            ("lower the (micro) batch size or the length in it; see with nvidia-smi what else is on that device",),
        ),
        Advice(
            "某个 worker 的显存已满：它还要申请 {asked}",
            ("调小其中的（micro）batch size 或长度；用 nvidia-smi 查看这张卡上还有什么",),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=tuple(
            f"{kind}: {_OUT_OF_MEMORY}"
            for kind in ("torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError", "OutOfMemoryError", "RuntimeError")
        ),
        types=("OutOfMemoryError", "RayTaskError", "RuntimeError"),
    ),
    Rule(
        "gpu-id-not-number",
        Advice(
            "CUDA_VISIBLE_DEVICES names the device by its UUID, and this program reads numbers from it",
            ("write numbers: CUDA_VISIBLE_DEVICES=0 (within a Slurm job or container the one MIG device is 0)",),
        ),
        Advice(
            "CUDA_VISIBLE_DEVICES 里写的是设备 UUID，而这个程序按数字解析",
            ("改成编号：CUDA_VISIBLE_DEVICES=0（Slurm 作业或容器中唯一的 MIG 设备就是 0）",),
        ),
        "https://docs.nvidia.com/datacenter/tesla/mig-user-guide/",
        says=tuple(
            f"{begin}invalid literal for int() with base 10: '{kind}-"
            for begin in ("", "Value error, ")
            for kind in ("MIG", "GPU")
        ),
        types=("ValueError", "ValidationError"),
        modules=("torch.cuda", "vllm", "deepspeed"),
    ),
)
