"""Ascend NPUs."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "npu-no-memory",
        Advice(
            "the NPU's driver could not allocate memory: the device is full, or another process holds it",
            (
                "see with npu-smi info what is on the device, and end what an earlier run left",
                "lower the micro-batch or the text's length",
            ),
        ),
        Advice(
            "NPU 驱动申请不到内存：设备已满，或被其他进程占用",
            (
                "用 npu-smi info 查看占用，结束残留进程",
                "调小 micro-batch 或序列长度",
            ),
        ),
        "https://www.hiascend.com/document",
        says=(
            "{}, error code is 207001",
            "{}EL0004: {}Failed to allocate memory",
            "EL0004: Failed to allocate memory",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "npu-kernel-failed",
        Advice(
            ("a kernel failed on the NPU: often an index or label out of range, an operator's fault, or the device's"),
            (
                "run once with ASCEND_LAUNCH_BLOCKING=1 to see the operation, and check indices and shapes there",
                (
                    "read the first error in ~/ascend/log/debug/plog; try another device to tell the machine "
                    "from the code"
                ),
            ),
        ),
        Advice(
            "NPU 上的 kernel 执行失败：多为索引或标签越界、算子问题，或设备故障",
            (
                "用 ASCEND_LAUNCH_BLOCKING=1 跑一次以定位算子，检查索引和 shape",
                "看 ~/ascend/log/debug/plog 里最早的报错；换一张卡以区分机器与代码问题",
            ),
        ),
        "https://www.hiascend.com/document",
        says=(
            "{}, error code is 507011",
            "{}, error code is 507015",
            "{}, error code is 507018",
            "{}, error code is 507035",
            "{}, error code is 507046",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "npu-operator-refused",
        Advice(
            "an NPU operator refused its arguments: {why}",
            (
                (
                    "print shapes and dtypes at the line of the traceback; compare with the operator's page, or "
                    "run that part on the CPU"
                ),
            ),
        ),
        Advice(
            "NPU 算子拒绝了参数：{why}",
            ("在 traceback 所指的行打印 shape 和 dtype；对照算子文档，或把这部分放到 CPU 上",),
        ),
        "https://www.hiascend.com/document",
        says=(
            "{}AclNN_Parameter_Error(EZ1001): {why}",
            "EZ1001: {why}",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "npu-device-not-started",
        Advice(
            ("the NPU could not be started for this process: its driver, firmware or CANN do not fit, or it is faulty"),
            (
                "run npu-smi info: health must be OK; compare driver, firmware, CANN and torch_npu versions",
                "source set_env.sh of CANN in this shell; in a container mount the driver and /dev/davinci*",
            ),
        ),
        Advice(
            "无法为该进程启动 NPU：驱动、固件或 CANN 不匹配，或设备故障",
            (
                "运行 npu-smi info，health 应为 OK；核对驱动、固件、CANN 与 torch_npu 的版本",
                "在当前 shell 里 source CANN 的 set_env.sh；容器中挂载驱动和 /dev/davinci*",
            ),
        ),
        "https://www.hiascend.com/document",
        says=(
            "{}, error code is 507033",
            "{}SetPrecisionMode{}, error code is 500001",
        ),
        types=("RuntimeError",),
    ),
)
