"""Errors of the device and its driver."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_TYPES = ("AcceleratorError", "RuntimeError")
_CUDART = "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html"
_XID = "https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html"
_COUNTED = (
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that"
    " might have already set an error? Error "
)
# As torch, Thrust, Triton, the driver and torch before 1.11 begin such an error.
_LAYERS = (
    *("CUDA error: ", "HIP error: ", "CUDA driver error: ", "Triton Error [CUDA]: ", "cuda runtime error ({:int}) : "),
    *("{:word}: failed to synchronize: {:word}: ", "{:word} failed to synchronize: {:word}: "),
)


def _error(*what: str) -> tuple[str, ...]:
    return tuple(layer + error for error in what for layer in _LAYERS)


RULES: tuple[Rule, ...] = (
    Rule(
        "device-assert",
        Advice(
            "a kernel's check failed on the device: most often an index out of range, as a label or a token id",
            (
                "search the log for 'Assertion', which names the check, often with the kernel's file",
                "check labels against the number of classes, and input_ids against the rows of the embedding",
                "run that batch with CUDA_LAUNCH_BLOCKING=1, or on the CPU, to see the operation",
            ),
        ),
        Advice(
            "设备端断言失败：最常见的是索引越界，例如标签或 token id 超出范围",
            (
                "在日志里搜 'Assertion'，它指出失败的检查，通常还有 kernel 所在文件",
                "检查标签是否小于类别数、input_ids 是否小于 embedding 行数",
                "设置 CUDA_LAUNCH_BLOCKING=1 或在 CPU 上跑这个 batch，定位具体算子",
            ),
        ),
        _CUDART,
        says=_error("device-side assert triggered"),
        types=_TYPES,
    ),
    Rule(
        "device-illegal-memory-access",
        Advice(
            "a kernel used memory that is not its own; the traceback may name a later operation than the faulty one",
            ("run with CUDA_LAUNCH_BLOCKING=1 to see the operation", "switch custom, Triton or attention kernels off"),
        ),
        Advice(
            "某个 kernel 非法访问了显存；traceback 里的位置可能比真正出错的算子靠后",
            ("设置 CUDA_LAUNCH_BLOCKING=1 重跑，定位具体算子", "逐个关闭自定义、Triton 或 attention kernel"),
        ),
        _CUDART,
        says=_error("an illegal memory access was encountered", "misaligned address"),
        types=_TYPES,
    ),
    Rule(
        "device-launch-failure",
        Advice(
            "a kernel crashed on the device: a faulty kernel, or a driver or hardware fault",
            ("see dmesg for NVRM Xid lines: they tell a fault of the device", "run with CUDA_LAUNCH_BLOCKING=1"),
        ),
        Advice(
            "kernel 在设备上崩溃：可能是 kernel 有错，也可能是驱动或硬件故障",
            ("查看 dmesg 里的 NVRM Xid，可判断是否硬件故障", "设置 CUDA_LAUNCH_BLOCKING=1 重跑"),
        ),
        _XID,
        says=_error("unspecified launch failure", "an illegal instruction was encountered", "hardware stack error"),
        types=_TYPES,
    ),
    Rule(
        "device-nvlink-error",
        Advice("an NVLink between GPUs has a hardware error", ("run on another node; see nvidia-smi nvlink -e",)),
        Advice("GPU 之间的 NVLink 出现硬件错误", ("换节点运行；用 nvidia-smi nvlink -e 查看",)),
        _XID,
        says=("CUDA error: uncorrectable NVLink error ",),
        types=_TYPES,
    ),
    Rule(
        "device-ecc-error",
        Advice(
            "the device's memory is faulty: it met an error that ECC cannot correct",
            ("run on another device or node", "have it reset or replaced: see nvidia-smi -q -d ECC"),
        ),
        Advice(
            "显存硬件故障：出现 ECC 无法纠正的错误",
            ("换一张卡或换节点运行", "联系管理员重置或更换该卡：查看 nvidia-smi -q -d ECC"),
        ),
        _XID,
        says=_error("uncorrectable ECC error encountered"),
        types=_TYPES,
    ),
    Rule(
        "device-lost",
        Advice(
            "the driver lost contact with a GPU: it fell off the bus",
            ("see dmesg for NVRM Xid 79, and check power and heat", "reboot the node, or leave it out"),
        ),
        Advice(
            "驱动与某张 GPU 失去联系（掉卡）",
            ("查看 dmesg 里的 NVRM Xid 79，以及节点的供电和温度", "重启该节点，或换节点运行"),
        ),
        _XID,
        says=("GPU is lost",),
        types=("NVMLError_GpuIsLost",),
        printed=(
            "Unable to determine the device handle for GPU{name}: GPU is lost.",
            "Unable to determine the device handle for GPU{name}: Unknown Error",
            "Unable to determine the device handle for gpu {name}: GPU is lost.",
        ),
    ),
    Rule(
        "device-launch-timeout",
        Advice(
            "a kernel ran longer than the display's watchdog lets it: this device also drives a screen",
            ("train on a device without a screen, or lower the batch size", "on Windows raise TdrDelay"),
        ),
        Advice(
            "kernel 运行时间超过显示看门狗的限制：这张卡同时接着显示器",
            ("换用不接显示器的卡，或调小 batch size", "Windows 上调大 TdrDelay"),
        ),
        _CUDART,
        says=("CUDA error: the launch timed out and was terminated",),
        types=_TYPES,
    ),
    Rule(
        "device-driver-too-old",
        Advice(
            "the NVIDIA driver is older than the CUDA version that PyTorch, or a kernel, was built with",
            ("install a PyTorch built for the CUDA version that nvidia-smi shows", "or have the driver updated"),
        ),
        Advice(
            "NVIDIA 驱动太旧，低于 PyTorch（或某个 kernel）编译所用的 CUDA 版本",
            ("安装与 nvidia-smi 所示 CUDA 版本对应的 PyTorch", "或升级驱动"),
        ),
        "https://docs.nvidia.com/deploy/cuda-compatibility/",
        says=(
            "The NVIDIA driver on your system is too old (found version {found:int}).",
            *_error("CUDA driver version is insufficient for CUDA runtime version"),
            "CUDA error: the provided PTX was compiled with an unsupported toolchain.",
        ),
        types=_TYPES,
    ),
    Rule(
        "device-no-driver",
        Advice(
            "this machine, or container, has no NVIDIA driver",
            ("start the container with --gpus all, or ask the scheduler for a GPU", "run nvidia-smi there to check"),
        ),
        Advice(
            "这台机器（或容器）里没有 NVIDIA 驱动",
            ("启动容器时加 --gpus all，或向调度器申请 GPU", "在里面运行 nvidia-smi 检查"),
        ),
        "https://github.com/pytorch/pytorch/blob/main/c10/cuda/CUDAFunctions.cpp",
        says=("Found no NVIDIA driver on your system.",),
        types=(*_TYPES, "AssertionError"),
    ),
    Rule(
        "device-none-visible",
        Advice(
            "no GPU is visible to this process",
            ("see CUDA_VISIBLE_DEVICES and nvidia-smi -L", "ask the scheduler for a GPU (--gres=gpu:1)"),
        ),
        Advice(
            "当前进程看不到任何 GPU",
            ("检查 CUDA_VISIBLE_DEVICES 以及 nvidia-smi -L 的输出", "向调度器申请 GPU（--gres=gpu:1）"),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html",
        says=("No CUDA GPUs are available", "No HIP GPUs are available", *_error("no CUDA-capable device is detected")),
        types=_TYPES,
    ),
    Rule(
        "device-invalid-ordinal",
        Advice(
            "a device's number is not below the count of visible devices",
            ("call torch.cuda.set_device with LOCAL_RANK, not RANK", "start one process per GPU at most"),
        ),
        Advice(
            "设备编号超出可见设备的数量",
            ("torch.cuda.set_device 要用 LOCAL_RANK，而不是 RANK", "进程数不要超过可见的卡数"),
        ),
        _CUDART,
        says=("CUDA error: invalid device ordinal", "HIP error: invalid device ordinal"),
        types=_TYPES,
    ),
    Rule(
        "device-busy",
        Advice(
            "the device admits one process only and has one, or it hangs",
            ("see its processes and compute mode in nvidia-smi", "or choose another device"),
        ),
        Advice(
            "该卡处于独占模式且已被占用，或者已挂死",
            ("用 nvidia-smi 查看它的进程和 compute mode", "或者换一张卡"),
        ),
        _CUDART,
        says=(
            "CUDA error: all CUDA-capable devices are busy or unavailable",
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
        ),
        types=_TYPES,
    ),
    Rule(
        "device-driver-not-usable",
        Advice(
            "the driver could not start for this process; often its nvidia_uvm module is missing, or hangs",
            ("reload it: sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm; else reboot the node",),
        ),
        Advice(
            "驱动无法为该进程初始化：常见原因是 nvidia_uvm 模块缺失或失效",
            ("重新加载：sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm；不行就重启节点",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/c10/cuda/CUDAFunctions.cpp",
        says=("CUDA unknown error - this may be due to an incorrectly set up environment",),
        types=_TYPES,
    ),
    Rule(
        "device-fabric-not-ready",
        Advice(
            "the node's NVSwitch fabric is not up: nvidia-fabricmanager does not run, or is of another driver version",
            ("have systemctl status nvidia-fabricmanager checked on the node, or use another node",),
        ),
        Advice(
            "节点的 NVSwitch fabric 未就绪：nvidia-fabricmanager 没有运行，或版本与驱动不一致",
            ("请管理员检查 systemctl status nvidia-fabricmanager，或换节点",),
        ),
        "https://github.com/pytorch/pytorch/issues/35710",
        says=(_COUNTED + "802: system not yet initialized", "CUDA error: system not yet initialized"),
        types=_TYPES,
    ),
    Rule(
        "device-driver-mismatch",
        Advice(
            "the driver's library and its kernel module are of different versions, as after an update",
            ("reboot the node", "in a container: take a cuda/compat directory out of LD_LIBRARY_PATH"),
        ),
        Advice(
            "驱动的用户态库与内核模块版本不一致，常见于驱动更新后未重启",
            ("重启节点", "容器里：从 LD_LIBRARY_PATH 去掉 cuda/compat 目录"),
        ),
        "https://docs.nvidia.com/deploy/cuda-compatibility/",
        says=(
            "RM has detected an NVML/RM version mismatch.",
            _COUNTED + "803: system has unsupported display driver / cuda driver combination",
        ),
        types=("NVMLError_LibRmVersionMismatch", *_TYPES),
        signals=("",),  # no signal
        printed=(
            "Failed to initialize NVML: Driver/library version mismatch",
            "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch",
        ),
    ),
    Rule(
        "device-forked",
        Advice(
            "a forked process used {device}, which its parent had already started",
            (
                "in a Dataset or collate_fn make CPU tensors only, and move them to the device in the training loop",
                "else start processes by spawn: torch.multiprocessing.set_start_method('spawn')",
            ),
        ),
        Advice(
            "父进程已初始化 {device}，fork 出的子进程又使用了它",
            (
                "Dataset 和 collate_fn 里只创建 CPU 张量，到训练循环里再搬到设备上",
                "否则用 spawn 启动进程：torch.multiprocessing.set_start_method('spawn')",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/multiprocessing.html",
        says=(
            "Cannot re-initialize {device:word} in forked subprocess.",
            "RuntimeError: Cannot re-initialize {device:word} in forked subprocess.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "device-cublas-not-initialized",
        Advice(
            "cuBLAS could not start: most often the device is full, or an earlier kernel failed on a wrong index",
            ("lower the batch size", "else run with CUDA_LAUNCH_BLOCKING=1, and check labels and token ids"),
        ),
        Advice(
            "cuBLAS 无法初始化：多半是显存已满，或之前的 kernel 因索引越界已失败",
            ("调小 batch size", "否则设置 CUDA_LAUNCH_BLOCKING=1 重跑，并检查标签和 token id"),
        ),
        "https://discuss.pytorch.org/t/cuda-error-cublas-status-not-initialized-when-calling-cublascreate-handle/125450",
        says=("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",),
        types=_TYPES,
    ),
    Rule(
        "device-cublas-failed",
        Advice(
            "a matrix product failed in cuBLAS; often an earlier kernel failed, or a cuBLAS of another CUDA is loaded",
            ("run with CUDA_LAUNCH_BLOCKING=1", "unset LD_LIBRARY_PATH if it names a CUDA directory"),
        ),
        Advice(
            "cuBLAS 矩阵乘失败：常见原因是之前的 kernel 已出错，或加载了其他 CUDA 版本的 cuBLAS",
            ("设置 CUDA_LAUNCH_BLOCKING=1 重跑，定位算子", "如果 LD_LIBRARY_PATH 里有 CUDA 目录，先去掉"),
        ),
        "https://docs.nvidia.com/cuda/cublas/",
        says=("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `",),
        types=_TYPES,
    ),
    Rule(
        "device-cudnn-failed",
        Advice(
            "cuDNN failed; most often the device is full, an earlier kernel failed, or another cuDNN version is loaded",
            (
                "lower the batch size",
                "unset LD_LIBRARY_PATH if it names a cuDNN",
                "else run with CUDA_LAUNCH_BLOCKING=1",
            ),
        ),
        Advice(
            "cuDNN 出错：多半是显存已满、之前的 kernel 已失败，或加载了别的 cuDNN 版本",
            ("调小 batch size", "如果 LD_LIBRARY_PATH 里有 cuDNN 就去掉", "否则设置 CUDA_LAUNCH_BLOCKING=1 重跑"),
        ),
        "https://docs.nvidia.com/deeplearning/cudnn/latest/",
        says=(
            "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
            "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED{}",
            "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR{}",
        ),
        unless=("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",),
        types=_TYPES,
    ),
)
