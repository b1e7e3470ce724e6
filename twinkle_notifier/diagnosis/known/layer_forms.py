"""Inputs that do not fit a layer, and lists that become no tensor."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "samples-not-stackable",
        Advice(
            "the samples of a batch differ in shape, so the DataLoader's worker cannot put them into one tensor",
            (
                "images: Resize or crop to one size, and .convert('RGB'); sequences: pad in a collate_fn",
                (
                    "print each sample's shape to find the odd one; arrays: torch.tensor(array) in place of "
                    "torch.from_numpy"
                ),
            ),
        ),
        Advice(
            "同一 batch 的样本形状不同，DataLoader worker 无法放进一个张量",
            (
                "图像：统一 Resize 或裁剪，并 .convert('RGB')；序列：在 collate_fn 里补齐",
                "打印每个样本的形状，找出不同的那个；数组用 torch.tensor(array) 代替 torch.from_numpy",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/data.html#working-with-collate-fn",
        says=("Trying to resize storage that is not resizable",),
        types=("RuntimeError",),
    ),
    Rule(
        "conv-dimensions",
        Advice(
            "a convolution got an input of shape [{shape}], with a number of dimensions that it does not take",
            (
                (
                    "images are [batch, channels, height, width]: x.unsqueeze(0) for a single one, flatten(0, 1) "
                    "for a batch of clips"
                ),
                "sequences are [batch, channels, length] for Conv1d",
            ),
        ),
        Advice(
            "卷积收到形状为 [{shape}] 的输入，维数不对",
            (
                "图像应为 [batch, 通道, 高, 宽]：单张用 x.unsqueeze(0)，多段视频用 flatten(0, 1)",
                "Conv1d 的序列应为 [batch, 通道, 长度]",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html",
        says=(
            ("Expected {:int}D (unbatched) or {:int}D (batched) input to {:word}, but got input of size: [{shape}]"),
            (
                "Expected {:int}-dimensional input for {:int}-dimensional weight [{}], but got "
                "{:int}-dimensional input of size [{shape}] instead"
            ),
            (
                "Expected {:int}-dimensional input for {:int}-dimensional weight {:int} {}, but got "
                "{:int}-dimensional input of size [{shape}] instead"
            ),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "conv-input-too-small",
        Advice(
            (
                "the input is smaller than the kernel or pool here: [{size}]; it shrank in the layers "
                "before, or the image is tiny"
            ),
            ("use larger images (or longer sequences), fewer pooling layers, or padding",),
        ),
        Advice(
            "输入比卷积核或池化窗口还小：[{size}]；前面的层把它缩小了，或图像太小",
            ("用更大的图像（或更长的序列）、更少的池化层，或加 padding",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html",
        says=(
            "Calculated padded input size per channel: ({size}). Kernel size: (",
            "Given input size: ({size}). Calculated output size: ({}). Output size is too small",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "norm-dimensions",
        Advice(
            "batch norm takes {want} input, and got {got}",
            (("print x.shape before it: a dimension is missing or one too many; BatchNorm1d, 2d and 3d take others"),),
        ),
        Advice(
            "batch norm 需要 {want} 输入，收到的是 {got}",
            ("在它之前打印 x.shape：少了或多了一维；BatchNorm1d、2d、3d 的输入维数不同",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        says=(
            "expected {want:word} input (got {got:word} input)",
            "expected {want} input (got {got:word} input)",
        ),
        types=("ValueError",),
    ),
    Rule(
        "rnn-input-size",
        Advice(
            "an RNN, LSTM or GRU was made for {want} features, and its input has {got}",
            ("set input_size={got}, or print x.shape: with batch_first=True it is [batch, time, features]",),
        ),
        Advice(
            "RNN、LSTM 或 GRU 的 input_size 是 {want}，而输入有 {got} 个特征",
            ("设 input_size={got}，或打印 x.shape：batch_first=True 时应为 [batch, 时间, 特征]",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html",
        says=("input.size(-1) must be equal to input_size. Expected {want:int}, got {got:int}",),
        types=("RuntimeError",),
    ),
    Rule(
        "batchnorm-one-value",
        Advice(
            "batch norm got one value per channel (shape [1, {shape}]): a training batch has a single sample",
            ("drop_last=True in the training DataLoader; with one sample per GPU use GroupNorm or SyncBatchNorm",),
        ),
        Advice(
            "batch norm 每个通道只有一个值（形状 [1, {shape}]）：训练 batch 里只有一个样本",
            ("训练的 DataLoader 设 drop_last=True；每张卡只有一个样本时用 GroupNorm 或 SyncBatchNorm",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
        says=(
            "Expected more than 1 value per channel when training, got input size [1, {shape}]",
            "Expected more than 1 value per channel when training, got input size torch.Size([1, {shape}])",
        ),
        types=("ValueError",),
    ),
    Rule(
        "lists-uneven",
        Advice(
            "lists that are to become one tensor differ in length: {one} and {other} in dimension {dim}",
            (
                (
                    "pad them: tokenizer(..., padding=True, truncation=True), or DataCollatorForSeq2Seq, which "
                    "pads labels too"
                ),
                "in own code: torch.nn.utils.rnn.pad_sequence()",
            ),
        ),
        Advice(
            "要变成一个张量的列表长度不同：第 {dim} 维分别是 {one} 和 {other}",
            (
                "补齐：tokenizer(..., padding=True, truncation=True)，或用会补齐 labels 的 DataCollatorForSeq2Seq",
                "自己的代码里用 torch.nn.utils.rnn.pad_sequence()",
            ),
        ),
        "https://huggingface.co/docs/transformers/pad_truncation",
        says=("expected sequence of length {one:int} at dim {dim:int} (got {other:int})",),
        types=("ValueError",),
    ),
    Rule(
        "array-uneven",
        Advice(
            "rows of different lengths were to become one NumPy array",
            ("pad or cut them to one length first, or pass dtype=object if they are to stay uneven",),
        ),
        Advice(
            "长度不同的行要变成一个 NumPy 数组",
            ("先补齐或截断到同一长度；如果本来就不等长，传 dtype=object",),
        ),
        "https://numpy.org/doc/stable/release/1.24.0-notes.html",
        says=("setting an array element with a sequence. The requested array has an inhomogeneous shape after",),
        types=("ValueError",),
    ),
    Rule(
        "tensor-of-text",
        Advice(
            "text or mixed objects were to become a tensor: a column of the batch holds no numbers",
            (
                (
                    "drop or encode that column: dataset.remove_columns([...]), remove_unused_columns=True; "
                    "labels as ids"
                ),
                "arrays: array.astype(np.float32) shows which value is no number",
            ),
        ),
        Advice(
            "要把文本或混合对象变成张量：batch 中某一列不是数字",
            (
                "去掉或编码该列：dataset.remove_columns([...])、remove_unused_columns=True；标签转成 id",
                "数组：array.astype(np.float32) 会指出哪个值不是数字",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.tensor.html",
        says=(
            "too many dimensions 'str'",
            "can't convert np.ndarray of type numpy.object_.",
            "can't convert np.ndarray of type numpy.str_.",
            "new(): invalid data type 'str'",
        ),
        types=(
            "ValueError",
            "TypeError",
        ),
    ),
    Rule(
        "tensor-truth-unclear",
        Advice(
            "a tensor with several elements stands where the code needs true or false",
            (
                (
                    "write x.any(), x.all() or x.numel() > 0, or `x is not None`; also tensors within `in` and "
                    "== of lists"
                ),
            ),
        ),
        Advice(
            "代码在需要真假值的地方用了含多个元素的张量",
            ("写 x.any()、x.all()、x.numel() > 0 或 `x is not None`；也包括 in 和列表 == 里的张量",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.any.html",
        says=("Boolean value of Tensor with more than one value is ambiguous",),
        types=("RuntimeError",),
    ),
)
