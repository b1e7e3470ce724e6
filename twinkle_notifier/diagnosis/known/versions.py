"""Versions that do not fit each other."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_TRANSFORMERS = "https://github.com/huggingface/transformers/releases"
_ACCELERATE = "https://github.com/huggingface/accelerate/releases"
_TORCH = "https://github.com/pytorch/pytorch/releases"
_UNEXPECTED = "__init__() got an unexpected keyword argument"
_UNTAGGED = "data did not match any variant of untagged enum "


def _imports(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"cannot import name '{name}' from '{module}' (" for name in names)


def _attributes(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"module '{module}' has no attribute '{name}'" for name in names)


def _modules(*names: str) -> tuple[str, ...]:
    return tuple(f"No module named '{name}" for name in names)


RULES: tuple[Rule, ...] = (
    Rule(
        "tokenizer-file-newer",
        Advice(
            "this tokenizers package cannot read tokenizer.json: most often the file was saved by a newer one",
            ("pip install -U transformers tokenizers; or take a tokenizer.json that fits from the model's page",),
        ),
        Advice(
            "tokenizer.json 的格式与已安装的 tokenizers 不符：多半是由更新的版本保存的",
            ("pip install -U transformers tokenizers；或从模型主页下载匹配的 tokenizer.json",),
        ),
        "https://github.com/huggingface/transformers/issues/31789",
        says=tuple(
            f"{begin}{_UNTAGGED}{name}"
            for name in ("ModelWrapper", "PyPreTokenizer", "PyNormalizer", "PreTokenizer", "PyDecoder", "PostProcessor")
            for begin in ("", "Cannot instantiate Tokenizer from buffer: ")
        ),
        types=("Exception",),
    ),
    Rule(
        "import-removed",
        Advice(
            "the code was written for an older release: the package no longer has the name that it imports",
            ("upgrade the package that imports it (last lines of the traceback); or pin the release that it names",),
        ),
        Advice(
            "代码是为更旧的版本写的：要导入的名字已被移除",
            ("升级导入它的那个包（traceback 最后几行）；或安装它要求的旧版本",),
        ),
        _TRANSFORMERS,
        says=(
            *_imports("transformers", "AdamW", "HybridCache", "AutoModelForVision2Seq", "AutoModelWithLMHead"),
            *_imports("transformers", "is_torch_tpu_available", "is_torch_fx_available", "top_k_top_p_filtering"),
            *_imports("transformers", "BeamSearchScorer", "TextDataset", "TRANSFORMERS_CACHE", "TF{}", "Flax{}"),
            *_imports("transformers.optimization", "AdamW"),
            *_imports("transformers.modeling_utils", "apply_chunking_to_forward", "find_pruneable_heads_and_indices"),
            *_imports("transformers.pytorch_utils", "find_pruneable_heads_and_indices"),
            *_imports("transformers.models.llama.modeling_llama", "LlamaFlashAttention2", "LlamaSdpaAttention"),
            *_imports("transformers.utils", "is_flash_attn_available", "is_torch_fx_available", "LossKwargs"),
            *_imports("transformers.utils.import_utils", "is_torch_fx_available"),
            *_imports("transformers.trainer_utils", "EvaluationStrategy", "ShardedDDPOption"),
            *_imports("transformers.cache_utils", "HybridCache", "SinkCache"),
            *_imports("huggingface_hub", "cached_download", "HfFolder", "Repository", "ModelFilter"),
            *_imports("trl", "DataCollatorForCompletionOnlyLM"),
            *_imports("peft", "prepare_model_for_int8_training"),
        ),
        types=("ImportError",),
    ),
    Rule(
        "transformers-too-old",
        Advice(
            "this transformers does not have {name}: it is older than the model, or the name is misspelt",
            ("pip install -U transformers (the model's page names the release that it needs)",),
        ),
        Advice(
            "当前 transformers 没有 {name}：它比模型旧，或名字拼错了",
            ("pip install -U transformers（模型主页会写明所需版本）",),
        ),
        _TRANSFORMERS,
        says=("cannot import name '{name:word}' from 'transformers' (",),
        also=("cannot import name '{}For{}' from 'transformers' (",),
        unless=_imports("transformers", "TF{}", "Flax{}", "AutoModelForVision2Seq"),
        types=("ImportError",),
    ),
    Rule(
        "version-refused",
        Advice(
            "{package} is installed in a version that the importing package does not take: it wants {need}",
            ("python -m pip install '{need}'; or upgrade the package that asks for it (transformers)",),
        ),
        Advice(
            "已安装的 {package} 版本不符合要求：需要 {need}",
            ("python -m pip install '{need}'；或升级提出要求的包（transformers）",),
        ),
        "https://github.com/huggingface/transformers/blob/main/src/transformers/utils/versions.py",
        says=("{need} is required for a normal functioning of this module, but found {package}==",),
        types=("ImportError",),
    ),
    Rule(
        "torch-load-refused",
        Advice(
            "transformers loads .bin and .pt files with torch 2.6 or newer alone (CVE-2025-32434), and torch is older",
            ("upgrade torch to 2.6 or newer; or use weights in safetensors: use_safetensors=True, or convert them",),
        ),
        Advice(
            "transformers 只允许 torch 2.6 及以上加载 .bin、.pt 文件（CVE-2025-32434），而当前 torch 更旧",
            ("升级 torch 到 2.6 以上；或使用 safetensors 权重：use_safetensors=True，或先转换",),
        ),
        "https://nvd.nist.gov/vuln/detail/CVE-2025-32434",
        says=(
            "Due to a serious vulnerability issue in `torch.load`, even with `weights_only=True`, we now require users",
        ),
        types=("ValueError",),
    ),
    Rule(
        "transformers-without-torch",
        Advice(
            "transformers sees no usable PyTorch: it is not installed here, or older than this transformers needs",
            ("python -m pip show torch transformers in the job; 'Disabling PyTorch' in the log names the version",),
        ),
        Advice(
            "transformers 找不到可用的 PyTorch：没有安装，或比当前 transformers 要求的旧",
            ("在作业里 python -m pip show torch transformers；日志中 'Disabling PyTorch' 一行写明所需版本",),
        ),
        _TRANSFORMERS,
        says=("{:word} requires the PyTorch library but it was not found in your environment.",),
        types=("ImportError",),
    ),
    Rule(
        "library-missing",
        Advice(
            "{user} needs {library}, which is not in the environment that ran",
            ("install it with the job's Python: python -m pip install NAME (PIL is pillow, OpenCV opencv-python)",),
        ),
        Advice(
            "{user} 需要 {library}，而运行环境中没有",
            ("用作业的 Python 安装：python -m pip install 包名（PIL 是 pillow，OpenCV 是 opencv-python）",),
        ),
        "https://github.com/huggingface/transformers/blob/main/src/transformers/utils/import_utils.py",
        says=(
            "{user:word} requires the {library} library but it was not found in your environment.",
            "{user:word} requires the {library} library, but it was not found in your environment.",
            "{user:word} requires the {library} library. But that was not found in your environment.",
        ),
        types=("ImportError",),
    ),
    Rule(
        "accelerate-too-old",
        Advice(
            "accelerate is missing, or older than transformers or PEFT need",
            ("python -m pip install -U accelerate, and start again (in a notebook restart the kernel)",),
        ),
        Advice(
            "没有安装 accelerate，或它比 transformers、PEFT 要求的旧",
            ("python -m pip install -U accelerate，然后重新启动（notebook 需重启 kernel）",),
        ),
        _ACCELERATE,
        says=(
            "Using the `Trainer` with `PyTorch` requires `accelerate",
            *(
                f"Using `bitsandbytes` {bits}-bit quantization requires {name}"
                for bits in "48"
                for name in ("accelerate", "Accelerate")
            ),
            "Accelerator.unwrap_model() got an unexpected keyword argument 'keep_torch_compile'",
            *_imports("accelerate.utils.memory", "clear_device_cache"),
        ),
        types=("ImportError", "TypeError"),
    ),
    Rule(
        "accelerate-newer",
        Advice(
            "transformers is older than accelerate, and passes it an argument that is gone",
            ("pip install -U transformers; or an accelerate of its time: pip install 'accelerate<1.0'",),
        ),
        Advice(
            "transformers 比 accelerate 旧，传了已被移除的参数",
            ("pip install -U transformers；或安装同期的 accelerate：pip install 'accelerate<1.0'",),
        ),
        _ACCELERATE,
        says=(
            f"Accelerator.{_UNEXPECTED} '",
            *(f"{_UNEXPECTED} '{name}'" for name in ("dispatch_batches", "use_seedable_sampler", "even_batches")),
        ),
        types=("TypeError",),
        modules=("transformers.trainer",),
    ),
    Rule(
        "peft-config-newer",
        Advice(
            "the adapter was saved by a newer PEFT than is installed: its config has '{name}'",
            ("pip install -U peft; or delete the unknown keys from adapter_config.json, if they are null",),
        ),
        Advice(
            "adapter 由更新的 PEFT 保存：其配置中有 '{name}'",
            ("pip install -U peft；若值为 null，也可从 adapter_config.json 中删掉这些键",),
        ),
        "https://huggingface.co/docs/peft/developer_guides/checkpoint",
        says=(f"LoraConfig.{_UNEXPECTED} '{{name:word}}'", f"{_UNEXPECTED} '{{name:word}}'"),
        types=("TypeError",),
        modules=("peft.config",),
    ),
    Rule(
        "torch-too-old",
        Advice(
            "a package uses a part of PyTorch that this older torch does not have yet",
            ("upgrade torch; or install an older release of the package in the traceback's last lines",),
        ),
        Advice(
            "某个包用到了当前（较旧）torch 还没有的功能", ("升级 torch；或安装 traceback 最后几行中那个包的旧版本",)
        ),
        _TORCH,
        says=(
            *_attributes("torch.utils._pytree", "register_pytree_node"),
            *_attributes("torch.library", "register_fake", "custom_op", "triton_op"),
            *_attributes("torch.amp", "GradScaler", "custom_fwd", "custom_bwd"),
            *_attributes("torch.compiler", "is_compiling", "is_exporting"),
            *_attributes("torch", "compiler", "float8_e4m3fn", "float8_e8m0fnu", "uint16", "uint32", "uint64"),
            *_attributes("torch.nn", "RMSNorm"),
            *_modules("torch.nn.attention'", "torch.nn.attention.", "torch.distributed.device_mesh'"),
            *_imports("torch.amp", "GradScaler", "custom_fwd"),
            *_imports("torch.distributed.fsdp", "fully_shard", "FSDPModule"),
        ),
        types=("AttributeError", "ImportError"),
    ),
    Rule(
        "torch-part-removed",
        Advice(
            "a package uses a part of PyTorch, torchvision or torchaudio that newer releases removed",
            ("upgrade that package (deepspeed, basicsr, speechbrain, pyannote.audio); or install an older torch",),
        ),
        Advice(
            "某个包用到了 PyTorch、torchvision 或 torchaudio 新版本已移除的部分",
            ("升级那个包（deepspeed、basicsr、speechbrain、pyannote.audio）；或安装更旧的 torch",),
        ),
        _TORCH,
        says=(
            *_modules("torch._six'", "torchvision.transforms.functional_tensor'"),
            *_imports("torch.distributed.elastic.agent.server.api", "log"),
            *_attributes("torchaudio", "AudioMetaData", "list_audio_backends", "set_audio_backend", "sox_effects"),
        ),
        types=("AttributeError", "ImportError"),
    ),
    Rule(
        "python-too-new",
        Advice(
            "the code was written for an older Python: it uses what this Python's standard library no longer has",
            ("upgrade the package in the traceback; or take python=3.10; for distutils: pip install setuptools",),
        ),
        Advice(
            "代码是为更旧的 Python 写的：用到了当前标准库已移除的内容",
            ("升级 traceback 中的包；或换旧的 Python（python=3.10）；distutils：pip install setuptools",),
        ),
        "https://docs.python.org/3/whatsnew/3.12.html#removed",
        says=(
            *_modules("distutils'", "imp'", "asyncore'", "pipes'", "imghdr'", "cgi'", "telnetlib'"),
            *_imports("collections", "Mapping", "MutableMapping", "Iterable", "Sequence", "Callable"),
            *_attributes("collections", "Mapping", "MutableMapping", "Iterable", "Sequence", "Callable"),
            *_attributes("inspect", "getargspec"),
            *_attributes("pkgutil", "ImpImporter"),
        ),
        types=("AttributeError", "ImportError"),
    ),
    Rule(
        "numpy-not-fitting",
        Advice(
            "torch or another package was built for NumPy 1, and NumPy 2 is installed (or none)",
            ("pip install 'numpy<2'; or upgrade torch and the package whose import fails",),
        ),
        Advice(
            "torch 或其他包是为 NumPy 1 编译的，而安装的是 NumPy 2（或没有安装）",
            ("pip install 'numpy<2'；或升级 torch 和导入失败的包",),
        ),
        "https://numpy.org/doc/stable/user/troubleshooting-importerror.html",
        says=("Numpy is not available", "numpy.core.multiarray failed to import", "_ARRAY_API not found"),
        types=("RuntimeError", "ImportError", "AttributeError"),
    ),
    Rule(
        "pyarrow-not-fitting",
        Advice(
            "pyarrow is of another version than the package that uses it was written or built for",
            ("pip install -U datasets pyarrow (both from pip or both from conda), then restart Python",),
        ),
        Advice(
            "pyarrow 的版本与使用它的包不匹配",
            ("pip install -U datasets pyarrow（都用 pip 或都用 conda），然后重启 Python",),
        ),
        "https://github.com/huggingface/datasets/releases",
        says=(
            "pyarrow.lib.{:word} size changed, may indicate binary incompatibility.",
            *_attributes("pyarrow", "PyExtensionType"),
            *_attributes("pyarrow.lib", "ListViewType"),
        ),
        types=("ValueError", "AttributeError"),
    ),
    Rule(
        "datasets-too-old",
        Advice(
            "the datasets package is older than this dataset, or than fsspec",
            ("pip install -U datasets; then delete the copy of this dataset in ~/.cache/huggingface/datasets",),
        ),
        Advice(
            "datasets 包比这个数据集或 fsspec 旧",
            ("pip install -U datasets；再删除 ~/.cache/huggingface/datasets 中该数据集的缓存",),
        ),
        "https://github.com/huggingface/datasets/releases",
        says=(
            "Feature type '{:word}' not found. Available feature types: ",
            "Loading a dataset cached in a LocalFileSystem is not supported",
            "Invalid pattern: '**' can only be an entire path component",
        ),
        types=("ValueError", "NotImplementedError"),
        modules=("datasets",),
    ),
    Rule(
        "datasets-script-gone",
        Advice(
            "this dataset is a script ({script}), which datasets 4 and newer do not run",
            ("load its Parquet copy: revision='refs/convert/parquet'; or pip install 'datasets<4'",),
        ),
        Advice(
            "这个数据集是脚本（{script}），datasets 4 及以上不再运行脚本",
            ("加载其 Parquet 版本：revision='refs/convert/parquet'；或 pip install 'datasets<4'",),
        ),
        "https://github.com/huggingface/datasets/releases",
        says=("Dataset scripts are no longer supported, but found {script}",),
        types=("RuntimeError",),
    ),
)
