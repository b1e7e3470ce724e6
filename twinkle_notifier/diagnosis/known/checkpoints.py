"""Reading checkpoints and weights, and continuing from them."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_LOAD = "https://docs.pytorch.org/docs/stable/generated/torch.load.html"
_STATE = "https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html"
_SAFETENSORS = "https://huggingface.co/docs/safetensors/index#format"
_HEADER = "Error while deserializing header: "
_ZIP = "PytorchStreamReader failed reading"
_ZIP_BROKEN = ("failed finding central directory", "invalid header or archive is corrupted", "not a ZIP archive")
_FILE_BROKEN = ("file read failed", "invalid header or archive", "decompression failed", "CRC-32 check failed")
_BEGINS = ("", "[enforce fail at {}inline_container.cc:{:int}] . ")  # the latter in older releases
_MISSING = 'Missing key(s) in state_dict: "'
_UNEXPECTED = 'Unexpected key(s) in state_dict: "'
_SHAPES = (
    "size mismatch for {name:word}: copying a param with shape torch.Size([{saved}]) from checkpoint, the shape in"
    " current model is torch.Size([{now}])."
)

_TEXT = Advice(
    "the file is not of the expected format: usually a git-lfs pointer, or a web page saved in its place",
    (
        "look at it: `head -c 200 FILE`; a pointer begins with 'version https://git-lfs', a page with '<'",
        "fetch the weights: `git lfs install && git lfs pull`, or `hf download REPO`, or the direct link",
    ),
)
_TEXT_ZH = Advice(
    "文件格式不符：通常是 git-lfs 指针，或误存的网页",
    (
        "查看文件：`head -c 200 FILE`；指针以 'version https://git-lfs' 开头，网页以 '<' 开头",
        "下载真正的权重：`git lfs install && git lfs pull`，或 `hf download REPO`，或用直链下载",
    ),
)
_CUT = Advice(
    "the file is cut short or damaged: a save, copy or download of it was not finished",
    (
        "resume from the checkpoint before it, or fetch the file again; compare its size (ls -l) with its neighbours",
        "make sure that the disk was not full (df -h), and that one rank alone writes or downloads it",
        "write checkpoints to a temporary name, then os.replace: a killed save leaves no half file",
    ),
)
_CUT_ZH = Advice(
    "文件不完整或损坏：保存、复制或下载没有完成",
    (
        "从上一个 checkpoint 恢复，或重新下载；用 ls -l 与相邻文件比较大小",
        "确认当时磁盘未满（df -h），且只有一个 rank 写入或下载",
        "保存时先写临时文件再 os.replace，避免中途被杀留下半个文件",
    ),
)


def _prefix(name: str, prefix: str, en: Advice, zh: Advice, *, saved: bool) -> Rule:
    """The names of the checkpoint (`saved`), or those of the model, have a `prefix` that the others lack."""
    has, lacks = (_UNEXPECTED, _MISSING) if saved else (_MISSING, _UNEXPECTED)
    says, unless = ((f"{kind}{prefix}", f"{kind}module.{prefix}") for kind in (has, lacks))
    return Rule(name, en, zh, _STATE, says=says, also=(lacks,), unless=unless, types=("RuntimeError",))


RULES: tuple[Rule, ...] = (
    Rule(
        "checkpoint-not-downloaded",
        _TEXT,
        _TEXT_ZH,
        "https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md",
        says=("invalid load key, 'v'.", "invalid load key, '<'.", "Unsupported operand 118", "Unsupported operand 60"),
        types=("UnpicklingError",),
    ),
    Rule(
        "checkpoint-cut-short",
        _CUT,
        _CUT_ZH,
        _LOAD,
        says=(
            *(f"{begin}{_ZIP} zip archive: {why}" for begin in _BEGINS for why in _ZIP_BROKEN),
            *(f"{begin}{_ZIP} file {{}}: {why}" for begin in _BEGINS for why in _FILE_BROKEN),
            "unexpected EOF, expected {:int} more bytes. The file might be corrupted.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "checkpoint-empty",
        _CUT,
        _CUT_ZH,
        _LOAD,
        says=("Ran out of input", "pickle data was truncated"),
        types=("EOFError", "UnpicklingError"),
        modules=("torch.serialization",),
    ),
    Rule(
        "safetensors-not-weights",
        _TEXT,
        _TEXT_ZH,
        _SAFETENSORS,
        says=(_HEADER + "HeaderTooLarge", _HEADER + "header too large"),
        types=("SafetensorError",),
    ),
    Rule(
        "safetensors-cut-short",
        _CUT,
        _CUT_ZH,
        _SAFETENSORS,
        says=(
            _HEADER + "MetadataIncompleteBuffer",
            _HEADER + "incomplete metadata, file not fully covered",
            _HEADER + "InvalidHeader",
            _HEADER + "invalid header length",
            _HEADER + "invalid JSON in header",
            _HEADER + "invalid UTF-8 in header",
            _HEADER + "HeaderTooSmall",
            _HEADER + "header too small",
        ),
        types=("SafetensorError",),
    ),
    Rule(
        "checkpoint-numpy-2",
        Advice(
            "the file was saved with NumPy 2, and this environment has NumPy 1",
            ("upgrade: python -m pip install 'numpy>=2'; or load it where NumPy 2 is, and save torch tensors",),
        ),
        Advice(
            "文件是用 NumPy 2 保存的，而当前环境是 NumPy 1",
            ("升级：python -m pip install 'numpy>=2'（确认其他包兼容）；或在有 NumPy 2 的环境中转存",),
        ),
        "https://numpy.org/doc/stable/numpy_2_0_migration_guide.html",
        says=("No module named 'numpy._core'", "No module named 'numpy._core."),
        types=("ModuleNotFoundError",),
        modules=("torch.serialization", "pickle", "joblib"),
    ),
    Rule(
        "checkpoint-code-moved",
        Advice(
            "the checkpoint holds whole objects, and their code ({name}) is not where it was at the save",
            (
                "make the old module importable: its directory in PYTHONPATH, or sys.modules['old.name'] = module",
                "then save only state_dict(): it does not depend on the place of the code",
            ),
        ),
        Advice(
            "checkpoint 保存了整个对象，而其代码（{name}）已不在保存时的位置",
            (
                "让旧模块可以导入：把目录加入 PYTHONPATH，或设置 sys.modules['old.name'] = module",
                "之后只保存 state_dict()，它不依赖代码位置",
            ),
        ),
        _STATE,
        says=("No module named '{name}'", "Can't get attribute '{name}' on <module '"),
        types=("ModuleNotFoundError", "AttributeError"),
        modules=("torch.serialization",),
    ),
    Rule(
        "checkpoint-weights-only",
        Advice(
            "torch.load refuses pickled objects (by default since PyTorch 2.6), and the file holds {name}",
            (
                "if you trust the file: torch.load(..., weights_only=False), or allow it: add_safe_globals([...])",
                "save plain tensors, numbers and dicts: no argparse.Namespace, no NumPy scalars",
            ),
        ),
        Advice(
            "torch.load 拒绝反序列化对象（PyTorch 2.6 起为默认），而文件中含有 {name}",
            (
                "若信任该文件：torch.load(..., weights_only=False)，或用 add_safe_globals([...]) 只放行个别类",
                "保存时只用张量、数值和 dict，不要存 argparse.Namespace 和 NumPy 标量",
            ),
        ),
        _LOAD,
        says=(
            "WeightsUnpickler error: Unsupported global: GLOBAL {name:word} was not an allowed global by default",
            "Unsupported global: GLOBAL {name:word} was not an allowed global by default",
        ),
        types=("UnpicklingError",),
    ),
    Rule(
        "state-dict-not-unpacked",
        Advice(
            "the whole checkpoint was passed to load_state_dict, instead of the weights in it",
            ("print(checkpoint.keys()), and pass the right part, as checkpoint['model_state_dict']",),
        ),
        Advice(
            "把整个 checkpoint 传给了 load_state_dict，而不是其中的权重",
            ("用 print(checkpoint.keys()) 查看，只传入对应部分，如 checkpoint['model_state_dict']",),
        ),
        _STATE,
        says=tuple(
            f'{_UNEXPECTED}{key}"' for key in ("state_dict", "model_state_dict", "model", "epoch", "step", "optimizer")
        ),
        also=(_MISSING,),
        types=("RuntimeError",),
    ),
    _prefix(
        "state-dict-saved-compiled",
        "_orig_mod.",
        Advice(
            "the checkpoint is of a model after torch.compile (names with '_orig_mod.'), and this one is not compiled",
            ("take it out of the names: {k.replace('_orig_mod.', ''): v for k, v in state.items()}",),
        ),
        Advice(
            "checkpoint 来自 torch.compile 之后的模型（参数名带 '_orig_mod.'），而当前模型未编译",
            ("从参数名中去掉它：{k.replace('_orig_mod.', ''): v for k, v in state.items()}",),
        ),
        saved=True,
    ),
    _prefix(
        "state-dict-model-compiled",
        "_orig_mod.",
        Advice(
            "the weights are loaded into a compiled model, and the checkpoint is of one that is not compiled",
            ("call load_state_dict before torch.compile, or on model._orig_mod",),
        ),
        Advice(
            "权重加载到了编译后的模型，而 checkpoint 来自未编译的模型",
            ("在 torch.compile 之前调用 load_state_dict，或对 model._orig_mod 调用",),
        ),
        saved=False,
    ),
    _prefix(
        "state-dict-saved-wrapped",
        "module.",
        Advice(
            "the checkpoint is of a model in DistributedDataParallel (names with 'module.'), and this one is bare",
            (
                "take the prefix off: torch.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, 'module.')",
                "save model.module.state_dict() from now on",
            ),
        ),
        Advice(
            "checkpoint 来自 DistributedDataParallel 包装的模型（参数名带 'module.'），而当前模型未包装",
            (
                "去掉前缀：torch.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, 'module.')",
                "今后保存 model.module.state_dict()",
            ),
        ),
        saved=True,
    ),
    _prefix(
        "state-dict-model-wrapped",
        "module.",
        Advice(
            "the weights are loaded into DistributedDataParallel, and the checkpoint is of the bare model",
            ("call model.module.load_state_dict(...), or load the weights before the model is wrapped",),
        ),
        Advice(
            "权重加载到了 DistributedDataParallel 对象，而 checkpoint 来自未包装的模型",
            ("调用 model.module.load_state_dict(...)，或在包装之前加载权重",),
        ),
        saved=False,
    ),
    Rule(
        "state-dict-shapes",
        Advice(
            "the model was built with other sizes than the checkpoint's: {name} has [{saved}] there, [{now}] here",
            (
                "build the model with the config of the checkpoint (layers, hidden size, classes, vocabulary)",
                "for a new head, leave its weights out; strict=False does not skip wrong shapes",
            ),
        ),
        Advice(
            "模型尺寸与 checkpoint 不一致：{name} 在 checkpoint 中为 [{saved}]，当前为 [{now}]",
            (
                "用 checkpoint 对应的配置构建模型（层数、隐藏维度、类别数、词表大小）",
                "若要换新的输出层，先删掉它的权重；strict=False 不会跳过形状不符的参数",
            ),
        ),
        _STATE,
        says=(_SHAPES,),
        types=("RuntimeError",),
    ),
    Rule(
        "state-dict-names",
        Advice(
            "the checkpoint is of another model: names of its weights and of this model's differ",
            (
                "compare model.state_dict().keys() with the names in the file; code and config must be the same",
                "if the difference is wanted (a new head, LoRA): strict=False, and read what it returns",
            ),
        ),
        Advice(
            "checkpoint 与当前模型不是同一结构：权重名不一致",
            (
                "对比 model.state_dict().keys() 与文件中的名称；代码版本和配置要一致",
                "若差异是有意的（新输出层、LoRA）：用 strict=False，并检查其返回值",
            ),
        ),
        _STATE,
        says=(_MISSING, _UNEXPECTED),
        types=("RuntimeError",),
    ),
    Rule(
        "checkpoint-device-missing",
        Advice(
            "the checkpoint's tensors were saved on a GPU that this process does not have",
            ("pass map_location='cpu' to torch.load, then move the model to its device",),
        ),
        Advice(
            "checkpoint 中的张量保存自当前进程没有的 GPU",
            ("给 torch.load 传 map_location='cpu'，再把模型移到目标设备",),
        ),
        _LOAD,
        says=(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
            "Attempting to deserialize object on CUDA device {:int} but torch.cuda.device_count() is {:int}.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "resume-no-checkpoint",
        Advice(
            "there is no complete checkpoint where the run should resume from: {path}",
            (
                "list it with `ls -l`: the save may have been interrupted, or the job runs in another directory",
                "resume only if there is one: transformers.trainer_utils.get_last_checkpoint(output_dir)",
            ),
        ),
        Advice(
            "要恢复的位置没有完整的 checkpoint：{path}",
            (
                "用 `ls -l` 查看：可能保存被中断，或作业的工作目录不同",
                "有 checkpoint 时才恢复：transformers.trainer_utils.get_last_checkpoint(output_dir)",
            ),
        ),
        "https://github.com/huggingface/transformers/blob/main/src/transformers/trainer.py",
        says=(
            "Can't find a valid checkpoint at {path}",
            "No valid checkpoint found in output directory ({path})",
            "Checkpoint file not found: {path}",
            "Checkpoint at {path} not found. Aborting training.",
        ),
        types=("ValueError", "FileNotFoundError"),
    ),
    Rule(
        "lightning-foreign-checkpoint",
        Advice(
            "the file is no checkpoint of Lightning: it holds bare weights, without the state of the Trainer",
            ("load it into the model: model.load_state_dict(torch.load(path)), and leave ckpt_path out",),
        ),
        Advice(
            "该文件不是 Lightning 的 checkpoint：只有权重，没有 Trainer 状态",
            ("直接加载到模型：model.load_state_dict(torch.load(path))，不要传 ckpt_path",),
        ),
        "https://github.com/facebookresearch/nougat/issues/165",
        says=("'pytorch-lightning_version'",),
        types=("KeyError",),
    ),
)
