"""Other frameworks, compilers and kernels."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_KERNELS = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/cuda/"
_CUDA = "https://docs.pytorch.org/docs/stable/notes/cuda.html"
_JAX = ("XlaRuntimeError", "JaxRuntimeError")
_DEVICE = ("AcceleratorError", "RuntimeError")
_DYNAMO = "https://github.com/pytorch/pytorch/blob/main/torch/_dynamo/eval_frame.py"
_TRITON = "https://github.com/triton-lang/triton/blob/main/python/triton/runtime/build.py"
_BUILDS = ("CalledProcessError", "BackendCompilerFailed", "InductorError", "RuntimeError")
_HELPERS = ("main", "cuda_utils", "hip_utils", "__triton_launcher")
_TRITON_COMMANDS = tuple(f"Command '['{{cc}}', '{{}}/{name}.c', '-O3', '" for name in _HELPERS)


def _assertion(name: str, en: Advice, zh: Advice, source: str, *checks: str) -> Rule:
    """A check of a kernel that failed, as CUDA prints it."""
    printed = (f"{{}}.cu:{{:int}}: {where}Assertion `{check}" for check in checks for where in ("{}: block: [{}", "{}"))
    return Rule(name, en, zh, _KERNELS + source, printed=tuple(printed))


def _wrapped(*texts: str) -> tuple[str, ...]:
    """By itself, and within an error of torch.compile."""
    kinds = ("", "RuntimeError: ", "CalledProcessError: ", "TritonMissing: ", "GPUTooOldForTriton: ")
    return tuple(kind + text for text in texts for kind in kinds)


RULES: tuple[Rule, ...] = (
    _assertion(
        "assert-label-range",
        Advice(
            "a label is negative, or not smaller than the number of classes",
            ("check labels.min() and labels.max() against num_labels; mark labels to skip with ignore_index (-100)",),
        ),
        Advice(
            "有标签为负数，或不小于类别数",
            ("核对 labels.min()、labels.max() 与 num_labels；要忽略的标签用 ignore_index（-100）",),
        ),
        "Loss.cu",
        "t >= 0 && t < n_classes`",
        "cur_target >= 0 && cur_target < n_classes`",
    ),
    _assertion(
        "assert-index-range",
        Advice(
            "an index is out of range: a token id beyond the embedding, a position beyond the maximum, or one of yours",
            (
                "check input_ids.max() < model.get_input_embeddings().num_embeddings, and the sequence's length",
                "after adding tokens: model.resize_token_embeddings(len(tokenizer))",
            ),
        ),
        Advice(
            "索引越界：token id 超出 embedding、位置超出最大长度，或自己的索引有误",
            (
                "检查 input_ids.max() < model.get_input_embeddings().num_embeddings，以及序列长度",
                "新增 token 之后：model.resize_token_embeddings(len(tokenizer))",
            ),
        ),
        "Indexing.cu",
        "srcIndex < srcSelectDimSize`",
        "ind >=0 && ind < ind_dim_size",
        "-sizes[i] <= index && index < sizes[i]",
        "index >= -sizes[i] && index < sizes[i]",
        "idx_dim >= 0 && idx_dim < index_size",
    ),
    _assertion(
        "assert-bce-input",
        Advice(
            "BCELoss got an input outside of 0 to 1: raw outputs without sigmoid, or NaN",
            ("use BCEWithLogitsLoss on the raw outputs; if sigmoid is there, look for NaN",),
        ),
        Advice(
            "BCELoss 的输入不在 0 到 1 之间：没有经过 sigmoid，或是 NaN",
            ("对原始输出使用 BCEWithLogitsLoss；若已有 sigmoid，检查是否出现 NaN",),
        ),
        "Loss.cu",
        "input_val >= zero && input_val <= one`",
    ),
    Rule(
        "abort-cuda-error",
        Advice(
            "a CUDA error ended the process from a native thread: {error}",
            ("look for a Python traceback with it further up; else run with CUDA_LAUNCH_BLOCKING=1, and see dmesg",),
        ),
        Advice(
            "原生线程里的 CUDA 错误终止了进程：{error}",
            ("在日志上方找带有此错误的 Python traceback；否则设置 CUDA_LAUNCH_BLOCKING=1 重跑，并看 dmesg",),
        ),
        "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html",
        printed=(
            "what():  CUDA error: {error}",
            "what():  [{}Rank {:int}] Process group watchdog thread terminated with exception: CUDA error: {error}",
            "[rank{:int}]:[E{}] [{}Rank {:int}] Process group watchdog thread terminated with exception: "
            "CUDA error: {error}",
            "what():  [{}Rank {:int}] NCCL watchdog thread terminated with exception: CUDA error: {error}",
        ),
    ),
    Rule(
        "jax-dnn-library",
        Advice(
            "JAX could not start cuDNN: the device is full (JAX or another process took it), or it is another version",
            ("see nvidia-smi; set XLA_PYTHON_CLIENT_PREALLOCATE=false, unset LD_LIBRARY_PATH; upgrade jax[cuda12]",),
        ),
        Advice(
            "JAX 无法初始化 cuDNN：显存已被 JAX 或其他进程占满，或加载了版本不符的 cuDNN",
            ("看 nvidia-smi；设 XLA_PYTHON_CLIENT_PREALLOCATE=false，取消 LD_LIBRARY_PATH；升级 jax[cuda12]",),
        ),
        "https://github.com/jax-ml/jax/issues/15361",
        says=("FAILED_PRECONDITION: DNN library initialization failed",),
        types=_JAX,
    ),
    Rule(
        "jax-no-accelerator",
        Advice(
            "JAX found no {platform}: its CUDA plugin is not installed, does not fit the driver, or no GPU is visible",
            ("pip install -U 'jax[cuda12]'; check nvidia-smi, CUDA_VISIBLE_DEVICES; JAX_PLATFORMS=cpu goes without",),
        ),
        Advice(
            "JAX 找不到 {platform}：没有安装 CUDA 插件、与驱动不匹配，或看不到 GPU",
            ("pip install -U 'jax[cuda12]'；检查 nvidia-smi 和 CUDA_VISIBLE_DEVICES；不用 GPU 时设 JAX_PLATFORMS=cpu",),
        ),
        "https://docs.jax.dev/en/latest/installation.html",
        says=(
            "Unknown backend: '{platform:word}' requested, but no platforms that are instances of",
            "Unknown backend: {platform:word} requested, but no platforms that are instances of",
            "Unable to initialize backend '{platform:word}': ",
        ),
        unless=("Unable to initialize backend 'tpu'",),
        types=("RuntimeError",),
    ),
    Rule(
        "bf16-matmul-unsupported",
        Advice(
            "this GPU does not do bfloat16 here: it needs Ampere (A100, RTX 30) or newer, and the cuBLAS of this torch",
            ("use float16 in its place (fp16=True, dtype=torch.float16), or float32; unset LD_LIBRARY_PATH",),
        ),
        Advice(
            "这张卡上无法做 bfloat16 运算：需要 Ampere（A100、RTX 30）及更新的卡，以及与 torch 匹配的 cuBLAS",
            ("改用 float16（fp16=True、dtype=torch.float16）或 float32；并取消 LD_LIBRARY_PATH",),
        ),
        "https://github.com/pytorch/pytorch/issues/57773",
        says=tuple(
            f"CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `{call}({{}}CUDA_R_16BF"
            for call in ("cublasGemmEx", "cublasGemmStridedBatchedEx", "cublasGemmStridedBatchedExFix")
        ),
        types=_DEVICE,
    ),
    Rule(
        "cuda-graph-capture",
        Advice(
            "the code of a CUDA graph does what waits for the device: .item(), print, a copy from the CPU",
            ("take it out of that code; or switch graphs off: no mode='reduce-overhead', vLLM enforce_eager=True",),
        ),
        Advice(
            "在 CUDA graph 捕获期间执行了需要等待设备的操作：.item()、print、从 CPU 拷贝等",
            ("把它移出被捕获的代码；或关闭 CUDA graph：不用 mode='reduce-overhead'，vLLM 设 enforce_eager=True",),
        ),
        _CUDA + "#cuda-graphs",
        says=(
            *(
                f"{device} error: {why}"
                for device in ("CUDA", "HIP")
                for why in (
                    "operation not permitted when stream is capturing",
                    "operation failed due to a previous error during capture",
                )
            ),
            "Cannot copy between CPU and CUDA tensors during CUDA graph capture unless the CPU tensor is pinned.",
        ),
        types=_DEVICE,
    ),
    Rule(
        "cuda-graph-overwritten",
        Advice(
            "a result of a compiled model was used after the model had run again: CUDA graphs reuse its memory",
            ("clone() what is kept, or call torch.compiler.cudagraph_mark_step_begin() before each step",),
        ),
        Advice(
            "编译后模型的输出在模型再次运行之后才被使用：CUDA graph 会复用这块显存",
            ("对要保留的输出调用 clone()，或在每步开始前调用 torch.compiler.cudagraph_mark_step_begin()",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.compiler.cudagraph_mark_step_begin.html",
        says=("Error: accessing tensor output of CUDAGraphs that has been overwritten by a subsequent run.",),
        types=("RuntimeError",),
    ),
    Rule(
        "pin-memory-thread",
        Advice(
            "the thread that pins the DataLoader's batches ended: by an error in it, or as the run was stopped",
            ("look for the error that this thread printed further up; pin_memory=False shows it in the main thread",),
        ),
        Advice(
            "DataLoader 的 pin memory 线程已退出：线程内出错，或运行被终止",
            ("在日志上方找该线程打印的报错；设 pin_memory=False 试一次",),
        ),
        "https://docs.pytorch.org/docs/stable/data.html#memory-pinning",
        says=("Pin memory thread exited unexpectedly",),
        types=("RuntimeError",),
    ),
    Rule(
        "locale-missing",
        Advice(
            "LANG, LC_ALL or the program asks for a locale that this machine or container does not have",
            ("export LC_ALL=C.UTF-8 LANG=C.UTF-8; or install it: apt install locales, locale-gen (see locale -a)",),
        ),
        Advice(
            "LANG、LC_ALL 或程序要求的 locale 在这台机器或容器里不存在",
            ("export LC_ALL=C.UTF-8 LANG=C.UTF-8；或安装：apt install locales 后执行 locale-gen（用 locale -a 查看）",),
        ),
        "https://docs.python.org/3/library/locale.html#locale.setlocale",
        says=("unsupported locale setting",),
        types=("Error",),
    ),
    Rule(
        "pickle-4-gib",
        Advice(
            "a bytes or str object over 4 GiB is pickled with protocol 3 or older",
            ("torch.save(..., pickle_protocol=4) or pickle.dump(..., protocol=4); or keep the data in tensors",),
        ),
        Advice(
            "用 pickle 协议 3 或更旧的版本序列化超过 4 GiB 的 bytes 或 str",
            ("torch.save(..., pickle_protocol=4) 或 pickle.dump(..., protocol=4)；或改用张量、文件保存数据",),
        ),
        "https://docs.python.org/3/library/pickle.html#data-stream-format",
        says=tuple(
            f"{verb} a {kind} larger than 4 GiB"
            for verb in ("cannot serialize", "serializing")
            for kind in ("bytes object", "string")
        ),
        types=("OverflowError",),
    ),
    Rule(
        "triton-helper-build",
        Advice(
            "Triton could not compile its helper with {cc}: it found no Python headers (Python.h), or no libcuda",
            (
                "the compiler's own message stands further up; for Python.h: apt install python3-dev (of this Python)",
                "for 'cannot find -lcuda': set TRITON_LIBCUDA_PATH to the directory with libcuda.so",
            ),
        ),
        Advice(
            "Triton 用 {cc} 编译辅助模块失败：找不到 Python 头文件（Python.h）或 libcuda",
            (
                "编译器的报错在日志更上方；缺 Python.h：apt install python3-dev（与当前 Python 版本一致）",
                "'cannot find -lcuda'：把 TRITON_LIBCUDA_PATH 设为 libcuda.so 所在目录",
            ),
        ),
        _TRITON,
        says=_wrapped(*_TRITON_COMMANDS),
        types=_BUILDS,
    ),
    Rule(
        "triton-missing",
        Advice(
            "torch.compile needs Triton, which is not installed, or too old for this torch",
            ("reinstall torch: its Linux wheels bring it (Windows: pip install triton-windows); or leave compile out",),
        ),
        Advice(
            "torch.compile 需要 Triton，但没有安装，或版本对当前 torch 太旧",
            ("重装 torch（Linux 的 wheel 自带；Windows：pip install triton-windows）；或不用 torch.compile",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/torch/_inductor/exc.py",
        says=_wrapped("Cannot find a working triton installation."),
        types=("TritonMissing", *_BUILDS),
    ),
    Rule(
        "triton-gpu-too-old",
        Advice(
            "{device} is too old for Triton, and thus for torch.compile (it needs compute capability 7.0)",
            ("leave torch.compile out (torch_compile=False); what needs Triton kernels runs on Volta (V100) or newer",),
        ),
        Advice(
            "{device} 对 Triton（因而 torch.compile）来说太旧，需要 compute capability 7.0",
            ("不用 torch.compile（torch_compile=False）；依赖 Triton kernel 的程序需要 Volta（V100）或更新的卡",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/torch/_inductor/exc.py",
        says=_wrapped("Found {device} which is too old to be supported by the triton GPU compiler"),
        types=("GPUTooOldForTriton", *_BUILDS),
    ),
    Rule(
        "compile-python-too-new",
        Advice(
            "this torch does not do torch.compile on Python {version} and newer",
            ("upgrade torch; or use an older Python (conda create -n ENV python=3.11); or leave torch.compile out",),
        ),
        Advice(
            "这个版本的 torch 不支持在 Python {version} 及以上使用 torch.compile",
            ("升级 torch；或换旧一些的 Python（conda create -n ENV python=3.11）；或不用 torch.compile",),
        ),
        _DYNAMO,
        says=(
            "Dynamo is not supported on Python {version:number}+",
            "torch.compile is not supported on Python {version:number}+",
            "Python {version:number}+ not yet supported for torch.compile",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "jax-versions",
        Advice(
            "jax and jaxlib do not fit each other: {found} of jaxlib is installed",
            ("install them together: pip install -U 'jax[cuda12]', or pip install jax==X jaxlib==X; no conda mixture",),
        ),
        Advice(
            "jax 与 jaxlib 版本不匹配：安装的 jaxlib 是 {found}",
            ("一起安装：pip install -U 'jax[cuda12]'，或 pip install jax==X jaxlib==X；不要混用 conda",),
        ),
        "https://docs.jax.dev/en/latest/jep/9419-jax-versioning.html",
        says=(
            "jaxlib is version {found:word}, but this version of jax requires version ",
            "jaxlib version {found:word} is newer than and incompatible with jax version ",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "bitsandbytes-without-cuda",
        Advice(
            "bitsandbytes runs without its CUDA library: it found none for this CUDA, or no GPU is visible",
            ("`python -m bitsandbytes` tells why; pip install -U bitsandbytes; check torch.cuda.is_available()",),
        ),
        Advice(
            "bitsandbytes 没有加载 CUDA 库：没有适合当前 CUDA 的库，或看不到 GPU",
            ("用 `python -m bitsandbytes` 查看原因；pip install -U bitsandbytes；检查 torch.cuda.is_available()",),
        ),
        "https://huggingface.co/docs/bitsandbytes/main/en/installation",
        says=(
            "'NoneType' object has no attribute 'c{:word}'",
            "Method '{:word}' not available in CPU-only version of bitsandbytes.",
            "{:word}libbitsandbytes_cpu.so: undefined symbol: c",
        ),
        types=("AttributeError", "RuntimeError"),
        modules=("bitsandbytes",),
    ),
)
