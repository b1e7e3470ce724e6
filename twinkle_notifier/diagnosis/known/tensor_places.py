"""Tensors on the wrong device, of the wrong dtype, or not for NumPy."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_CPU = ("torch.HalfTensor", "torch.FloatTensor", "torch.BFloat16Tensor", "torch.DoubleTensor", "torch.CPUBFloat16Type")
_DEVICE = ("torch.cuda.", "MPSFloatType", "MPSHalfType", "CUDABFloat16Type", "torch.npu.", "torch.xpu.")
_KINDS = ("cuda", "npu", "xpu", "mps")
_DEVICES = "Expected all tensors to be on the same device, but "

RULES: tuple[Rule, ...] = (
    Rule(
        "tensor-left-on-cpu",
        Advice(
            (
                "one tensor is on the CPU, the other on the device: a batch, an index, or a part of the "
                "model was not moved"
            ),
            (
                "move the input: x = x.to(next(model.parameters()).device); create tensors with device=x.device",
                "keep constants in register_buffer() and layers in nn.ModuleList, so that model.to() moves them",
            ),
        ),
        Advice(
            "一个张量在 CPU 上，另一个在设备上：某个 batch、索引或模型的一部分没有移过去",
            (
                "移动输入：x = x.to(next(model.parameters()).device)；新建张量时写 device=x.device",
                "常量用 register_buffer() 注册，子层放进 nn.ModuleList，这样 model.to() 才会移动它们",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html",
        says=(
            *(f"Input type (torch.cuda.{{:word}}) and weight type ({cpu})" for cpu in _CPU),
            *(f"Input type ({cpu}) and weight type ({device}" for cpu in _CPU for device in _DEVICE),
            "Input type (CUDABFloat16Type) and weight type (CPUBFloat16Type)",
            "Input type (MPSFloatType) and weight type (torch.HalfTensor)",
            "Input type (MPSFloatType) and weight type (torch.FloatTensor)",
            "Input type (MPSHalfType) and weight type (torch.HalfTensor)",
            "Input type (MPSHalfType) and weight type (torch.FloatTensor)",
            "Expected object of device type cuda but got device type cpu for argument",
            "Expected object of device type cpu but got device type cuda for argument",
            "Expected object of backend CPU but got backend CUDA for argument",
            "Expected object of backend CUDA but got backend CPU for argument",
            "indices should be either on cpu or on the same device as the indexed tensor (",
            "indices should be either on {:word} or on the same device as the indexed tensor (",
            "Tensor for 'out' is on CPU, ",
            "Tensor for argument #{:int} '{:word}' is on CPU, but expected ",
            "Placeholder storage has not been allocated on MPS device!",
            "Input, output and indices must be on the current device",
            "Input and parameter tensors are not at the same device, found input tensor at ",
            "Input and hidden tensors are not at the same device, found input tensor at ",
            (
                "module must have its parameters and buffers on device {:word}:{:int} (device_ids[0]) but "
                "found one of them on device"
            ),
            "Expected NPU tensor, please check whether the input tensor device is correct",
            (
                "Expected all tensors to be on the same device. Expected NPU tensor, please check whether "
                "the input tensor device is correct"
            ),
            *(f"{_DEVICES}found at least two devices, {device}:{{:int}} and cpu!" for device in _KINDS),
            _DEVICES + "found at least two devices, cpu and ",
            _DEVICES + "got {:word} is on cpu, different from other tensors on ",
            _DEVICES + "got {:word} is on cuda:{:int}, different from other tensors on cpu ",
            "Pointer argument (at {:int}) cannot be accessed from Triton (cpu tensor?)",
            "Pointer argument cannot be accessed from Triton (cpu tensor?)",
        ),
        types=(
            "RuntimeError",
            "ValueError",
        ),
    ),
    Rule(
        "tensor-dtypes-old-words",
        Advice(
            "dtypes {one} and {other} meet in one operation: a part of the model, or its input, was not cast",
            (
                "run forward and loss under torch.autocast('cuda', dtype=torch.bfloat16)",
                "or cast the one to the other: x = x.to(next(model.parameters()).dtype)",
                "print each parameter's dtype: adapters, a new head and norm layers often stay in float32",
            ),
        ),
        Advice(
            "同一运算里混用了 {one} 和 {other}：模型的一部分或输入没有转换类型",
            (
                "让前向和 loss 在 torch.autocast('cuda', dtype=torch.bfloat16) 下运行",
                "或把一方转换成另一方：x = x.to(next(model.parameters()).dtype)",
                "打印各参数的 dtype：adapter、新加的 head 和 norm 层常常还是 float32",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/amp.html",
        says=(
            "self and mat2 must have the same dtype, but got {one:word} and {other:word}",
            "mat2 and self must have the same dtype, but got {one:word} and {other:word}",
            (
                "Index put requires the source and destination dtypes match, got {one:word} for the "
                "destination and {other:word} for the source"
            ),
            (
                "Input type (torch.{one:word}) and weight type (torch.{other:word}) should be the same or "
                "input should be a MKLDNN tensor"
            ),
            "Input type ({one:word}) and weight type ({other:word}) should be the same",
            "Expected object of scalar type {one:word} but got scalar type {other:word} for argument",
            (
                "Expected tensor for argument #1 'input' to have the same type as tensor for argument #2 "
                "'weight'; but type {one:word} does not equal {other:word}"
            ),
            "index_add_(): self ({one:word}) and source ({other:word}) must have the same scalar type",
            "scatter(): Expected self.dtype to be equal to src.dtype{one}",
            "attn_bias and query/key/value should have the same dtype{one}",
            (
                "Function {:word} returned an invalid gradient at index {:int} - expected type "
                "torch.cuda.{one:word} but got torch.cuda.{other:word}"
            ),
            "Found dtype {one:word} but expected {other:word}",
            ("expected input and grad types to match, or input to be at::{one:word} and grad to be at::{other:word}"),
        ),
        unless=(
            "Expected object of scalar type Long",
            "Expected object of scalar type Int",
            "Input type (torch.cuda.",
            "Input type (torch.ByteTensor)",
            "Input type (torch.LongTensor)",
            "Found dtype Long",
            "Found dtype Double but expected Float",
            "{:word} and mat2 must have the same dtype, but got {:word} and Byte",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-dtypes-unnamed",
        Advice(
            "tensors of different dtypes meet in one operation: a part of the model, or its input, was not cast",
            (
                "run forward and loss under torch.autocast('cuda', dtype=torch.bfloat16)",
                "or cast the input: x = x.to(next(model.parameters()).dtype); print each parameter's dtype",
            ),
        ),
        Advice(
            "同一运算里混用了不同 dtype：模型的一部分或输入没有转换类型",
            (
                "让前向和 loss 在 torch.autocast('cuda', dtype=torch.bfloat16) 下运行",
                "或转换输入：x = x.to(next(model.parameters()).dtype)；打印各参数的 dtype",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/amp.html",
        says=(
            "mat1 and mat2 must have the same dtype",
            "self and mat2 must have the same dtype",
            "expected query, key, and value to have the same dtype",
            "query and key must have the same dtype",
            "tensors in list must have the same dtype",
            "query, key, value must have the same dtype",
        ),
        unless=(
            "mat1 and mat2 must have the same dtype, ",
            "self and mat2 must have the same dtype, ",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "labels-not-int64",
        Advice(
            "the labels (or ids, or an index) have dtype {found}, but this operation takes int64",
            ("write labels.long() or input_ids.long(); for numbers to predict use MSELoss, not CrossEntropyLoss",),
        ),
        Advice(
            "标签（或 id、索引）的类型是 {found}，而该运算需要 int64",
            ("写 labels.long() 或 input_ids.long()；回归任务请用 MSELoss，不要用 CrossEntropyLoss",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        says=(
            "Expected object of scalar type Long but got scalar type {found:word} for argument",
            "Expected tensor for argument #1 'indices' to have scalar type Long; but got {found:word} instead",
            "expected scalar type Int but found {found:word}",
            "one_hot is only applicable to index tensor of type LongTensor{found}",
            "expected scalar type Long but found {found:word}",
            "expected target dtype to be Long or Byte, but got {found:word}",
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got"
            " {found:word} instead",
            "\"nll_loss_forward_reduce_cuda_kernel_2d_index\" not implemented for '{found:word}'",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "half-cannot-hold-number",
        Advice(
            "a number as -1e9 does not fit into float16, in which this part of the model runs",
            ("write torch.finfo(x.dtype).min in place of the number, or use bfloat16",),
        ),
        Advice(
            "像 -1e9 这样的数超出了 float16 的范围，而模型的这一部分以 float16 运行",
            ("用 torch.finfo(x.dtype).min 代替该数，或改用 bfloat16",),
        ),
        "https://docs.pytorch.org/docs/stable/type_info.html",
        says=(
            "value cannot be converted to type at::Half without overflow",
            "value cannot be converted to type c10::Half without overflow",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "tensor-not-for-numpy",
        Advice(
            "a tensor that NumPy cannot take is passed to it: on the GPU, with gradients, or in bfloat16",
            ("write x.detach().float().cpu().numpy(); for a single number loss.item()",),
        ),
        Advice(
            "把 NumPy 无法接受的张量传给了它：在 GPU 上、带梯度，或是 bfloat16",
            ("写 x.detach().float().cpu().numpy()；单个数用 loss.item()",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.numpy.html",
        says=(
            "can't convert cuda:{:int} device type tensor to numpy.",
            "can't convert npu:{:int} device type tensor to numpy.",
            "can't convert mps:{:int} device type tensor to numpy.",
            "can't convert CUDA tensor to numpy.",
            "Can't call numpy() on Tensor that requires grad.",
            "Got unsupported ScalarType BFloat16",
        ),
        types=(
            "TypeError",
            "RuntimeError",
        ),
    ),
    Rule(
        "generator-device",
        Advice(
            "a random generator of the {found} is used for a tensor of the {wanted}",
            (
                "create it there: torch.Generator(device='{wanted}')",
                (
                    "a DataLoader's generator must be of the CPU: look for torch.set_default_device or "
                    "set_default_tensor_type"
                ),
            ),
        ),
        Advice(
            "用 {found} 的随机数生成器去生成 {wanted} 的张量",
            (
                "在对应设备上创建：torch.Generator(device='{wanted}')",
                "DataLoader 的 generator 必须在 CPU：检查 torch.set_default_device、set_default_tensor_type",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.Generator.html",
        says=(
            "Expected a '{wanted:word}' device type for generator but found '{found:word}'",
            "Expected a '{wanted:word}:{:word}' generator device but found '{found:word}'",
        ),
        types=("RuntimeError",),
    ),
)
