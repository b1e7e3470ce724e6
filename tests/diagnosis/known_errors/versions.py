"""Versions that do not fit each other: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_AT = "/opt/venv/lib/python3.11/site-packages/{}/__init__.py"
_TRAINER, _PEFT = ("transformers.trainer",), ("peft.peft_model", "peft.config")
_DATASETS = ("datasets.load", "datasets.features.features")
_UNTAGGED = "data did not match any variant of untagged enum "
_NOT_FOUND = (
    "but it was not found in your environment. Check out the instructions on the\ninstallation page of its repo"
)
_LOAD = (
    "Due to a serious vulnerability issue in `torch.load`, even with `weights_only=True`, we now require users to upgrade "
    "torch to at least v2.6 in order to use the function."
)


def _no_name(name: str, module: str) -> str:
    return f"cannot import name '{name}' from '{module}' ({_AT.format(module.replace('.', '/'))})"


CASES: dict[str, Case] = {
    "tokenizer-file-newer": Case(
        hits=(
            raised("Exception", _UNTAGGED + "ModelWrapper at line 757443 column 3"),
            raised("Exception", _UNTAGGED + "PyPreTokenizerTypeWrapper at line 40 column 3"),
            raised(
                "Exception",
                f"Cannot instantiate Tokenizer from buffer: {_UNTAGGED}ModelWrapper at line 250295 column 3",
            ),
        ),
        misses=(
            raised("Exception", _UNTAGGED + "JsonRpcResponse"),
            raised("Exception", f"400 invalid chat request: {_UNTAGGED}ModelWrapper"),
        ),
    ),
    "import-removed": Case(
        hits=(
            raised("ImportError", _no_name("AdamW", "transformers")),
            raised("ImportError", _no_name("cached_download", "huggingface_hub")),
            raised("ImportError", _no_name("LlamaFlashAttention2", "transformers.models.llama.modeling_llama")),
            raised("ImportError", _no_name("TFBertForSequenceClassification", "transformers")),
            raised("ImportError", _no_name("DataCollatorForCompletionOnlyLM", "trl")),
        ),
        misses=(
            raised("ImportError", _no_name("AdamW", "mylib")),
            raised("ImportError", "cannot import name 'AdamW' from 'transformers' because it is gone"),
            raised("ImportError", _no_name("Qwen3ForCausalLM", "transformers")),
        ),
    ),
    "transformers-too-old": Case(
        hits=(
            raised("ImportError", _no_name("Qwen2_5_VLForConditionalGeneration", "transformers")),
            raised("ImportError", _no_name("Qwen3ForCausalLM", "transformers")),
            raised("ImportError", _no_name("AutoModelForImageTextToText", "transformers")),
        ),
        misses=(
            raised("ImportError", _no_name("FlaxT5ForConditionalGeneration", "transformers")),
            raised("ImportError", _no_name("MyForCausalLM", "models")),
        ),
    ),
    "version-refused": Case(
        hits=(
            raised(
                "ImportError",
                "huggingface-hub>=0.34.0,<1.0 is required for a normal functioning of this module, but found huggingface-hub"
                "==1.0.1.\nTry: `pip install transformers -U` or `pip install -e '.[dev]'` if you're working with git main",
            ),
            raised(
                "ImportError",
                "tokenizers>=0.22.0,<=0.23.0 is required for a normal functioning of this module, but found "
                "tokenizers==0.19.1.",
            ),
        ),
        misses=(
            raised("ImportError", "numpy is required for a normal functioning of this module"),
            raised("ValueError", "a>=1 is required for a normal functioning of this module, but found a==0."),
        ),
    ),
    "torch-load-refused": Case(
        hits=(
            raised(
                "ValueError", _LOAD + " This version restriction does not apply when loading files with safetensors."
            ),
            raised("builtins.ValueError", _LOAD),
        ),
        misses=(raised("ImportError", _LOAD), raised("ValueError", "Due to a serious vulnerability issue in `pickle`")),
    ),
    "transformers-without-torch": Case(
        hits=(
            raised("ImportError", f"\nAutoModelForCausalLM requires the PyTorch library {_NOT_FOUND}"),
            raised("ImportError", f"Trainer requires the PyTorch library {_NOT_FOUND}"),
        ),
        misses=(
            raised("ImportError", f"\nLlamaTokenizer requires the SentencePiece library {_NOT_FOUND}"),
            raised("ValueError", f"Trainer requires the PyTorch library {_NOT_FOUND}"),
        ),
    ),
    "library-missing": Case(
        hits=(
            raised("ImportError", f"\nLlamaTokenizer requires the SentencePiece library {_NOT_FOUND}"),
            raised("ImportError", f"\n T5Converter requires the protobuf library {_NOT_FOUND}"),
            raised(
                "ImportError", "\nA requires the librosa library. But that was not found in your environment. You can"
            ),
        ),
        misses=(
            raised("ImportError", f"\nTrainer requires the PyTorch library {_NOT_FOUND}"),
            raised("ImportError", "the job requires the SentencePiece library"),
        ),
    ),
    "accelerate-too-old": Case(
        hits=(
            raised(
                "ImportError",
                "Using the `Trainer` with `PyTorch` requires `accelerate>=1.1.0`: Please run `pip install transformers[torch]`",
            ),
            raised("TypeError", "Accelerator.unwrap_model() got an unexpected keyword argument 'keep_torch_compile'"),
            raised("ImportError", _no_name("clear_device_cache", "accelerate.utils.memory")),
        ),
        misses=(
            raised("TypeError", "Accelerator.unwrap_model() got an unexpected keyword argument 'keep'"),
            raised("ImportError", "Using `bitsandbytes` 4-bit quantization requires bitsandbytes: `pip install -U"),
        ),
    ),
    "accelerate-newer": Case(
        hits=(
            raised(
                "TypeError",
                "Accelerator.__init__() got an unexpected keyword argument 'dispatch_batches'",
                modules=_TRAINER,
            ),
            raised(
                "TypeError", "__init__() got an unexpected keyword argument 'use_seedable_sampler'", modules=_TRAINER
            ),
        ),
        misses=(
            raised("TypeError", "Accelerator.__init__() got an unexpected keyword argument 'dispatch_batches'"),
            raised(
                "TypeError", "Model.__init__() got an unexpected keyword argument 'dispatch_batches'", modules=_TRAINER
            ),
        ),
    ),
    "peft-config-newer": Case(
        hits=(
            raised(
                "TypeError", "LoraConfig.__init__() got an unexpected keyword argument 'corda_config'", modules=_PEFT
            ),
            raised("TypeError", "__init__() got an unexpected keyword argument 'eva_config'", modules=_PEFT),
        ),
        misses=(
            raised(
                "TypeError", "LoraConfig.__init__() got an unexpected keyword argument 'rank'", modules=("__main__",)
            ),
            raised("ValueError", "LoraConfig.__init__() got an unexpected keyword argument 'rank'", modules=_PEFT),
        ),
    ),
    "torch-too-old": Case(
        hits=(
            raised(
                "AttributeError",
                "module 'torch.utils._pytree' has no attribute 'register_pytree_node'. Did you mean: '_register_pytree_node'?",
            ),
            raised("AttributeError", "module 'torch.library' has no attribute 'register_fake'"),
            raised("ImportError", _no_name("fully_shard", "torch.distributed.fsdp")),
            raised("ModuleNotFoundError", "No module named 'torch.nn.attention.flex_attention'"),
        ),
        misses=(
            raised("AttributeError", "module 'torch' has no attribute 'compile_all'"),
            raised("ModuleNotFoundError", "No module named 'torch.nn.attentions'"),
        ),
    ),
    "torch-part-removed": Case(
        hits=(
            raised("ModuleNotFoundError", "No module named 'torch._six'"),
            raised("ModuleNotFoundError", "No module named 'torchvision.transforms.functional_tensor'"),
            raised("ImportError", _no_name("log", "torch.distributed.elastic.agent.server.api")),
            raised("AttributeError", "module 'torchaudio' has no attribute 'AudioMetaData'"),
        ),
        misses=(
            raised("ModuleNotFoundError", "No module named 'torchvision'"),
            raised("AttributeError", "module 'torchaudio' has no attribute 'loads'"),
        ),
    ),
    "python-too-new": Case(
        hits=(
            raised("ModuleNotFoundError", "No module named 'distutils'"),
            raised("ModuleNotFoundError", "No module named 'imp'"),
            raised(
                "ImportError",
                "cannot import name 'Mapping' from 'collections' (/usr/lib/python3.10/collections/__init__",
            ),
            raised("AttributeError", "module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?"),
        ),
        misses=(
            raised("ModuleNotFoundError", "No module named 'distutils.msvccompiler'"),
            raised("ModuleNotFoundError", "No module named 'distutils_extra'"),
            raised("ModuleNotFoundError", "No module named 'important'"),
            raised("ImportError", _no_name("Mapping", "mine.collections")),
        ),
    ),
    "numpy-not-fitting": Case(
        hits=(
            raised("RuntimeError", "Numpy is not available"),
            raised(
                "ImportError", "numpy.core.multiarray failed to import (auto-generated because you didn't call 'numpy."
            ),
            raised("AttributeError", "_ARRAY_API not found"),
        ),
        misses=(
            raised("RuntimeError", "why: Numpy is not available"),
            raised("ValueError", "_ARRAY_API not found"),
        ),
    ),
    "pyarrow-not-fitting": Case(
        hits=(
            raised(
                "ValueError",
                "pyarrow.lib.IpcWriteOptions size changed, may indicate binary incompatibility. Expected 88 from C header, got",
            ),
            raised(
                "AttributeError", "module 'pyarrow' has no attribute 'PyExtensionType'. Did you mean: 'ExtensionType'?"
            ),
            raised("AttributeError", "module 'pyarrow.lib' has no attribute 'ListViewType'"),
        ),
        misses=(
            raised(
                "ValueError", "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header"
            ),
            raised("AttributeError", "module 'pyarrow' has no attribute 'tabel'"),
        ),
    ),
    "datasets-too-old": Case(
        hits=(
            raised(
                "ValueError",
                "Feature type 'List' not found. Available feature types: ['Value', 'ClassLabel', 'Translation']",
                modules=_DATASETS,
            ),
            raised(
                "NotImplementedError",
                "Loading a dataset cached in a LocalFileSystem is not supported.",
                modules=("datasets.builder",),
            ),
            raised(
                "ValueError",
                "Invalid pattern: '**' can only be an entire path component",
                modules=("datasets.data_files", "fsspec.utils"),
            ),
        ),
        misses=(
            raised("ValueError", "Invalid pattern: '**' can only be an entire path component", modules=("pathlib",)),
            raised("ValueError", "Feature 'List' not found", modules=_DATASETS),
        ),
    ),
    "datasets-script-gone": Case(
        hits=(
            raised("RuntimeError", "Dataset scripts are no longer supported, but found banking77.py"),
            raised("RuntimeError", "Dataset scripts are no longer supported, but found Amazon-Reviews-2023.py"),
        ),
        misses=(
            raised("RuntimeError", "Dataset scripts are no longer supported"),
            raised("ValueError", "Dataset scripts are no longer supported, but found banking77.py"),
        ),
    ),
}
