"""Losses, optimizers and schedulers."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_DOCS = "https://docs.pytorch.org/docs/stable/"
_RUNTIME = ("RuntimeError",)

RULES: tuple[Rule, ...] = (
    Rule(
        "labels-one-dimension-too-many",
        Advice(
            "the labels have one dimension too many: this loss takes one class number per sample",
            ("labels of shape (N, 1): labels.squeeze(1); several labels per sample: BCEWithLogitsLoss, float labels",),
        ),
        Advice(
            "标签多了一维：该 loss 需要每个样本一个类别编号",
            ("形状 (N, 1) 的标签：labels.squeeze(1)；每个样本多个标签：BCEWithLogitsLoss 加浮点标签",),
        ),
        _DOCS + "generated/torch.nn.CrossEntropyLoss.html",
        says=(
            "0D or 1D target tensor expected, multi-target not supported",
            "1D target tensor expected, multi-target not supported",
            "only batches of spatial targets supported (3D tensors) but got targets of dimension: 4",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "labels-one-hot-integers",
        Advice(
            "labels of the logits' shape count as probabilities, but these are integers ({found})",
            ("one-hot labels: labels.argmax(1), or labels.float(); several labels per sample: BCEWithLogitsLoss",),
        ),
        Advice(
            "与 logits 同形状的标签会被当作概率，而它们是整数（{found}）",
            ("one-hot 标签：labels.argmax(1) 或 labels.float()；每个样本多个标签：BCEWithLogitsLoss",),
        ),
        _DOCS + "generated/torch.nn.CrossEntropyLoss.html",
        says=("Expected floating point type for target with class probabilities, got {found:word}",),
        types=_RUNTIME,
    ),
    Rule(
        "loss-classes-not-second",
        Advice(
            "cross_entropy takes the classes in dimension 1; the other dimensions of logits and labels differ",
            ("for logits (N, length, classes): logits.transpose(1, 2), or logits.flatten(0, 1) with labels.flatten()",),
        ),
        Advice(
            "cross_entropy 要求类别在第 1 维，而 logits 的其余维度与标签不符",
            ("logits 为 (N, 长度, 类别) 时：logits.transpose(1, 2)，或 logits.flatten(0, 1) 配 labels.flatten()",),
        ),
        _DOCS + "generated/torch.nn.CrossEntropyLoss.html",
        says=("Expected target size [{:int}, {:int}], got [{:int}, {:int}]",),
        types=_RUNTIME,
    ),
    Rule(
        "bce-input-not-probability",
        Advice(
            "BCELoss got predictions that are no probabilities: logits without a sigmoid, or NaN",
            (
                "pass the logits to BCEWithLogitsLoss instead, and drop the sigmoid",
                "if there is a sigmoid, the model's output is NaN: look for the first step with a NaN loss",
            ),
        ),
        Advice(
            "BCELoss 的输入不是概率：logits 没有经过 sigmoid，或是 NaN",
            (
                "改用 BCEWithLogitsLoss，直接传 logits，去掉 sigmoid",
                "如果已有 sigmoid，说明模型输出是 NaN：找出第一个 loss 为 NaN 的 step",
            ),
        ),
        _DOCS + "generated/torch.nn.BCEWithLogitsLoss.html",
        says=("all elements of input should be between 0 and 1",),
        types=_RUNTIME,
    ),
    Rule(
        "one-hot-classes",
        Advice(
            "one_hot() got a label that is negative or not below num_classes",
            ("print labels.min() and labels.max(); num_classes must be max + 1; mask out -1, -100 or 255 before",),
        ),
        Advice(
            "one_hot() 收到负数标签，或不小于 num_classes 的标签",
            ("打印 labels.min() 和 labels.max()；num_classes 应为最大值 + 1；先去掉 -1、-100 或 255",),
        ),
        _DOCS + "generated/torch.nn.functional.one_hot.html",
        says=("Class values must be smaller than num_classes.", "Class values must be non-negative."),
        types=_RUNTIME,
    ),
    Rule(
        "optimizer-no-parameters",
        Advice(
            "the optimizer got no parameters: all are filtered out as frozen, or the list was a used-up generator",
            (
                "print sum(p.requires_grad for p in model.parameters()); unfreeze some, or attach the adapter first",
                "keep layers in nn.ModuleList, not in a list; wrap a filter() that is used twice in list()",
            ),
        ),
        Advice(
            "optimizer 没有得到任何参数：参数都因冻结被过滤，或生成器已经用完",
            (
                "打印 sum(p.requires_grad for p in model.parameters())；解冻一部分，或先挂上 adapter",
                "层要放进 nn.ModuleList 而不是 list；用两次的 filter() 请包成 list()",
            ),
        ),
        _DOCS + "optim.html",
        says=("optimizer got an empty parameter list",),
        types=("ValueError",),
    ),
    Rule(
        "optimizer-other-parameters",
        Advice(
            "the optimizer state in the checkpoint is of other parameters than this optimizer has",
            (
                "resume with the same model, frozen layers and parameter groups as the run that saved it",
                "or load the weights only, and start with a new optimizer (no resume_from_checkpoint)",
            ),
        ),
        Advice(
            "checkpoint 里的 optimizer 状态与当前 optimizer 的参数不一致",
            (
                "用与保存时相同的模型、冻结设置和 parameter group 恢复训练",
                "或只加载权重，用新的 optimizer 开始（不用 resume_from_checkpoint）",
            ),
        ),
        _DOCS + "generated/torch.optim.Optimizer.load_state_dict.html",
        says=(
            "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
            "loaded state dict has a different number of parameter groups",
        ),
        types=("ValueError",),
    ),
    Rule(
        "optimizer-parameters-twice",
        Advice(
            "a parameter is in two groups of the optimizer: the groups overlap, or weights are tied",
            ("build the groups from one pass over model.named_parameters(): each parameter into one group",),
        ),
        Advice(
            "同一个参数出现在 optimizer 的两个 group 里：分组重叠，或权重是绑定的",
            ("遍历一次 model.named_parameters() 来分组：每个参数只进一个 group",),
        ),
        _DOCS + "optim.html#per-parameter-options",
        says=("some parameters appear in more than one parameter group",),
        types=("ValueError",),
    ),
    Rule(
        "scheduler-out-of-steps",
        Advice(
            "OneCycleLR was made for {total} steps, and step {step} was asked of it",
            (
                "total_steps = epochs * steps per epoch; with a step() per epoch give total_steps=epochs",
                "after a resume with more epochs make the scheduler anew instead of loading its state",
            ),
        ),
        Advice(
            "OneCycleLR 设定了 {total} 步，却被要求走第 {step} 步",
            (
                "total_steps = epoch 数 * 每个 epoch 的步数；每个 epoch 才 step() 时写 total_steps=epochs",
                "恢复训练并加了 epoch 时，重新创建 scheduler，不要加载它的状态",
            ),
        ),
        _DOCS + "generated/torch.optim.lr_scheduler.OneCycleLR.html",
        says=("Tried to step {step:int} times. The specified number of total steps is {total:int}",),
        types=("ValueError",),
    ),
    Rule(
        "bce-shapes-differ",
        Advice(
            "binary cross entropy needs equal shapes, but the predictions are [{outputs}] and the labels [{labels}]",
            ("predictions (N, 1): logits.squeeze(1) or labels.unsqueeze(1); several classes: CrossEntropyLoss",),
        ),
        Advice(
            "二元交叉熵的预测形状是 [{outputs}]，标签形状是 [{labels}]，两者必须相同",
            ("预测为 (N, 1)：logits.squeeze(1) 或 labels.unsqueeze(1)；多个类别：CrossEntropyLoss",),
        ),
        _DOCS + "generated/torch.nn.BCEWithLogitsLoss.html",
        says=(
            "Target size (torch.Size([{labels}])) must be the same as input size (torch.Size([{outputs}]))",
            "Using a target size (torch.Size([{labels}])) that is different to the input size (torch.Size([{outputs}]",
        ),
        types=("ValueError",),
    ),
    Rule(
        "integer-tensor-takes-floats",
        Advice(
            "a {target} tensor was to take {result} numbers: targets of BCEWithLogitsLoss, or an in-place operation",
            ("cast that tensor to float first: labels.float(); or write x = x * 0.5 instead of x *= 0.5",),
        ),
        Advice(
            "要把 {result} 结果写进 {target} 张量：BCEWithLogitsLoss 的标签，或原地运算",
            ("先转成浮点：labels.float()；或把 x *= 0.5 写成 x = x * 0.5",),
        ),
        _DOCS + "tensor_attributes.html",
        says=("result type {result:word} can't be cast to the desired output type {target:word}",),
        types=_RUNTIME,
    ),
    Rule(
        "scaler-bf16-gradients",
        Advice(
            "a gradient scaler (fp16 AMP) got gradients in bf16, which it cannot unscale",
            (
                "train in bf16 without a scaler: bf16=True in place of fp16=True, or GradScaler(enabled=False)",
                "or keep the trained weights in fp32, and let autocast choose float16",
            ),
        ),
        Advice(
            "梯度缩放器（fp16 AMP 的 GradScaler）收到了 bf16 梯度，无法 unscale",
            (
                "用 bf16 训练且不用 scaler：bf16=True 代替 fp16=True，或 GradScaler(enabled=False)",
                "或让被训练的权重保持 fp32，由 autocast 使用 float16",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/127176",
        says=(
            "\"_amp_foreach_non_finite_check_and_unscale_cuda\" not implemented for 'BFloat16'",
            "\"_amp_non_finite_check_and_unscale_cuda\" not implemented for 'BFloat16'",
        ),
        types=_RUNTIME,
    ),
)
