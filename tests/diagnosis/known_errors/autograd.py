"""Gradients: views, inference tensors and weights that were released: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "gradient-input-unused": Case(
        hits=(
            raised("RuntimeError", "One of the differentiated Tensors does not require grad"),
            raised(
                "RuntimeError",
                (
                    "One of the differentiated Tensors appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                ),
            ),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: One of the differentiated Tensors does not require grad"),
            raised("KeyError", "One of the differentiated Tensors does not require grad"),
        ),
    ),
    "view-inplace-change": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Output 0 of SelectBackward0 is a view and is being modified inplace. This view is the "
                    "output of a function that returns multiple views."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Output 0 of BroadcastBackward is a view and its base or another view of its base has been "
                    "modified inplace."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Output 0 of SelectBackward0 is a view and is being modified "
                    "inplace. This view is the output of a function that returns multiple views."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Output 0 of SelectBackward0 is a view and is being modified inplace. This view is the "
                    "output of a function that returns multiple views."
                ),
            ),
        ),
    ),
    "inference-tensor-trained": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Inference tensors cannot be saved for backward. To work around you can make a clone to get "
                    "a normal tensor and use it in autograd."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
                    "clone to get a normal tensor before doing inplace update."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Inference tensors cannot be saved for backward. To work around you "
                    "can make a clone to get a normal tensor and use it in autograd."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Inference tensors cannot be saved for backward. To work around you can make a clone to get "
                    "a normal tensor and use it in autograd."
                ),
            ),
        ),
    ),
    "gradient-of-integers": Case(
        hits=(
            raised("RuntimeError", "Only Tensors of floating point and complex dtype can require gradients"),
            raised("RuntimeError", "only Tensors of floating point dtype can require gradients"),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: Only Tensors of floating point and complex dtype can require gradients",
            ),
            raised("KeyError", "Only Tensors of floating point and complex dtype can require gradients"),
        ),
    ),
    "checkpointing-with-grad": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Checkpointing is not compatible with .grad() or when an `inputs` parameter is passed to "
                    ".backward(). Please use .backward() and do not pass its `inputs` argument."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an "
                    "`inputs` parameter to .backward()."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Checkpointing is not compatible with .grad() or when an `inputs` "
                    "parameter is passed to .backward(). Please use .backward() and do not pass its `inputs` "
                    "argument."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Checkpointing is not compatible with .grad() or when an `inputs` parameter is passed to "
                    ".backward(). Please use .backward() and do not pass its `inputs` argument."
                ),
            ),
        ),
    ),
    "weights-released-by-sharding": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "setStorage: sizes [4096, 11008], strides [1, 4096], storage offset 0, and itemsize 2 "
                    "requiring a storage size of 90177536 are out of bounds for storage of size 0"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Function MmBackward0 returned an invalid gradient at index 1 - got [0] but expected shape "
                    "compatible with [4096, 4096]"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "The tensor has a non-zero number of elements, but its data is not allocated yet. Caffe2 "
                    "uses a lazy allocation, so you will need to call mutable_data()"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "setStorage: sizes [4, 8], strides [8, 1], storage offset 0, and itemsize 4 requiring a "
                    "storage size of 128 are out of bounds for storage of size 64"
                ),
            ),
            raised(
                "RuntimeError", "log: The tensor has a non-zero number of elements, but its data is not allocated yet."
            ),
            raised("TypeError", "weight should have at least three dimensions"),
        ),
    ),
    "padding-index-sharded": Case(
        hits=(
            raised(
                "AssertionError",
                "Padding_idx must be within num_embeddings",
                modules=(
                    "deepspeed.runtime.zero.partition_parameters",
                    "torch.nn.functional",
                ),
            ),
            raised("AssertionError", "Padding_idx must be within num_embeddings", modules=("deepspeed",)),
        ),
        misses=(
            raised("AssertionError", "Padding_idx must be within num_embeddings", modules=("fairseq.models",)),
            raised("ValueError", "Padding_idx must be within num_embeddings", modules=("deepspeed",)),
        ),
    ),
    "deepcopy-of-graph": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                    "the moment"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                    "the moment.  If you were attempting to deepcopy a module, this may be because of a "
                    "torch.nn.utils.weight_norm usage"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Only Tensors created explicitly by the user (graph leaves) support "
                    "the deepcopy protocol at the moment"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                    "the moment"
                ),
            ),
        ),
    ),
    "gradient-of-gradient": Case(
        hits=(
            raised(
                "RuntimeError", "derivative for aten::_scaled_dot_product_flash_attention_backward is not implemented"
            ),
            raised("RuntimeError", "the derivative for 'mask' is not implemented"),
        ),
        misses=(
            raised("RuntimeError", "why: derivative for aten::x is not implemented"),
            raised("ValueError", "the derivative for 'mask' is not implemented"),
        ),
    ),
}
