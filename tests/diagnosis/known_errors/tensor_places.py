"""Tensors on the wrong device, of the wrong dtype, or not for NumPy: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_SAME = "Expected all tensors to be on the same device, but "
_FOUND = _SAME + "found at least two devices, "
_ADDMM = "(when checking argument for argument mat1 in method wrapper_CUDA_addmm)"

CASES: dict[str, Case] = {
    "tensor-left-on-cpu": Case(
        hits=(
            raised(
                "RuntimeError",
                "Input type (torch.cuda.HalfTensor) and weight type (torch.HalfTensor) should be the same",
            ),
            raised("RuntimeError", "indices should be either on cpu or on the same device as the indexed tensor (cpu)"),
            raised("ValueError", "Pointer argument (at 0) cannot be accessed from Triton (cpu tensor?)"),
            raised("RuntimeError", "Input type (torch.FloatTensor) and weight type (MPSFloatType) should be the same"),
            raised("RuntimeError", _FOUND + "cpu and cuda:0! " + _ADDMM),
            raised("RuntimeError", _FOUND + "cuda:3 and cpu! " + _ADDMM),
            raised(
                "RuntimeError",
                _SAME + "got mat1 is on cpu, different from other tensors on cuda:0 (when checking argument in method"
                " wrapper_CUDA_addmm)",
            ),
            raised(
                "RuntimeError",
                "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same or input"
                " should be a MKLDNN tensor and weight is a dense tensor",
            ),
            raised(
                "RuntimeError",
                "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "Input type (torch.cuda.HalfTensor) and weight type (torch.cuda.FloatTensor) should be the same",
            ),
            raised("IndexError", "indices should be either on cpu or on the same device as the indexed tensor (cpu)"),
            raised(
                "RuntimeError", "Input type (torch.FloatTensor) and weight type (torch.HalfTensor) should be the same"
            ),
            raised("RuntimeError", _FOUND + "cuda:0 and cuda:1! " + _ADDMM),
            raised("RuntimeError", _FOUND + "cpu and meta!"),
            raised("ValueError", "Expected all tensors to be on the same device"),
            raised(
                "RuntimeError",
                "Input type (torch.cuda.FloatTensor) and weight type (torch.cuda.HalfTensor) should be the same",
            ),
        ),
    ),
    "tensor-dtypes-old-words": Case(
        hits=(
            raised("RuntimeError", "self and mat2 must have the same dtype, but got Half and Float"),
            raised(
                "RuntimeError",
                (
                    "Index put requires the source and destination dtypes match, got BFloat16 for the "
                    "destination and Float for the source."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Expected object of scalar type Float but got scalar type Half for argument #2 'mat1' in "
                    "call to _th_addmm"
                ),
            ),
        ),
        misses=(
            raised("RuntimeError", "note: self and mat2 must have the same dtype, but got Half and Float"),
            raised("TypeError", "self and mat2 must have the same dtype, but got Half and Float"),
            raised(
                "RuntimeError",
                (
                    "Expected object of scalar type Long but got scalar type Float for argument #2 'target' in "
                    "call to _thnn_nll_loss_forward"
                ),
            ),
        ),
    ),
    "tensor-dtypes-unnamed": Case(
        hits=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype"),
            raised("RuntimeError", "self and mat2 must have the same dtype"),
        ),
        misses=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Half and Byte"),
            raised("RuntimeError", "mat1 and mat2 must have the same size"),
            raised("TypeError", "mat1 and mat2 must have the same dtype"),
        ),
    ),
    "labels-not-int64": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Expected object of scalar type Long but got scalar type Float for argument #2 'target' in "
                    "call to _thnn_nll_loss_forward"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Expected tensor for argument #1 'indices' to have scalar type Long; but got "
                    "torch.FloatTensor instead (while checking arguments for embedding)"
                ),
            ),
            raised("RuntimeError", "expected scalar type Long but found Int"),
            raised("RuntimeError", "expected target dtype to be Long or Byte, but got Float"),
            raised(
                "RuntimeError",
                "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got"
                " torch.FloatTensor instead (while checking arguments for embedding)",
            ),
            raised("RuntimeError", "\"nll_loss_forward_reduce_cuda_kernel_2d_index\" not implemented for 'Int'"),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Expected object of scalar type Long but got scalar type Float for "
                    "argument #2 'target' in call to _thnn_nll_loss_forward"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Expected object of scalar type Long but got scalar type Float for argument #2 'target' in "
                    "call to _thnn_nll_loss_forward"
                ),
            ),
            raised("RuntimeError", "expected scalar type Half but found Float"),
            raised("RuntimeError", "the dataset expected scalar type Long but found Int"),
            raised("RuntimeError", "Found dtype Long but expected Float"),
        ),
    ),
    "half-cannot-hold-number": Case(
        hits=(
            raised("RuntimeError", "value cannot be converted to type at::Half without overflow"),
            raised("RuntimeError", "value cannot be converted to type at::Half without overflow: -3.40282e+38"),
        ),
        misses=(
            raised(
                "RuntimeError", "an earlier attempt said: value cannot be converted to type at::Half without overflow"
            ),
            raised("KeyError", "value cannot be converted to type at::Half without overflow"),
        ),
    ),
    "tensor-not-for-numpy": Case(
        hits=(
            raised(
                "TypeError",
                (
                    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                    "host memory first."
                ),
            ),
            raised(
                "RuntimeError", "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            ),
            raised("TypeError", "Got unsupported ScalarType BFloat16"),
        ),
        misses=(
            raised(
                "TypeError",
                (
                    "an earlier attempt said: can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() "
                    "to copy the tensor to host memory first."
                ),
            ),
            raised(
                "KeyError",
                (
                    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                    "host memory first."
                ),
            ),
        ),
    ),
    "generator-device": Case(
        hits=(
            raised("RuntimeError", "Expected a 'cuda' device type for generator but found 'cpu'"),
            raised("RuntimeError", "Expected a 'cpu' device type for generator but found 'cuda'"),
        ),
        misses=(
            raised(
                "RuntimeError", "an earlier attempt said: Expected a 'cuda' device type for generator but found 'cpu'"
            ),
            raised("KeyError", "Expected a 'cuda' device type for generator but found 'cpu'"),
        ),
    ),
}
