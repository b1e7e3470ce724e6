"""Shapes that do not fit."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "tensor-expand",
        Advice(
            "a tensor of sizes [{have}] was to be expanded or copied to [{want}], which does not fit",
            (
                "print both shapes where the traceback ends: unsqueeze() a missing dimension, permute() a wrong one",
                "if only an epoch's last batch fails: drop_last=True, or take the batch size from x.size(0)",
            ),
        ),
        Advice(
            "形状为 [{have}] 的张量要扩展或复制到 [{want}]，无法匹配",
            (
                "在 traceback 最后一行打印两个形状：缺一维用 unsqueeze()，顺序不对用 permute()",
                "如果只有 epoch 的最后一个 batch 报错：设 drop_last=True，或用 x.size(0) 取 batch 大小",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.expand.html",
        says=(
            (
                "The expanded size of the tensor ({:int}) must match the existing size ({:int}) at "
                "non-singleton dimension {:int}.  Target sizes: [{want}].  Tensor sizes: [{have}]"
            ),
            (
                "The expanded size of the tensor ({:int}) must match the existing size ({:int}) at "
                "non-singleton dimension {:int}. Target sizes: [{want}]. Tensor sizes: [{have}]"
            ),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-matmul-shapes",
        Advice(
            "a layer takes {wants} features, but its input has {got} in the last dimension",
            ("print x.shape before that layer; set its in_features={got}, or use torch.flatten(x, 1) before it",),
        ),
        Advice(
            "网络层需要 {wants} 个特征，而输入最后一维是 {got}",
            ("在该层之前打印 x.shape；把 in_features 设为 {got}，或先用 torch.flatten(x, 1)",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html",
        says=(
            "size mismatch, m1: [{:int} x {got:int}], m2: [{wants:int} x {:int}]",
            "linear(): input and weight.T shapes cannot be multiplied ({:int}x{got:int} and {wants:int}x{:int})",
            "a and b must have same reduction dim, but got [{:int}, {got:int}] X [{wants:int}, {:int}]",
            "mat1 and mat2 shapes cannot be multiplied ({:int}x{got:int} and {wants:int}x{:int})",
        ),
        types=("RuntimeError",),
        when=("wants > 1",),  # 1: a packed 4-bit weight
    ),
    Rule(
        "tensor-matmul-unnamed",
        Advice(
            "two matrices are multiplied whose inner dimensions differ",
            ("print both shapes where the traceback ends: transpose one, or set in_features to what comes in",),
        ),
        Advice(
            "相乘的两个矩阵内侧维度不同",
            ("在 traceback 最后一行打印两个形状：转置其中一个，或把 in_features 设为实际输入",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.matmul.html",
        says=(
            "mat1 dim 1 must match mat2 dim 0",
            "size mismatch, got {}, {}, {}",
            "size mismatch, got input ({:int}), mat ({}), vec ({})",
            "Expected size for first two dimensions of batch2 tensor to be: [",
            "batch1 and batch2 must have same number of batches",
            "Expected batch2_sizes[0] == bs && batch2_sizes[1] == contraction_size to be true",
        ),
        unless=("size mismatch, got input ({:int}), mat ({}), vec (0)",),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-cat-old-words",
        Advice(
            (
                "tensors with sizes {one} and {other} in dimension {at} were to be joined by torch.cat along "
                "dimension {dim}"
            ),
            (
                (
                    "print the shapes in the list; in a U-Net pad the images to a multiple of 2**levels, or crop "
                    "the skips"
                ),
            ),
        ),
        Advice(
            "torch.cat 沿第 {dim} 维拼接时，第 {at} 维的大小分别是 {one} 和 {other}",
            ("打印列表里各张量的形状；U-Net 可把图像补齐到 2**层数 的倍数，或裁剪 skip connection",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.cat.html",
        says=(
            (
                "Sizes of tensors must match except in dimension {dim:int}. Got {one:int} and {other:int} in "
                "dimension {at:int}"
            ),
            (
                "torch.cat(): Sizes of tensors must match except in dimension {dim:int}. Got {one:int} and "
                "{other:int} in dimension {at:int}"
            ),
            (
                "invalid argument 0: Sizes of tensors must match except in dimension {dim:int}. Got "
                "{one:int} and {other:int} in dimension {at:int}"
            ),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-cat-dimensions",
        Advice(
            "tensors with {one} and {other} dimensions were to be joined by torch.cat",
            ("print the shapes in the list, and unsqueeze() the one with fewer dimensions",),
        ),
        Advice(
            "torch.cat 要拼接的张量分别有 {one} 维和 {other} 维",
            ("打印列表里各张量的形状，对维数少的用 unsqueeze()",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.cat.html",
        says=("Tensors must have same number of dimensions: got {one:int} and {other:int}",),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-stack-sizes",
        Advice(
            ("tensors that are to be stacked differ in shape: [{one}] and [{other}]; often the samples of a batch"),
            (
                "images: Resize or crop to one size, and .convert('RGB'); sequences: pad_sequence() in a collate_fn",
                "print each sample's shape to find the odd one",
            ),
        ),
        Advice(
            "要堆叠的张量形状不同：[{one}] 和 [{other}]；多为同一 batch 的样本",
            (
                "图像：统一 Resize 或裁剪，并 .convert('RGB')；序列：在 collate_fn 里用 pad_sequence()",
                "打印每个样本的形状，找出不同的那个",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.stack.html",
        says=(("stack expects each tensor to be equal size, but got [{one}] at entry {:int} and [{other}] at entry "),),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-dimension-missing",
        Advice(
            "the code names dimension {dim} of a tensor that has only those from {low} to {high}",
            (
                (
                    "print the tensor's shape where the traceback ends: a batch or channel dimension is missing "
                    "(unsqueeze, no squeeze)"
                ),
                "squeeze() also drops a batch of one: name its dimension, squeeze(-1)",
            ),
        ),
        Advice(
            "代码使用了张量的第 {dim} 维，而它只有 {low} 到 {high}",
            (
                "在 traceback 最后一行打印该张量的形状：缺少 batch 或通道维（用 unsqueeze，不要 squeeze）",
                "squeeze() 会把大小为 1 的 batch 维也去掉：写明维度，如 squeeze(-1)",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.squeeze.html",
        says=("Dimension out of range (expected to be in range of [{low:int}, {high:int}], but got {dim:int})",),
        types=("IndexError",),
    ),
    Rule(
        "tensor-view-strides",
        Advice(
            "view() was called on a tensor that is not contiguous (after permute, transpose or a slice)",
            ("write .reshape(...) in place of .view(...), or .contiguous() before it",),
        ),
        Advice(
            "对不连续的张量（permute、transpose 或切片之后）调用了 view()",
            ("用 .reshape(...) 代替 .view(...)，或先 .contiguous()",),
        ),
        "https://docs.pytorch.org/docs/stable/tensor_view.html",
        says=("view size is not compatible with input tensor's size and stride",),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-inplace-broadcast",
        Advice(
            (
                "an in-place operation would make its tensor of [{have}] larger, to [{want}]: often gray "
                "images and RGB statistics"
            ),
            (
                "images: .convert('RGB'), or Normalize with one mean and one std for a single channel",
                "elsewhere write x = x + y, not x += y",
            ),
        ),
        Advice(
            "原地运算要把 [{have}] 的张量变大到 [{want}]：多为灰度图配了 RGB 的均值方差",
            (
                "图像：.convert('RGB')，或单通道用一个 mean、一个 std 的 Normalize",
                "其他情况把 x += y 写成 x = x + y",
            ),
        ),
        "https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html",
        says=("output with shape [{have}] doesn't match the broadcast shape [{want}]",),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-index-shapes",
        Advice(
            "values of shape [{have}] were to be written to places of shape [{want}]",
            (
                (
                    "print both shapes; with images or audio, the number of placeholder tokens must be that of "
                    "the features"
                ),
                "truncation may have cut placeholder tokens: raise max_length",
            ),
        ),
        Advice(
            "要把形状为 [{have}] 的值写入形状为 [{want}] 的位置",
            (
                "打印两个形状；多模态时占位 token 数必须等于特征数",
                "截断可能切掉了占位 token：调大 max_length",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html",
        says=(
            ("shape mismatch: value tensor of shape [{have}] cannot be broadcast to indexing result of shape [{want}]"),
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "einsum-sizes",
        Advice(
            "einsum: subscript {name} has size {one} in one operand and {other} in another",
            (
                (
                    "print the operands' shapes where the traceback ends: one is transposed, or a mask or head "
                    "count does not fit"
                ),
            ),
        ),
        Advice(
            "einsum 的下标 {name} 在一个操作数里是 {one}，在另一个里是 {other}",
            ("在 traceback 最后一行打印各操作数的形状：可能转置错了，或 mask、head 数不匹配",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.einsum.html",
        says=(
            (
                "einsum(): subscript {name:word} has size {one:int} for operand {:int} which does not "
                "broadcast with previously seen size {other:int}"
            ),
        ),
        types=("RuntimeError",),
    ),
)
