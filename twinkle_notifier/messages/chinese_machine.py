"""The Chinese of what is out of order on a machine, by its English: see `catalog`."""

from __future__ import annotations

MACHINE = {
    "Machine": "机器异常",
    "Node": "节点",
    "{here} of your last {of} failures were on {node}": "最近 {of} 次失败中有 {here} 次在 {node}",
    "Xid {number} on {gpu}, about {ago} before": "约 {ago}前 {gpu} 报 Xid {number}",
    "Xid {number} on {gpu}, about {ago} before: {meaning}": "约 {ago}前 {gpu} 报 Xid {number}：{meaning}",
    "Xid {number} on {gpu}, about {ago} before: {meaning} (the machine's fault, not the program's)": (
        "约 {ago}前 {gpu} 报 Xid {number}：{meaning}（机器故障，不是程序的问题）"
    ),
    "a double-bit ECC error in its memory": "显存双比特 ECC 错误",
    "its micro-controller stopped at a breakpoint": "内部微控制器停在断点",
    "its micro-controller halted": "内部微控制器停机",
    (
        "a broken part of its memory is to be put out of use, which needs a reset of the GPU or a reboot (older GPUs: "
        "a reload of the driver)"
    ): "一处损坏的显存待停用，需要重置 GPU 或重启节点（较老的卡：重新加载驱动）",
    "a broken part of its memory could not be put out of use": "一处损坏的显存未能停用",
    "an error of its NVLink": "NVLink 错误",
    "the GPU has fallen off the bus": "GPU 掉卡",
    "many single-bit ECC errors": "单比特 ECC 错误过多",
    "an uncorrectable ECC error, which ended the program that met it": "不可纠正的 ECC 错误，遇到它的程序已被终止",
    "an uncorrectable ECC error, which may have reached other programs": "不可纠正的 ECC 错误，可能波及其他程序",
    "its system processor (GSP) did not answer the driver": "GPU 系统处理器（GSP）没有响应驱动",
    "its system processor (GSP) failed": "GPU 系统处理器（GSP）出错",
    "an ECC error that its driver could not recover: it needs a reset": "驱动未能恢复的 ECC 错误：需要重置",
    "a broken part of it is to be put out of use: it needs a reset": "一处损坏的部件待停用：需要重置",
    "a broken part of it could not be put out of use": "一处损坏的部件未能停用",
    "a wrong instruction or address in a kernel: the program's fault as a rule, but the hardware does it, too": (
        "kernel 里有非法指令或非法地址：多为程序的问题，硬件故障也会如此"
    ),
    "the program used memory that is not its own": "程序访问了不属于它的显存",
    "the driver stopped the program's work": "驱动终止了程序的运算",
    "the GPU stopped processing": "GPU 停止运算",
    "it did not answer in time: it needs a reset": "没有及时响应：需要重置",
    "it needs a reset to work again": "需要重置才能恢复",
    "it needs a reboot of the node to work again": "需要重启节点才能恢复",
    "its programs have to end, then it needs a reset to work again": "需要先结束使用它的程序，再重置才能恢复",
    "to work again it needs: {action}": "恢复所需操作：{action}",
    "GPU {index} of the machine ({place})": "本机 GPU {index}（{place}）",
    "GPU {index} of the machine": "本机 GPU {index}",
    "the GPU at {place}": "位于 {place} 的 GPU",
    "{gpu} is lost: the driver cannot reach it": "{gpu} 丢失：驱动无法访问它",
    "{gpu} cannot be used before it is reset": "{gpu} 需要重置后才能使用",
    "{gpu} has {errors} uncorrected ECC errors since the driver started": (
        "{gpu} 自驱动启动以来有 {errors} 个不可纠正的 ECC 错误"
    ),
    "{gpu} cannot repair its memory any more: it has to be replaced": "{gpu} 的显存已无法修复：需要换卡",
    "{gpu} needs a reset to repair its memory": "{gpu} 需要重置才能修复显存",
    "{gpu} slows down at {celsius} °C (thermal limit)": "{gpu} 在 {celsius} °C 降频（温度限制）",
    "{gpu} slows down (thermal limit)": "{gpu} 降频（温度限制）",
    "{gpu} slows down: its power supply asks for it (power brake)": "{gpu} 降频：供电要求降低功耗（power brake）",
    "{gpu} slows down: its hardware protects itself against heat or a lack of power": (
        "{gpu} 降频：硬件自我保护（温度过高或供电不足）"
    ),
    "the kernel reports an error in the file system of {device}, about {ago} before": (
        "约 {ago}前内核报告 {device} 的文件系统出错"
    ),
    "the kernel reports I/O errors of {device}, about {ago} before": "约 {ago}前内核报告 {device} 的 I/O 错误",
    "the NFS server {server} does not respond, since about {ago}": "NFS 服务器 {server} 没有响应，已约 {ago}",
    "the kernel's out-of-memory killer ended process {pid} ({program}), about {ago} before": (
        "约 {ago}前内核的 OOM killer 杀死了进程 {pid}（{program}）"
    ),
    "{path} ({what}) is read-only": "{path}（{what}）是只读的",
    "{path} ({what}) has {left} left of {total}": "{path}（{what}）只剩 {left}，共 {total}",
    "{path} ({what}) has {left} left, less than the last checkpoint ({size})": (
        "{path}（{what}）只剩 {left}，小于最近一个 checkpoint（{size}）"
    ),
    "{path} ({what}) has room for {files} more files": "{path}（{what}）只能再放 {files} 个文件",
    "checkpoints": "checkpoint",
    "working folder": "工作目录",
    "temporary files": "临时文件",
    "shared memory": "共享内存",
    "host memory {percent} % used ({left} of {total} left)": "主机内存已用 {percent} %（剩 {left}，共 {total}）",
    "swap {percent} % used ({left} of {total} left)": "swap 已用 {percent} %（剩 {left}，共 {total}）",
    "the control group's memory {percent} % used ({left} of {total} left)": (
        "本 cgroup 的内存已用 {percent} %（剩 {left}，共 {total}）"
    ),
}
