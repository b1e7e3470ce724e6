"""Labels and classes."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "labels-outside-classes",
        Advice(
            "a label is negative, or not smaller than the number of classes of the output",
            (
                ("print labels.min() and labels.max(): they count from 0; set num_labels to max + 1, or renumber them"),
                "to skip some: CrossEntropyLoss(ignore_index=...)",
            ),
        ),
        Advice(
            "标签为负，或不小于输出的类别数",
            (
                "打印 labels.min() 和 labels.max()：从 0 计数；把 num_labels 设为 max + 1，或重新编号",
                "要忽略某些标签：CrossEntropyLoss(ignore_index=...)",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        says=(
            "Assertion `cur_target >= 0 && cur_target < n_classes' failed.",
            "Assertion `t >= 0 && t < n_classes` failed.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "embedding-id-old-words",
        Advice(
            "id {id} is too large for its embedding table of {rows} rows: a token id, or a position",
            (
                (
                    "after adding tokens: model.resize_token_embeddings(len(tokenizer)); take tokenizer and "
                    "model from one checkpoint"
                ),
                "positions: truncate the text to the model's maximum length",
            ),
        ),
        Advice(
            "id {id} 超出了 embedding 表的 {rows} 行：token id 或位置",
            (
                "新增 token 后：model.resize_token_embeddings(len(tokenizer))；tokenizer 与模型来自同一 checkpoint",
                "位置：把文本截断到模型的最大长度",
            ),
        ),
        "https://huggingface.co/docs/transformers/main_classes/model",
        says=("index out of range: Tried to access index {id:int} out of table with {rows:int} rows.",),
        types=(
            "RuntimeError",
            "IndexError",
        ),
    ),
    Rule(
        "loss-class-weights",
        Advice(
            "the class weights of the loss have shape [{got}], but the output has {classes} classes",
            ("give one weight for each output class: weight=torch.ones({classes})",),
        ),
        Advice(
            "loss 的类别权重形状是 [{got}]，而输出有 {classes} 个类别",
            ("每个输出类别一个权重：weight=torch.ones({classes})",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        says=(
            (
                "weight tensor should be defined either for all {classes:int} classes or no classes but got "
                "weight tensor of shape: [{got}]"
            ),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "labels-mask-has-channels",
        Advice(
            (
                "the masks for this loss must be [batch, height, width] with class numbers, and they have "
                "more dimensions"
            ),
            (
                (
                    "squeeze a channel of one: mask.squeeze(1); an RGB mask must first become class numbers; "
                    "one-hot: argmax(dim=1)"
                ),
            ),
        ),
        Advice(
            "该 loss 的 mask 应为 [batch, 高, 宽] 的类别号，而现在维数更多",
            ("单通道用 mask.squeeze(1)；RGB mask 先转成类别号；one-hot 用 argmax(dim=1)",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        says=(
            "only batches of spatial targets supported (3D tensors) but got targets of size",
            "only batches of spatial targets supported (non-empty 3D tensors) but got targets of size",
            "only batches of spatial targets supported (non-empty 3D tensors) but got targets of dimension",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "metric-average",
        Advice(
            ("a metric for two classes was asked for more: the labels are {kind}, and average='binary' is the default"),
            ("pass average='macro', 'micro' or 'weighted' to f1_score, precision_score or recall_score",),
        ),
        Advice(
            "对多类标签用了二分类指标：标签是 {kind}，而默认 average='binary'",
            ("给 f1_score、precision_score、recall_score 传 average='macro'、'micro' 或 'weighted'",),
        ),
        "https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html",
        says=("Target is {kind:word} but average='binary'.",),
        types=("ValueError",),
    ),
    Rule(
        "metric-targets-mixed",
        Advice(
            (
                "a metric got {one} and {other} targets: predictions as probabilities or logits, where "
                "classes are needed"
            ),
            ("make classes of the predictions first: logits.argmax(-1), or (probability > 0.5).astype(int)",),
        ),
        Advice(
            "指标同时收到 {one} 和 {other} 的目标：需要类别时传了概率或 logits",
            ("先把预测变成类别：logits.argmax(-1)，或 (probability > 0.5).astype(int)",),
        ),
        "https://scikit-learn.org/stable/modules/model_evaluation.html",
        says=("Classification metrics can't handle a mix of {one:word} and {other:word} targets",),
        types=("ValueError",),
    ),
)
