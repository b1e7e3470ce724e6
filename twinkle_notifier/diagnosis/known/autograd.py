"""Gradients: views, inference tensors and weights that were released."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "gradient-input-unused",
        Advice(
            "a gradient is asked for a tensor that the result does not depend on, or that needs none",
            (("call requires_grad_(True) on it before the forward pass; pass allow_unused=True if it may be unused"),),
        ),
        Advice(
            "要求对某个张量求梯度，但结果不依赖它，或它不需要梯度",
            ("在前向之前对它调用 requires_grad_(True)；如果允许不参与计算，传 allow_unused=True",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html",
        says=(
            "One of the differentiated Tensors does not require grad",
            "One of the differentiated Tensors appears to not have been used in the graph.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "view-inplace-change",
        Advice(
            ("a view (of chunk, split, unbind or a DDP buffer) was changed in place, which autograd cannot follow"),
            (
                (
                    "write x = x + y in place of x += y, and inplace=False in ReLU and Dropout; or clone() the "
                    "view first"
                ),
                "under DDP: broadcast_buffers=False, if several forward passes come before backward()",
            ),
        ),
        Advice(
            "对 view（chunk、split、unbind 或 DDP buffer）做了原地修改，autograd 无法跟踪",
            (
                "把 x += y 写成 x = x + y，ReLU、Dropout 用 inplace=False；或先 clone()",
                "DDP 下一次 backward() 之前有多次前向时：broadcast_buffers=False",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd",
        says=(
            "Output {:int} of {:word} is a view and is being modified inplace.",
            ("Output {:int} of {:word} is a view and its base or another view of its base has been modified inplace."),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "inference-tensor-trained",
        Advice(
            "a tensor that was made under torch.inference_mode() came into training",
            (
                "make it under torch.no_grad() in place of inference_mode(), or clone() it outside",
                (
                    "validation that shares state with training (caches, buffers) must not run in "
                    "inference_mode: Trainer(inference_mode=False)"
                ),
            ),
        ),
        Advice(
            "在 torch.inference_mode() 下产生的张量进入了训练",
            (
                "改用 torch.no_grad() 产生它，或在外面 clone()",
                "与训练共享状态（缓存、buffer）的验证不要用 inference_mode：Trainer(inference_mode=False)",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html",
        says=(
            "Inference tensors cannot be saved for backward.",
            "Inplace update to inference tensor outside InferenceMode is not allowed.",
            "Cannot set version_counter for inference tensor",
            "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gradient-of-integers",
        Advice(
            "an integer or quantized tensor was to get gradients",
            (
                "quantized weights stay frozen: attach LoRA adapters, and unfreeze those alone",
                "own tensors: x.float().requires_grad_()",
            ),
        ),
        Advice(
            "要对整数或量化的张量求梯度",
            (
                "量化权重应保持冻结：挂 LoRA adapter，只训练它们",
                "自己的张量：x.float().requires_grad_()",
            ),
        ),
        "https://huggingface.co/docs/peft/developer_guides/quantization",
        says=(
            "Only Tensors of floating point and complex dtype can require gradients",
            "only Tensors of floating point and complex dtype can require gradients",
            "only Tensors of floating point dtype can require gradients",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "checkpointing-with-grad",
        Advice(
            "reentrant gradient checkpointing does not work with torch.autograd.grad() or backward(inputs=...)",
            ("use use_reentrant=False: gradient_checkpointing_kwargs={'use_reentrant': False}",),
        ),
        Advice(
            "reentrant 的 gradient checkpointing 不支持 torch.autograd.grad() 和 backward(inputs=...)",
            ("设 use_reentrant=False：gradient_checkpointing_kwargs={'use_reentrant': False}",),
        ),
        "https://docs.pytorch.org/docs/stable/checkpoint.html",
        says=(
            ("Checkpointing is not compatible with .grad() or when an `inputs` parameter is passed to .backward()"),
            "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad()",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "weights-released-by-sharding",
        Advice(
            (
                "weights are empty here: ZeRO-3 or FSDP had released them when this operation or its "
                "backward needed them"
            ),
            (
                (
                    "call the wrapped model, not a part of it; run generate() under FSDP.summon_full_params or "
                    "GatheredParameters"
                ),
                (
                    "gradient checkpointing under ZeRO-3: try the other use_reentrant; frozen and trained parts "
                    "need own FSDP units"
                ),
            ),
        ),
        Advice(
            "这里的权重是空的：运算或反向需要它时，ZeRO-3 或 FSDP 已将其释放",
            (
                "调用包装后的模型而不是其中一部分；generate() 用 FSDP.summon_full_params 或 GatheredParameters",
                "ZeRO-3 下 gradient checkpointing：换另一种 use_reentrant；冻结与训练的部分应分成各自的 FSDP 单元",
            ),
        ),
        "https://deepspeed.readthedocs.io/en/latest/zero3.html",
        says=(
            "The tensor has a non-zero number of elements, but its data is not allocated yet.",
            (
                "setStorage: sizes [{}], strides [{}], storage offset {:int}, and itemsize {:int} requiring "
                "a storage size of {:int} are out of bounds for storage of size 0"
            ),
            (
                "Function {:word} returned an invalid gradient at index {:int} - got [0] but expected shape "
                "compatible with"
            ),
            (
                "Given groups={:int}, expected weight to be at least 1 at dimension 0, but got weight of "
                "size [0] instead"
            ),
            "size mismatch, got input ({:int}), mat ({}), vec (0)",
            "weight should have at least three dimensions",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "padding-index-sharded",
        Advice(
            "an embedding was empty when its padding index was checked: ZeRO-3 or FSDP had sharded it",
            (
                (
                    "build or resize the model within deepspeed.zero.GatheredParameters, or with from_pretrained "
                    "under the Trainer's config"
                ),
            ),
        ),
        Advice(
            "检查 padding_idx 时 embedding 是空的：ZeRO-3 或 FSDP 已将其切分",
            ("在 deepspeed.zero.GatheredParameters 里创建或调整，或在 Trainer 配置下用 from_pretrained",),
        ),
        "https://deepspeed.readthedocs.io/en/latest/zero3.html",
        says=("Padding_idx must be within num_embeddings",),
        types=("AssertionError",),
        modules=("deepspeed",),
    ),
    Rule(
        "deepcopy-of-graph",
        Advice(
            "a tensor that is a result of the model (with a graph behind it) was to be copied by deepcopy",
            (
                (
                    "copy state_dict(), or detach() such tensors; a module must not keep results in its "
                    "attributes (weight_norm does)"
                ),
            ),
        ),
        Advice(
            "要对模型计算出的（带计算图的）张量做 deepcopy",
            ("复制 state_dict()，或先 detach()；模块属性里不要保存计算结果（weight_norm 会）",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.weight_norm.html",
        says=(
            ("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment"),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gradient-of-gradient",
        Advice(
            (
                "the operation {op} has no derivative here: a second derivative of a fused kernel, or an "
                "unsupported input"
            ),
            (
                (
                    "second derivatives of attention: torch.nn.attention.sdpa_kernel(SDPBackend.MATH), or "
                    "attn_implementation='eager'"
                ),
                "else run that part under torch.no_grad(), if it needs no gradient",
            ),
        ),
        Advice(
            "运算 {op} 在这里没有导数：融合 kernel 的二阶导，或不支持的输入",
            (
                "注意力的二阶导：torch.nn.attention.sdpa_kernel(SDPBackend.MATH)，或 attn_implementation='eager'",
                "否则在不需要梯度时把它放进 torch.no_grad()",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html",
        says=(
            "derivative for {op} is not implemented",
            "the derivative for '{op}' is not implemented",
        ),
        types=(
            "RuntimeError",
            "NotImplementedError",
        ),
    ),
)
