"""Saved weights and files that cannot be read."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "checkpoint-part-missing",
        Advice(
            ("the file has no {part}: it is damaged, or of another kind (weights read as TorchScript, or the reverse)"),
            (
                (
                    "compare its size with the source's, and fetch it again; torch.load for weights, "
                    "torch.jit.load for TorchScript"
                ),
            ),
        ),
        Advice(
            "文件里没有 {part}：已损坏，或类型不对（把权重当作 TorchScript 读取，或相反）",
            ("与源文件比较大小并重新获取；权重用 torch.load，TorchScript 用 torch.jit.load",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.jit.load.html",
        says=("PytorchStreamReader failed locating file {part}: file not found",),
        types=("RuntimeError",),
    ),
    Rule(
        "checkpoint-damaged",
        Advice(
            "the file is cut short or damaged: a save, copy or download of it was not finished",
            (
                "compare its size (ls -l) with the source's, and fetch or save it again; look for a full disk",
                "resume from the checkpoint before it",
            ),
        ),
        Advice(
            "文件不完整或损坏：保存、复制或下载没有完成",
            (
                "用 ls -l 与源文件比较大小，重新下载或保存；检查磁盘是否已满",
                "从前一个 checkpoint 恢复",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.load.html",
        says=(
            "storage has wrong size: expected {:int} got {:int}",
            "storage has wrong byte size: expected {:int} got {:int}",
            "Invalid magic number; corrupt file?",
            "pickle data was truncated",
            "PytorchStreamReader failed reading zip archive: ",
        ),
        types=(
            "RuntimeError",
            "UnpicklingError",
        ),
    ),
    Rule(
        "pickle-wrong-format",
        Advice(
            (
                "the file is no pickle and no checkpoint of torch: of another format, damaged, or a web page "
                "in its place"
            ),
            (
                (
                    "look at its begin: file PATH; head -c 200 PATH; safetensors files are read with "
                    "safetensors.torch.load_file"
                ),
            ),
        ),
        Advice(
            "文件不是 pickle，也不是 torch 的 checkpoint：格式不同、损坏，或保存的是网页",
            ("查看文件开头：file PATH；head -c 200 PATH；safetensors 文件用 safetensors.torch.load_file 读取",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.load.html",
        says=("invalid load key, '",),
        types=("UnpicklingError",),
    ),
    Rule(
        "pickle-of-torch",
        Advice(
            (
                "the file was saved by torch.save, and is read by pickle.load, or by a torch that is older "
                "than the format"
            ),
            (
                (
                    "read it with torch.load(path, map_location='cpu'); upgrade torch; is it the inner data.pkl "
                    "of an unpacked archive?"
                ),
            ),
        ),
        Advice(
            "文件由 torch.save 保存，却用 pickle.load 或过旧的 torch 读取",
            ("用 torch.load(path, map_location='cpu') 读取；升级 torch；确认不是解压后里面的 data.pkl",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.load.html",
        says=("A load persistent id instruction was encountered,",),
        types=("UnpicklingError",),
    ),
    Rule(
        "pickle-file-empty",
        Advice(
            "a pickle or checkpoint file is empty: its save was cut off, or the disk was full",
            (
                (
                    "see ls -l of the file; delete it and make it again (caches are made anew), or resume from "
                    "the one before"
                ),
            ),
        ),
        Advice(
            "pickle 或 checkpoint 文件是空的：保存中断，或磁盘已满",
            ("用 ls -l 查看文件；删除后重新生成（缓存会自动重建），或从前一个 checkpoint 恢复",),
        ),
        "https://docs.python.org/3/library/pickle.html",
        says=("Ran out of input",),
        types=("EOFError",),
    ),
    Rule(
        "checkpoint-weights-only-plain",
        Advice(
            "torch.load refuses pickled objects (by default since PyTorch 2.6), and the file holds some",
            (
                (
                    "if you trust the file: torch.load(path, weights_only=False), or add_safe_globals([...]) for "
                    "its classes"
                ),
                "else save tensors alone: state_dict(), or safetensors",
            ),
        ),
        Advice(
            "torch.load 拒绝加载 pickle 对象（PyTorch 2.6 起的默认行为），而该文件包含这类对象",
            (
                "信任该文件时：torch.load(path, weights_only=False)，或对其类用 add_safe_globals([...])",
                "否则只保存张量：state_dict() 或 safetensors",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only",
        says=(
            "Weights only load failed.",
            "WeightsUnpickler error: ",
        ),
        unless=tuple(  # an error of the device, which torch.load only passes on
            f"{begin}{error}"
            for begin in ("", "{}WeightsUnpickler error: ")
            for error in ("CUDA ", "HIP ", "NPU ", "Attempting to deserialize object on ")
        ),
        types=("UnpicklingError",),
    ),
    Rule(
        "safetensors-tensor-missing",
        Advice(
            "the safetensors file has no tensor {name}: it is of another model, or one shard of several",
            (("compare model.safetensors.index.json and config.json with the files; fetch the missing shards again"),),
        ),
        Advice(
            "safetensors 文件里没有张量 {name}：属于别的模型，或只是多个分片之一",
            ("核对 model.safetensors.index.json、config.json 与文件；重新下载缺失的分片",),
        ),
        "https://huggingface.co/docs/safetensors/index",
        says=("File does not contain tensor {name:word}",),
        types=("SafetensorError",),
    ),
    Rule(
        "safetensors-no-metadata",
        Advice(
            "the safetensors file {path} was saved without the metadata that transformers wants (format)",
            ("save it with save_pretrained(), or save_file(tensors, path, metadata={'format': 'pt'})",),
        ),
        Advice(
            "safetensors 文件 {path} 保存时没有 transformers 需要的元数据（format）",
            ("用 save_pretrained() 保存，或 save_file(tensors, path, metadata={'format': 'pt'})",),
        ),
        "https://github.com/ml-explore/mlx/issues/743",
        says=("The safetensors archive passed at {path} does not contain the valid metadata.",),
        types=("OSError",),
    ),
    Rule(
        "weights-file-unreadable",
        Advice(
            "a weights file cannot be read ({path}): cut short, a git-lfs pointer, or saved by a newer library",
            (
                "see ls -l: a pointer is 130 bytes; git lfs pull, or hf download REPO again",
                "compare its size with that on the model's page",
            ),
        ),
        Advice(
            "权重文件无法读取（{path}）：不完整、是 git-lfs 指针，或由更新的库保存",
            (
                "用 ls -l 查看：指针只有约 130 字节；git lfs pull，或重新 hf download REPO",
                "与模型主页上的大小比较",
            ),
        ),
        "https://git-lfs.com/",
        says=("Unable to load weights from pytorch checkpoint file for '{}' at '{path}'",),
        types=("OSError",),
    ),
    Rule(
        "weights-lfs-pointers",
        Advice(
            "the repository was cloned without git-lfs, so its weights are pointers of a few bytes",
            ("install git-lfs, then git lfs install and git lfs pull in it; or hf download REPO",),
        ),
        Advice(
            "克隆仓库时没有 git-lfs，权重只是几个字节的指针",
            ("安装 git-lfs，然后在仓库里 git lfs install、git lfs pull；或 hf download REPO",),
        ),
        "https://git-lfs.com/",
        says=("You seem to have cloned a repository without having git-lfs installed.",),
        types=("OSError",),
    ),
    Rule(
        "adapter-missing",
        Advice(
            "{path} holds no adapter: no adapter_config.json is there",
            (
                (
                    "give the directory that save_pretrained() of the PEFT model wrote; checkpoints of full "
                    "training have none"
                ),
            ),
        ),
        Advice(
            "{path} 里没有 adapter：缺少 adapter_config.json",
            ("传 PEFT 模型 save_pretrained() 写出的目录；全量训练的 checkpoint 没有它",),
        ),
        "https://huggingface.co/docs/peft/developer_guides/checkpoint",
        says=("Can't find 'adapter_config.json' at '{path}'",),
        types=("ValueError",),
    ),
    Rule(
        "weights-not-a-model",
        Advice(
            "torch.load gave a dict of weights, and the code uses it as the model (.{name})",
            ("build the model first: model = Net(); model.load_state_dict(torch.load(path)); then model.{name}",),
        ),
        Advice(
            "torch.load 得到的是权重字典，而代码把它当作模型使用（.{name}）",
            ("先创建模型：model = Net(); model.load_state_dict(torch.load(path))；再用 model.{name}",),
        ),
        "https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html",
        says=("'collections.OrderedDict' object has no attribute '{name:word}'",),
        types=("AttributeError",),
    ),
    Rule(
        "checkpoint-file-missing",
        Advice(
            "the checkpoint file that the error names does not exist here",
            ("give an absolute path, and see ls there on this node; did the run that saves it get so far?",),
        ),
        Advice(
            "报错里的 checkpoint 文件在这里不存在",
            ("使用绝对路径，并在该节点上 ls 查看；保存它的任务是否运行到了那一步",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.load.html",
        says=(
            "[Errno 2] No such file or directory: '{}.pt'",
            "[Errno 2] No such file or directory: '{}.pth'",
            "[Errno 2] No such file or directory: '{}.ckpt'",
            "[Errno 2] No such file or directory: '{}pytorch_model.bin'",
            "[Errno 2] No such file or directory: '{}.safetensors'",
            "[Errno 2] No such file or directory: '{}.pth.tar'",
        ),
        types=("FileNotFoundError",),
    ),
    Rule(
        "json-empty",
        Advice(
            "what was to be read as JSON is empty or no JSON at all: a cut-off file, or a web page as an answer",
            (
                (
                    "look at the file that the traceback names (ls -l, head -c 200); trainer_state.json: resume "
                    "from the checkpoint before"
                ),
            ),
        ),
        Advice(
            "要作为 JSON 读取的内容为空或根本不是 JSON：文件不完整，或返回的是网页",
            ("查看 traceback 中的文件（ls -l、head -c 200）；trainer_state.json：从前一个 checkpoint 恢复",),
        ),
        "https://docs.python.org/3/library/json.html#json.JSONDecodeError",
        says=("Expecting value: line 1 column 1 (char 0)",),
        types=(
            "JSONDecodeError",
            "ValueError",
        ),
    ),
    Rule(
        "zip-file-damaged",
        Advice(
            (
                "the file is no zip archive (or .npz, .pt, .xlsx), or its end is missing: a download or save "
                "was not finished"
            ),
            ("compare its size with the source's, and fetch it again; look at its begin: file PATH",),
        ),
        Advice(
            "文件不是 zip（或 .npz、.pt、.xlsx），或结尾缺失：下载或保存没有完成",
            ("与源文件比较大小并重新获取；查看文件开头：file PATH",),
        ),
        "https://docs.python.org/3/library/zipfile.html",
        says=(
            "File is not a zip file",
            "Bad magic number for central directory",
            "Bad CRC-32 for file ",
        ),
        types=("BadZipFile",),
    ),
    Rule(
        "distributed-checkpoint-shape",
        Advice(
            "{name} has the shape [{saved}] in the distributed checkpoint and [{now}] in this run",
            (
                (
                    "resume with the same wrapping and version (use_orig_params, FSDP 1 or 2, tensor parallel "
                    "size), or convert the checkpoint"
                ),
            ),
        ),
        Advice(
            "{name} 在分布式 checkpoint 里的形状是 [{saved}]，当前是 [{now}]",
            ("用相同的包装方式和版本恢复（use_orig_params、FSDP 1 或 2、张量并行大小），或先转换 checkpoint",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.checkpoint.html",
        says=("Size mismatch between saved torch.Size([{saved}]) and current: torch.Size([{now}]) for {name:word}",),
        types=(
            "ValueError",
            "CheckpointException",
        ),
    ),
)
