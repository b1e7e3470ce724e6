"""DeepSpeed's ZeRO."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "zero-stage-optimizer",
        Advice(
            "DeepSpeed ZeRO stage {stage} was set up without an optimizer",
            (
                "add an optimizer to the DeepSpeed config, or pass one to deepspeed.initialize()",
                "for evaluation alone use stage 3 without offload, or deepspeed.init_inference",
            ),
        ),
        Advice(
            "DeepSpeed ZeRO stage {stage} 没有配置 optimizer",
            (
                "在 DeepSpeed 配置里加 optimizer，或传给 deepspeed.initialize()",
                "仅评估时用不带 offload 的 stage 3，或 deepspeed.init_inference",
            ),
        ),
        "https://www.deepspeed.ai/docs/config-json/",
        says=("zero stage {stage:int} requires an optimizer",),
        types=("AssertionError",),
    ),
    Rule(
        "zero3-order",
        Advice(
            (
                "a parameter of ZeRO-3 was not gathered when it was used: the ranks run other modules, or in "
                "another order than before"
            ),
            (
                (
                    "MoE and other branches: deepspeed.utils.set_z3_leaf_modules(model, [MoEBlock]) before the "
                    "Trainer, or ZeRO-2"
                ),
                "call modules through their forward(), and let each rank run the same ones; upgrade deepspeed",
            ),
        ),
        Advice(
            "ZeRO-3 的参数在使用时没有被聚合：各 rank 运行的模块或顺序不同",
            (
                "MoE 等分支结构：在 Trainer 之前 deepspeed.utils.set_z3_leaf_modules(model, [MoEBlock])，或用 ZeRO-2",
                "通过 forward() 调用模块，并让各 rank 运行相同的模块；升级 deepspeed",
            ),
        ),
        "https://deepspeed.readthedocs.io/en/latest/zero3.html",
        says=(
            "{'id': {}, 'status': 'NOT_AVAILABLE', ",
            "{'id': {}, 'status': 'INFLIGHT', ",
            "still have inflight params",
            "disagreement between rank{}: ",
            "tracing error at step {:int}",
        ),
        types=(
            "AssertionError",
            "RuntimeError",
        ),
    ),
    Rule(
        "zero-gradient-twice",
        Advice(
            "parameter {id} got its gradient twice in one backward pass, which ZeRO does not allow",
            (
                (
                    "gradient checkpointing: set the other use_reentrant (gradient_checkpointing_kwargs); freeze "
                    "or untie shared weights"
                ),
                "several forward passes: sum the losses, and call backward() once",
            ),
        ),
        Advice(
            "参数 {id} 在一次反向中得到了两次梯度，ZeRO 不允许",
            (
                "gradient checkpointing：换另一种 use_reentrant（gradient_checkpointing_kwargs）；冻结或解除共享权重",
                "多次前向：把 loss 相加，只调用一次 backward()",
            ),
        ),
        "https://github.com/deepspeedai/DeepSpeed/issues/988",
        says=("The parameter {id:int} has already been reduced.",),
        types=("AssertionError",),
    ),
    Rule(
        "deepspeed-no-batch-size",
        Advice(
            (
                "DeepSpeed cannot know the batch size: accelerate.prepare() got no dataloader, or one "
                "without a batch_size"
            ),
            (
                (
                    "pass the dataloader to prepare() together with the model, or set "
                    "train_micro_batch_size_per_gpu in the DeepSpeed config"
                ),
            ),
        ),
        Advice(
            "DeepSpeed 不知道 batch size：accelerate.prepare() 没有收到 dataloader，或它没有 batch_size",
            ("把 dataloader 与模型一起传给 prepare()，或在 DeepSpeed 配置里设 train_micro_batch_size_per_gpu",),
        ),
        "https://huggingface.co/docs/accelerate/usage_guides/deepspeed",
        says=(
            (
                "When using DeepSpeed, `accelerate.prepare()` requires you to pass at least one of training "
                "or evaluation dataloaders"
            ),
            (
                "When using DeepSpeed `accelerate.prepare()` requires you to pass at least one of training "
                "or evaluation dataloaders"
            ),
            ("You must specify a training or evaluation dataloader in `accelerate.prepare()` when using DeepSpeed"),
            "At least one of the dataloaders passed to `accelerate.prepare()` has `None` as batch size",
        ),
        types=("ValueError",),
    ),
    Rule(
        "zero-offload-optimizer",
        Advice(
            "ZeRO-Offload was given a torch optimizer, and wants DeepSpeed's own for the CPU",
            (
                (
                    "use DeepSpeedCPUAdam, or set the optimizer in the DeepSpeed config; or "
                    "zero_force_ds_cpu_optimizer: false there"
                ),
            ),
        ),
        Advice(
            "ZeRO-Offload 收到的是 torch 的 optimizer，而它要求 DeepSpeed 的 CPU optimizer",
            ("使用 DeepSpeedCPUAdam，或在 DeepSpeed 配置里设置 optimizer；或设 zero_force_ds_cpu_optimizer: false",),
        ),
        "https://www.deepspeed.ai/docs/config-json/",
        says=("You are using ZeRO-Offload with a client provided optimizer",),
        types=("ZeRORuntimeException",),
    ),
    Rule(
        "zero-untested-optimizer",
        Advice(
            "ZeRO was not tested with this optimizer, and refuses it",
            ("set zero_allow_untested_optimizer to true in the DeepSpeed config, or use AdamW",),
        ),
        Advice(
            "ZeRO 没有测试过这个 optimizer，因此拒绝使用",
            ("在 DeepSpeed 配置里设 zero_allow_untested_optimizer 为 true，或使用 AdamW",),
        ),
        "https://www.deepspeed.ai/docs/config-json/",
        says=("You are using an untested ZeRO Optimizer.",),
        types=("AssertionError",),
    ),
)
