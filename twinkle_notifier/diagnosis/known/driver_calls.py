"""Calls of the driver, cuDNN and cuBLAS that fail."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule
from twinkle_notifier.surroundings.xids import OF_MACHINE, OF_PROGRAM

RULES: tuple[Rule, ...] = (
    Rule(
        "device-count-failed",
        Advice(
            "the driver could not tell its GPUs: error {code}, {name}",
            (
                "run nvidia-smi on the node and in the container: its driver and this one must work there",
                (
                    "set CUDA_VISIBLE_DEVICES before Python starts; if nvidia-smi fails too, the node needs its "
                    "administrator"
                ),
            ),
        ),
        Advice(
            "驱动无法列出 GPU：错误 {code}，{name}",
            (
                "在节点和容器里分别运行 nvidia-smi，确认驱动可用",
                "在 Python 启动之前设置 CUDA_VISIBLE_DEVICES；如果 nvidia-smi 也失败，请联系管理员",
            ),
        ),
        "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html",
        says=(
            (
                "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
                "NumCudaDevices() that might have already set an error? Error {code:int}: {name}"
            ),
        ),
        types=(
            "AcceleratorError",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-driver-initialization",
        Advice(
            (
                "the driver could not start for this process: no usable GPU in this container or node, or a "
                "broken driver"
            ),
            (
                "run nvidia-smi in the same container or job; start docker with --gpus all",
                "check CUDA_VISIBLE_DEVICES, and that the driver is as new as the CUDA of torch",
            ),
        ),
        Advice(
            "驱动无法为该进程初始化：容器或节点里没有可用的 GPU，或驱动损坏",
            (
                "在同一容器或作业中运行 nvidia-smi；docker 启动时加 --gpus all",
                "检查 CUDA_VISIBLE_DEVICES，以及驱动是否足够新、匹配 torch 的 CUDA",
            ),
        ),
        "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/troubleshooting.html",
        says=(
            "CUDA driver initialization failed, you might not have a CUDA gpu.",
            "CUDA error: initialization error",
            "CUDA error: unknown error - this may be due to an incorrectly set up environment",
        ),
        types=(
            "AcceleratorError",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-driver-library-missing",
        Advice(
            (
                "the driver's library (libcuda or libnvidia-ml) is not found: this node or container has no "
                "NVIDIA driver"
            ),
            (
                (
                    "start the container with GPUs (docker run --gpus all), on a node with the driver: "
                    "nvidia-smi must work there"
                ),
                "or install the CPU build of the package, where no GPU is to be used",
            ),
        ),
        Advice(
            "找不到驱动库（libcuda 或 libnvidia-ml）：该节点或容器里没有 NVIDIA 驱动",
            (
                "用带 GPU 的方式启动容器（docker run --gpus all），节点上要有驱动，nvidia-smi 应能运行",
                "如果不用 GPU，安装该包的 CPU 版本",
            ),
        ),
        "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/troubleshooting.html",
        says=(
            "libcuda.so.1: cannot open shared object file: ",
            "libnvidia-ml.so.1: cannot open shared object file: ",
        ),
        types=(
            "ImportError",
            "OSError",
        ),
    ),
    Rule(
        "device-nvml-missing",
        Advice(
            ("NVIDIA's management library does not work here: no driver is loaded on this node or in this container"),
            ("run nvidia-smi in the same container or job; start docker with --gpus all",),
        ),
        Advice(
            "NVIDIA 管理库（NVML）不可用：该节点或容器没有加载驱动",
            ("在同一容器或作业中运行 nvidia-smi；docker 启动时加 --gpus all",),
        ),
        "https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html",
        says=(
            "NVML Shared Library Not Found",
            "Driver Not Loaded",
            "Can't initialize NVML",
        ),
        types=(
            "NVMLError",
            "NVMLError_LibraryNotFound",
            "NVMLError_DriverNotLoaded",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-unknown-error",
        Advice(
            "the driver failed without a name for it: most often it lost the GPU, or the machine had slept",
            (
                "look for 'Xid' in dmesg -T on the node, and run nvidia-smi",
                "start again; if it comes back on this node alone, the node or its driver is at fault",
            ),
        ),
        Advice(
            "驱动返回未知错误：多为 GPU 掉线，或机器曾休眠",
            (
                "在节点上查看 dmesg -T 里的 'Xid'，并运行 nvidia-smi",
                "重新启动；如果只在这个节点上复现，就是节点或驱动的问题",
            ),
        ),
        "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html",
        says=(
            "CUDA error: unknown error",
            "HIP error: unknown error",
            "Cuda failure 999 'unknown error'",
        ),
        unless=("CUDA error: unknown error - this may",),
        types=(
            "AcceleratorError",
            "RuntimeError",
        ),
    ),
    Rule(
        "hip-memory-fault",
        Advice(
            "a kernel on the AMD GPU used memory that is not its own, and the process ended",
            (
                "run once with AMD_SERIALIZE_KERNEL=3 to see which operation it is; check indices and extensions",
                "compare the ROCm of torch with the driver's (rocm-smi), and upgrade both",
            ),
        ),
        Advice(
            "AMD GPU 上的 kernel 访问了不属于它的内存，进程因此退出",
            (
                "用 AMD_SERIALIZE_KERNEL=3 跑一次以定位运算；检查索引和扩展",
                "比较 torch 的 ROCm 与驱动版本（rocm-smi），并一起升级",
            ),
        ),
        "https://rocm.docs.amd.com/projects/HIP/en/latest/how-to/debugging.html",
        printed=("Memory access fault by GPU node-{:int} (Agent handle: ",),
    ),
    Rule(
        "xid-of-machine",
        Advice(
            "the kernel reports a fault of the GPU or its connection (Xid): the machine's, not the code's",
            ("tell your administrator the Xid line and the node; run on another node meanwhile",),
        ),
        Advice(
            "内核报告 GPU 或其连接故障（Xid）：是机器的问题，不是代码的问题",
            ("把 Xid 那一行和节点名报给管理员；先换一个节点运行",),
        ),
        "https://docs.nvidia.com/deploy/xid-errors/",
        printed=(
            "{}NVRM: fallen off the bus and is not responding to commands",
            *(f"{{}}NVRM: Xid (PCI:{{}}): {number}, " for number in OF_MACHINE),
        ),
    ),
    Rule(
        "xid-of-program",
        Advice(
            (
                "the kernel stopped a kernel of the program on the GPU (Xid): it used wrong memory or a "
                "wrong instruction"
            ),
            (
                "run once with CUDA_LAUNCH_BLOCKING=1 to see the operation; suspect own or third-party CUDA kernels",
                "if it comes on one node alone, tell the administrator: hardware can do this too",
            ),
        ),
        Advice(
            "内核终止了该程序在 GPU 上的 kernel（Xid）：访问了非法内存或非法指令",
            (
                "用 CUDA_LAUNCH_BLOCKING=1 跑一次以定位运算；优先怀疑自己或第三方的 CUDA kernel",
                "如果只在某个节点出现，请告知管理员：硬件故障也会如此",
            ),
        ),
        "https://docs.nvidia.com/deploy/xid-errors/",
        printed=tuple(f"{{}}NVRM: Xid (PCI:{{}}): {number}, " for number in OF_PROGRAM),
    ),
    Rule(
        "device-id-too-high",
        Advice(
            "a device number is asked for that is not below the count of visible GPUs",
            (
                "print torch.cuda.device_count() and CUDA_VISIBLE_DEVICES; numbers count from 0 within it",
                "start no more processes than there are GPUs; leave device_ids out of nn.DataParallel",
            ),
        ),
        Advice(
            "要求的设备编号不小于可见 GPU 的数量",
            (
                "打印 torch.cuda.device_count() 和 CUDA_VISIBLE_DEVICES；编号在其中从 0 数起",
                "进程数不要多于 GPU 数；nn.DataParallel 不要写 device_ids",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html",
        says=("Invalid device id",),
        types=(
            "AssertionError",
            "RuntimeError",
        ),
        modules=("torch",),
    ),
    Rule(
        "kernel-launch-resources",
        Advice(
            "a kernel wants more registers or threads in a block than this GPU has",
            ("upgrade the package that brings the kernel, or switch it off; of your own: smaller blocks, num_warps",),
        ),
        Advice(
            "某个 kernel 每个 block 需要的寄存器或线程数超过了这张 GPU 的上限",
            ("升级或关闭带有该 kernel 的包；自己写的 kernel：减小 block、num_warps",),
        ),
        "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html",
        says=("CUDA error: too many resources requested for launch",),
        types=("AcceleratorError", "RuntimeError"),
    ),
    Rule(
        "device-mps-server",
        Advice(
            "CUDA's multi-process service (MPS) is set up for this process, and its server does not answer",
            ("see whether it runs: `nvidia-cuda-mps-control -d`, `echo get_server_list | nvidia-cuda-mps-control`",),
        ),
        Advice(
            "该进程配置为使用 CUDA 的多进程服务（MPS），但 MPS server 没有响应",
            ("检查它是否在运行：`nvidia-cuda-mps-control -d`、`echo get_server_list | nvidia-cuda-mps-control`",),
        ),
        "https://docs.nvidia.com/deploy/mps/index.html",
        says=(
            "CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server",
            "CUDA error: the MPS server is not ready to accept new MPS client requests",
        ),
        types=("AcceleratorError", "RuntimeError"),
    ),
)
