"""Losses, gradients, scalers and numbers that are not finite."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_DOCS = "https://docs.pytorch.org/docs/stable/"
_RUNTIME = ("RuntimeError",)
_CHECKPOINT = "torch.utils.checkpoint: "

RULES: tuple[Rule, ...] = (
    Rule(
        "labels-out-of-bounds",
        Advice(
            "a label is {label}, but the model's output has no class of that number (they count from 0)",
            (
                "make the last layer (num_labels, num_classes) as large as max(label) + 1, or renumber the labels",
                "to skip such samples, tokens or pixels: CrossEntropyLoss(ignore_index={label})",
            ),
        ),
        Advice(
            "有一个标签是 {label}，而模型输出里没有这个类别（从 0 开始计数）",
            (
                "把最后一层（num_labels、num_classes）设为 max(label) + 1，或重新编号标签",
                "要忽略这些样本、token 或像素：CrossEntropyLoss(ignore_index={label})",
            ),
        ),
        _DOCS + "generated/torch.nn.CrossEntropyLoss.html",
        says=("Target {label:int} is out of bounds.",),
        types=("IndexError",),
    ),
    Rule(
        "loss-batch-sizes",
        Advice(
            "the loss got {outputs} predictions for {targets} labels",
            ("print both shapes before the loss; view(-1, ...) in the model must not touch the batch dimension",),
        ),
        Advice(
            "loss 收到 {outputs} 个预测，却有 {targets} 个标签",
            ("在 loss 之前打印两者的形状；模型里的 view(-1, ...) 不能改变 batch 维",),
        ),
        _DOCS + "generated/torch.nn.CrossEntropyLoss.html",
        says=("Expected input batch_size ({outputs:int}) to match target batch_size ({targets:int}).",),
        types=("ValueError",),
    ),
    Rule(
        "loss-not-scalar",
        Advice(
            "backward() was called on a loss with more than one element",
            ("reduce it: loss.mean().backward(); look for reduction='none', or one loss per GPU of nn.DataParallel",),
        ),
        Advice(
            "对含多个元素的 loss 调用了 backward()",
            ("先归约：loss.mean().backward()；检查 reduction='none'，或 nn.DataParallel 每张卡各一个 loss",),
        ),
        _DOCS + "generated/torch.Tensor.backward.html",
        says=("grad can be implicitly created only for scalar outputs",),
        types=_RUNTIME,
    ),
    Rule(
        "gradient-not-required",
        Advice(
            "the loss depends on no parameter with requires_grad: all are frozen, or the graph was cut",
            (
                "LoRA with gradient checkpointing: model.enable_input_require_grads(), or use_reentrant=False",
                "check that parameters are trainable: PeftModel.from_pretrained(..., is_trainable=True)",
                "look for detach(), .item(), torch.no_grad() or argmax between the model and the loss",
            ),
        ),
        Advice(
            "loss 不依赖任何需要梯度的参数：参数全部冻结，或计算图被断开了",
            (
                "LoRA 加 gradient checkpointing：调用 model.enable_input_require_grads()，或设 use_reentrant=False",
                "确认有可训练参数：PeftModel.from_pretrained(..., is_trainable=True)",
                "检查模型到 loss 之间有没有 detach()、.item()、torch.no_grad() 或 argmax",
            ),
        ),
        "https://github.com/huggingface/transformers/issues/42489",
        says=(
            "element {:int} of tensors does not require grad and does not have a grad_fn",
            "none of output has requires_grad=True, this checkpoint() is not necessary",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "graph-used-twice",
        Advice(
            "backward() ran a second time through a graph that the first call had freed",
            (
                "detach what is carried from one step to the next: hidden = hidden.detach(), total += loss.item()",
                "two losses on one graph: add them and call backward() once",
            ),
        ),
        Advice(
            "backward() 第二次经过已经被释放的计算图",
            (
                "跨 step 保留的张量要 detach：hidden = hidden.detach()，total += loss.item()",
                "同一计算图上的两个 loss：相加后只调用一次 backward()",
            ),
        ),
        _DOCS + "notes/autograd.html",
        says=("Trying to backward through the graph a second time",),
        types=_RUNTIME,
    ),
    Rule(
        "gradient-inplace-change",
        Advice(
            "a tensor that backward() needs was changed in place, or by an optimizer step before backward()",
            (
                "torch.autograd.set_detect_anomaly(True) shows the operation; then write x = x + y, not x += y",
                "several optimizers (GAN): do every backward() before the first step()",
                "DDP with two forward passes per step: DistributedDataParallel(..., broadcast_buffers=False)",
            ),
        ),
        Advice(
            "backward() 需要的张量被原地修改了，或在 backward() 之前被 optimizer.step() 改了",
            (
                "用 torch.autograd.set_detect_anomaly(True) 找到该运算，再把 x += y 改成 x = x + y",
                "多个 optimizer（GAN）：先做完所有 backward()，再调用第一个 step()",
                "DDP 每步两次前向：DistributedDataParallel(..., broadcast_buffers=False)",
            ),
        ),
        _DOCS + "notes/autograd.html#in-place-operations-with-autograd",
        says=("one of the variables needed for gradient computation has been modified by an inplace operation: ",),
        types=_RUNTIME,
    ),
    Rule(
        "parameter-inplace-change",
        Advice(
            "a parameter that requires gradients was changed in place outside torch.no_grad()",
            ("put the change (init, EMA, clamp of weights) into 'with torch.no_grad():'; clone() an input first",),
        ),
        Advice(
            "在 torch.no_grad() 之外原地修改了需要梯度的参数",
            ("把修改（初始化、EMA、权重裁剪）放进 with torch.no_grad(): 里；如果是输入，先 clone()",),
        ),
        _DOCS + "notes/autograd.html#in-place-operations-with-autograd",
        says=(
            "a leaf Variable that requires grad is being used in an in-place operation",
            "a view of a leaf Variable that requires grad is being used in an in-place operation",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "checkpoint-recompute-zero3",
        Advice(
            "under DeepSpeed ZeRO-3 the recomputed forward pass met a parameter that was released (shape [0])",
            ("set gradient_checkpointing_kwargs={'use_reentrant': True}; with LoRA also enable_input_require_grads()",),
        ),
        Advice(
            "DeepSpeed ZeRO-3 下，重计算前向时有参数已被释放（形状 [0]）",
            ("设 gradient_checkpointing_kwargs={'use_reentrant': True}；LoRA 还要调用 enable_input_require_grads()",),
        ),
        "https://github.com/deepspeedai/DeepSpeed/pull/8148",
        says=(_CHECKPOINT + "Recomputed values for the following tensors have different metadata",),
        also=("recomputed metadata: {'shape': torch.Size([0])",),
        modules=("deepspeed",),
        types=("CheckpointError", "RuntimeError"),
    ),
    Rule(
        "checkpoint-recompute-differs",
        Advice(
            "gradient checkpointing ran the forward pass again, and it gave other tensors than the first time",
            (
                "make it repeatable: use_cache=False, no counters or changing shapes, the same autocast in both",
                "torch.utils.checkpoint.set_checkpoint_debug_enabled(True) lists the operations of both runs",
            ),
        ),
        Advice(
            "gradient checkpointing 重算前向时，得到的张量与第一次不同",
            (
                "让前向可重复：use_cache=False，不用计数器或变化的形状，两次处于相同的 autocast",
                "用 torch.utils.checkpoint.set_checkpoint_debug_enabled(True) 列出两次的运算",
            ),
        ),
        _DOCS + "checkpoint.html",
        says=(
            _CHECKPOINT + "Recomputed values for the following tensors have different metadata",
            _CHECKPOINT + "A different number of tensors was saved during the original forward and recomputation",
            _CHECKPOINT + "trying to save more tensors during recomputation than during the original forward pass",
        ),
        types=("CheckpointError", "RuntimeError"),
    ),
    Rule(
        "scaler-float16-weights",
        Advice(
            "the trainable weights are float16, but a gradient scaler needs them in float32",
            (
                "load with dtype=torch.float32 or bfloat16, and let fp16=True or autocast do the casting",
                "LoRA on a float16 model: cast trainable parameters with param.data = param.data.float()",
            ),
        ),
        Advice(
            "可训练权重是 float16，而 GradScaler 需要 float32 的权重",
            (
                "用 dtype=torch.float32 或 bfloat16 加载，由 fp16=True 或 autocast 负责转换",
                "float16 模型上的 LoRA：用 param.data = param.data.float() 转换可训练参数",
            ),
        ),
        "https://huggingface.co/docs/peft/developer_guides/troubleshooting",
        says=("Attempting to unscale FP16 gradients.",),
        types=("ValueError",),
    ),
    Rule(
        "scaler-called-twice",
        Advice(
            "the gradient scaler's unscale_() or step() ran twice for one optimizer before update()",
            (
                "per optimizer step: backward() of all micro-batches, then once unscale_(), clip, step(), update()",
                "Accelerate: clip with accelerator.clip_grad_norm_() only if accelerator.sync_gradients",
            ),
        ),
        Advice(
            "同一个 optimizer 在 update() 之前两次调用了 GradScaler 的 unscale_() 或 step()",
            (
                "每个优化步：先对所有 micro-batch backward()，再依次 unscale_()、裁剪、step()、update()，各一次",
                "Accelerate：只在 accelerator.sync_gradients 时调用 accelerator.clip_grad_norm_()",
            ),
        ),
        _DOCS + "notes/amp_examples.html",
        says=(
            "unscale_() has already been called on this optimizer since the last update().",
            "unscale_() is being called after step().",
            "step() has already been called since the last update().",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "scaler-no-gradients",
        Advice(
            "the gradient scaler found no gradients: the optimizer's parameters took no part in the scaled loss",
            (
                "call scaler.scale(loss).backward() before scaler.step(), and zero_grad() only after it",
                "check that the optimizer holds the parameters of this model, and that they are not frozen",
            ),
        ),
        Advice(
            "GradScaler 没有找到梯度：optimizer 里的参数没有参与缩放后的 loss",
            (
                "先 scaler.scale(loss).backward()，再 scaler.step()，之后才 zero_grad()",
                "确认 optimizer 里是这个模型的参数，并且没有被冻结",
            ),
        ),
        _DOCS + "notes/amp_examples.html",
        says=("No inf checks were recorded for this optimizer.", "No inf checks were recorded prior to update."),
        types=("AssertionError",),
    ),
    Rule(
        "numbers-not-finite",
        Advice(
            "the model's numbers are NaN or inf: the training diverged, or float16 overflowed",
            (
                "find the first step with a NaN loss; go back to a checkpoint before it with a lower learning rate",
                "use bfloat16 instead of float16, and clip gradients (max_norm=1.0)",
                "check the data of that step: empty samples, log(0), division by 0, labels all ignored",
            ),
        ),
        Advice(
            "模型的数值是 NaN 或 inf：训练发散，或 float16 溢出",
            (
                "找到第一个 loss 为 NaN 的 step，从它之前的 checkpoint 以更低的学习率重新开始",
                "用 bfloat16 代替 float16，并裁剪梯度（max_norm=1.0）",
                "检查那一步的数据：空样本、log(0)、除以 0、标签全部被忽略",
            ),
        ),
        _DOCS + "generated/torch.nn.utils.clip_grad_norm_.html",
        says=(
            "The total norm of order {:number} for gradients from `parameters` is non-finite, so it cannot be clipped.",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "probabilities-invalid",
        Advice(
            "the probabilities to sample from hold NaN, inf or a negative number",
            (
                "negative: these are logits or scores: apply softmax(dim=-1) first",
                "NaN or inf: bfloat16 in place of float16; check that weights and last losses are finite",
            ),
        ),
        Advice(
            "用于采样的概率中有 NaN、inf 或负数",
            ("负数：那是 logits 或分数，先做 softmax(dim=-1)", "NaN 或 inf：用 bfloat16 代替 float16；检查权重和 loss"),
        ),
        _DOCS + "generated/torch.multinomial.html",
        says=("probability tensor contains either `inf`, `nan` or element < 0",),
        types=_RUNTIME,
    ),
    Rule(
        "distribution-of-nan",
        Advice(
            "the network's output `{name}` for a probability distribution is NaN: the training diverged",
            (
                "find the first step with a NaN loss; lower the learning rate and clip gradients (max_norm=1.0)",
                "check observations and rewards for NaN or very large values, and normalize them",
            ),
        ),
        Advice(
            "网络给概率分布的参数 `{name}` 是 NaN：训练已经发散",
            (
                "找到第一个 loss 为 NaN 的 step；降低学习率并裁剪梯度（max_norm=1.0）",
                "检查 observation 和 reward 里有没有 NaN 或极大的值，并做归一化",
            ),
        ),
        _DOCS + "distributions.html",
        says=("Expected parameter {name:word} (Tensor of shape ",),
        also=("tensor({}nan",),
        types=("ValueError",),
    ),
    Rule(
        "anomaly-found-nan",
        Advice(
            "the backward pass of {operation} gave NaN",
            (
                "the traceback that the log shows above this error names the forward line; mend its input there",
                "typical: sqrt(0), log(0), 0/0, norm() of zeros: add an epsilon, or clamp(min=1e-8)",
            ),
        ),
        Advice(
            "{operation} 的反向计算得到 NaN",
            (
                "日志里此错误上方的 traceback 指出了前向的那一行，在那里修正输入",
                "常见：sqrt(0)、log(0)、0/0、对零向量取 norm()：加 epsilon 或 clamp(min=1e-8)",
            ),
        ),
        _DOCS + "autograd.html#anomaly-detection",
        says=("Function '{operation:word}' returned nan values in its {:int}th output.",),
        types=_RUNTIME,
    ),
)
