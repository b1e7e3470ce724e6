"""Shapes, dtypes and devices."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_DOCS = "https://docs.pytorch.org/docs/stable/"
_RUNTIME = ("RuntimeError",)
_DEVICES = "Expected all tensors to be on the same device, but "
_SAME = "mat1 and mat2 must have the same dtype, but got "
_SIZES = "The size of tensor a "
_M1 = "expected m1 and m2 to have the same dtype, but got: "

RULES: tuple[Rule, ...] = (
    Rule(
        "tensor-without-data",
        Advice(
            "a parameter is on the meta device: its weights were never loaded, or are offloaded",
            ("look for missing or newly initialized weights in the log; call no .to() on a model with a device_map",),
        ),
        Advice(
            "有参数还在 meta 设备上：权重没有加载，或被 offload 了",
            ("在日志里找缺失的或新初始化的权重；带 device_map 的模型不要再调用 .to()",),
        ),
        _DOCS + "meta.html",
        says=(
            "Cannot copy out of meta tensor; no data!",
            "Tensor on device meta is not on the expected device ",
            "Tensor on device {} is not on the expected device meta!",
            _DEVICES + "found at least two devices, meta and ",
            _DEVICES + "found at least two devices, {:word} and meta!",
            _DEVICES + "found at least two devices, cuda:{:int} and meta!",
            _DEVICES + "got {:word} is on meta, different from other tensors on ",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "tensors-on-two-gpus",
        Advice(
            "tensors of one operation are on GPU {one} and GPU {other}: a rank uses another's, or the model is split",
            ("torchrun: torch.cuda.set_device(int(os.environ['LOCAL_RANK'])) first; no device_map='auto' with DDP",),
        ),
        Advice(
            "同一运算的张量在 GPU {one} 和 GPU {other} 上：某个 rank 用了别人的 GPU，或模型被拆分了",
            ("torchrun：先 torch.cuda.set_device(int(os.environ['LOCAL_RANK']))；DDP 不用 device_map='auto'",),
        ),
        _DOCS + "notes/cuda.html",
        says=(
            _DEVICES + "found at least two devices, cuda:{one:int} and cuda:{other:int}!",
            _DEVICES + "got {:word} is on cuda:{one:int}, different from other tensors on cuda:{other:int} ",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "tensor-double-precision",
        Advice(
            "a tensor is float64 and the model float32: most often it came from NumPy, whose default is float64",
            ("convert it: x.float(), or array.astype(np.float32) before torch.from_numpy()",),
        ),
        Advice(
            "张量是 float64，模型是 float32：多半来自 NumPy，其默认类型是 float64",
            ("转换类型：x.float()，或在 torch.from_numpy() 之前用 array.astype(np.float32)",),
        ),
        _DOCS + "generated/torch.from_numpy.html",
        says=(
            _SAME + "Double and Float",
            _M1 + "double != float",
            "expected scalar type Float but found Double",
            "Input type (double) and bias type (float) should be the same",
            "Input type (torch.cuda.DoubleTensor) and weight type (torch.cuda.FloatTensor)",
            "RNN input dtype (torch.float64) does not match weight dtype (torch.float32)",
            "Found dtype Double but expected Float",
        ),
        types=("RuntimeError", "ValueError"),
    ),
    Rule(
        "tensor-integers-for-floats",
        Advice(
            "an operation got integers where it needs floating-point numbers",
            (
                "images: x.float() / 255, or ToDtype(torch.float32, scale=True) in the transforms",
                "token ids or categories: nn.Embedding, or F.one_hot(...).float(); targets of BCE or MSE: .float()",
            ),
        ),
        Advice(
            "某个运算需要浮点数，却收到了整数",
            (
                "图像：x.float() / 255，或在 transforms 里用 ToDtype(torch.float32, scale=True)",
                "token id 或类别：先经过 nn.Embedding 或 F.one_hot(...).float()；BCE、MSE 的标签：.float()",
            ),
        ),
        _DOCS + "tensor_attributes.html",
        says=(
            _SAME + "Long and ",
            _SAME + "Byte and ",
            "expected scalar type Float but found Long",
            "expected scalar type Float but found Byte",
            _M1 + "long int != ",
            _M1 + "unsigned char != ",
            "Input type (unsigned char) and bias type (",
            "Input type (torch.cuda.ByteTensor) and weight type (",
            "\"{:word}\" not implemented for 'Long'",
            "\"{:word}\" not implemented for 'Byte'",
            "Found dtype Long but expected ",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "tensor-dtypes-mixed",
        Advice(
            "dtypes {one} and {other} meet in one operation: a part of the model, or its input, was not cast",
            (
                "run forward and loss under torch.autocast('cuda', dtype=torch.bfloat16)",
                "or cast the input: x = x.to(next(model.parameters()).dtype)",
                "print each parameter's dtype: adapters, a new head and norm layers often stay in float32",
            ),
        ),
        Advice(
            "同一运算里混用了 {one} 和 {other}：模型的一部分或输入没有转换类型",
            (
                "让前向和 loss 在 torch.autocast('cuda', dtype=torch.bfloat16) 下运行",
                "或转换输入：x = x.to(next(model.parameters()).dtype)",
                "打印各参数的 dtype：adapter、新加的 head 和 norm 层常常还是 float32",
            ),
        ),
        _DOCS + "amp.html",
        says=(
            _SAME + "{one:word} and {other:word}",
            _M1 + "{one} != {other}",
            "expected mat1 and mat2 to have the same dtype, but got: {one} != {other}",
            "expected scalar type {one:word} but found {other:word}",
            "Input type ({one}) and bias type ({other}) should be the same",
            "Input type (torch.cuda.{one:word}) and weight type (torch.cuda.{other:word}) should be the same",
            "Expected query, key, and value to have the same dtype, but got query.dtype: {one} key.dtype: {} and"
            " value.dtype: {other} instead.",
        ),
        unless=(
            "expected scalar type Long",
            "expected scalar type Int",
            "expected scalar type Bool",
            _SAME + "{} and Byte",  # a quantized weight
            _SAME + "{} and Char",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "op-not-for-half-on-cpu",
        Advice(
            "a part of the model runs in float16 on the CPU, where this operation has no float16 version",
            (
                "move model and inputs to the GPU; check that torch.cuda.is_available() is True here",
                "on the CPU use float32 or bfloat16: dtype=torch.bfloat16 in from_pretrained(), or model.float()",
            ),
        ),
        Advice(
            "模型的一部分以 float16 在 CPU 上运行，而 CPU 没有该运算的 float16 实现",
            (
                "把模型和输入移到 GPU；确认 torch.cuda.is_available() 为 True",
                "在 CPU 上用 float32 或 bfloat16：from_pretrained() 里写 dtype=torch.bfloat16，或 model.float()",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/74625",
        says=(
            "\"{}cpu{}\" not implemented for 'Half'",
            "\"LayerNormKernelImpl\" not implemented for 'Half'",
            "\"softmax_lastdim_kernel_impl\" not implemented for 'Half'",
            "\"baddbmm_with_gemm\" not implemented for 'Half'",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "tensor-cat-sizes",
        Advice(
            "tensor {index} of a torch.cat along dimension {dim} has size {got} in another dimension, not {want}",
            ("print the shapes in the list; in a U-Net pad the images to a multiple of 2**levels, or crop the skips",),
        ),
        Advice(
            "torch.cat 沿第 {dim} 维拼接时，第 {index} 个张量在另一维的大小是 {got}，应为 {want}",
            ("打印列表里各张量的形状；U-Net 可把图像补齐到 2**层数 的倍数，或裁剪 skip connection",),
        ),
        _DOCS + "generated/torch.cat.html",
        says=(
            "Sizes of tensors must match except in dimension {dim:int}. Expected size {want:int} but got size {got:int}"
            " for tensor number {index:int} in the list",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "text-longer-than-model",
        Advice(
            "a text of {asked} tokens is longer than the {limit} positions that the model has",
            ("truncate: tokenizer(..., truncation=True, max_length={limit}), or split long texts",),
        ),
        Advice(
            "文本有 {asked} 个 token，超过模型的 {limit} 个位置",
            ("截断：tokenizer(..., truncation=True, max_length={limit})，或拆分长文本",),
        ),
        "https://huggingface.co/docs/transformers/pad_truncation",
        says=(
            "The expanded size of the tensor ({asked:int}) must match the existing size ({limit:int}) at non-singleton"
            " dimension 1.  Target sizes: [{:int}, {:int}].  Tensor sizes: [1, {:int}]",
        ),
        modules=("transformers.models",),
        types=_RUNTIME,
        when=("asked > limit", "limit >= 512"),
    ),
    Rule(
        "tensor-sizes-differ",
        Advice(
            "two tensors meet with {one} and {other} elements in dimension {dim}, and neither is 1",
            (
                "print both shapes where the traceback ends: unsqueeze() a missing dimension, permute() a wrong one",
                "if only an epoch's last batch fails: drop_last=True, or take the batch size from x.size(0)",
            ),
        ),
        Advice(
            "两个张量在第 {dim} 维分别是 {one} 和 {other}，都不是 1，无法广播",
            (
                "在 traceback 最后一行打印两个张量的形状：缺一维用 unsqueeze()，顺序不对用 permute()",
                "如果只有 epoch 的最后一个 batch 报错：设 drop_last=True，或用 x.size(0) 取 batch 大小",
            ),
        ),
        _DOCS + "notes/broadcasting.html",
        says=(
            _SIZES + "({one:int}) must match the size of tensor b ({other:int}) at non-singleton dimension {dim:int}",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "tensor-view-size",
        Advice(
            "a view or reshape to [{shape}] got {count} elements, which do not fill it",
            ("keep the batch: x.view(x.size(0), -1); look for a fixed batch size: the last batch may be smaller",),
        ),
        Advice(
            "view 或 reshape 成 [{shape}] 时有 {count} 个元素，放不满这个形状",
            ("保留 batch 维：x.view(x.size(0), -1)；检查写死的 batch 大小：最后一个 batch 可能更小",),
        ),
        _DOCS + "generated/torch.Tensor.view.html",
        says=("shape '[{shape}]' is invalid for input of size {count:int}",),
        types=_RUNTIME,
    ),
    Rule(
        "conv-channels",
        Advice(
            "a convolution takes {want} channels, but its input of shape [{shape}] has {got}",
            (
                "grayscale (1) or RGBA (4) images: Image.open(path).convert('RGB'), or set in_channels={got}",
                "channels last: x.permute(0, 3, 1, 2) for images, x.transpose(1, 2) for sequences",
            ),
        ),
        Advice(
            "卷积需要 {want} 个通道，而输入的形状是 [{shape}]，有 {got} 个通道",
            (
                "灰度图（1）或 RGBA（4）：Image.open(path).convert('RGB')，或设 in_channels={got}",
                "通道在最后一维：图像用 x.permute(0, 3, 1, 2)，序列用 x.transpose(1, 2)",
            ),
        ),
        _DOCS + "generated/torch.nn.Conv2d.html",
        says=(
            "Given groups={:int}, weight of size [{}], expected input[{shape}] to have {want:int} channels,"
            " but got {got:int} channels",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "samples-differ-in-size",
        Advice(
            "the samples of a batch differ in shape, so the DataLoader cannot stack them",
            (
                "images: Resize or crop to one size in the transforms; sequences: pad_sequence() in a collate_fn",
                "print each sample's shape to find the odd one",
            ),
        ),
        Advice(
            "同一 batch 里的样本形状不同，DataLoader 无法堆叠",
            (
                "图像：在 transforms 里 Resize 或裁剪到同一尺寸；序列：在 collate_fn 里用 pad_sequence()",
                "打印每个样本的形状，找出不同的那个",
            ),
        ),
        _DOCS + "data.html#working-with-collate-fn",
        says=(
            "stack expects each tensor to be equal size, but got [",
            "RuntimeError: stack expects each tensor to be equal size, but got [",
            "each element in list of batch should be of equal size",
            "RuntimeError: each element in list of batch should be of equal size",
            "RuntimeError: Trying to resize storage that is not resizable",
        ),
        modules=("torch.utils.data",),
        types=_RUNTIME,
    ),
)
