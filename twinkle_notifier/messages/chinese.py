"""The Chinese of what people read, by its English: see `catalog`."""

from __future__ import annotations

# Names of facts. Words that people search for in logs stay as they are: rank, step, epoch, PID.
_FACTS = {
    "Likely": "可能原因",
    "Next": "建议",
    "Device memory": "显存",
    "Error": "错误",
    "At": "位置",
    "Context": "阶段",
    "Progress": "进度",
    "Metrics": "指标",
    "Ended because": "结束原因",
    "Best checkpoint": "最佳 checkpoint",
    "Last checkpoint": "最新 checkpoint",
    "Lost since the last checkpoint": "自上次 checkpoint 起丢失",
    "To go on": "恢复训练",
    "Rank": "rank",
    "Ranks": "涉及的 rank",
    "Errors that follow from it": "由此引发的错误",
    "Ranks that did not respond": "无响应的 rank",
    "Again": "重复出现",
    "Crash loop": "反复崩溃",
    "Note": "说明",
    "Run": "任务",
    "Host": "主机",
    "Time": "时间",
    "Duration": "用时",
    "Signal": "信号",
    "Exit code": "退出码",
    "Ended by": "终止信号",
    "Command": "命令",
    "No progress for": "停滞时长",
    "Seen from outside": "外部观察",
    "Processes": "进程",
    "Delayed": "延迟送达",
    "Dropped earlier": "此前丢弃",
    "Search": "超参搜索",
    "Best trial": "最佳 trial",
}
# How it ended, and what follows in a heading.
_HEADINGS = {
    "{fate}: {error}": "{fate}：{error}",
    "{name} failed": "{name} 失败",
    "{name} failed for good in {attempt}": "{name} 在{attempt}中彻底失败",
    "{name} restarts after {attempt}": "{name} 在{attempt}后重启",
    "{name} was interrupted": "{name} 被中断",
    "{name} was preempted": "{name} 被抢占",
    "{name} was preempted in {attempt}": "{name} 在{attempt}中被抢占",
    "{name} was interrupted ({signal})": "{name} 被中断（{signal}）",
    "{name} was preempted ({signal})": "{name} 被抢占（{signal}）",
    "{name} exited": "{name} 退出",
    "{name} exited for good in {attempt}": "{name} 在{attempt}中彻底退出",
    "{name} started": "{name} 已开始",
    "{name} restarted ({attempt})": "{name} 已重启（{attempt}）",
    "{name} ended after {duration}": "{name} 已结束，用时 {duration}",
    "{name} has made no progress for {duration}": "{name} 已停滞 {duration}",
    "{name} has been silent for {duration}": "{name} 已无输出 {duration}",
    "{name} resumed after {duration}": "{name} 停滞 {duration} 后恢复",
    "{number} messages that had to wait": "{number} 条延迟的消息",
    "a run": "某个任务",
    "exit code {code}": "退出码 {code}",
    "exit code {code} of {who}": "{who} 的退出码为 {code}",
    "{who} ran out of memory, and was killed": "{who} 内存不足，被杀死",
    "ran out of memory, and was killed": "内存不足，被杀死",
    "{who} was killed by {signal}": "{who} 被 {signal} 杀死",
    "killed by {signal}": "被 {signal} 杀死",
    "{ranks} is stuck in a different place than the others": "{ranks} 卡住的位置与其他 rank 不同",
    "{ranks} are stuck in a different place than the others": "{ranks} 卡住的位置与其他 rank 不同",
    "{ranks} did not respond": "{ranks} 无响应",
    "all {world_size} ranks": "全部 {world_size} 个 rank",
    "all {world_size} ranks in the same place": "全部 {world_size} 个 rank 停在同一位置",
}
# Times, numbers, ranks.
_VALUES = {
    "{hours} h {minutes} min": "{hours} 小时 {minutes} 分",
    "{minutes} min {seconds} s": "{minutes} 分 {seconds} 秒",
    "{seconds} s": "{seconds} 秒",
    "attempt {number}": "第 {number} 次尝试",
    "attempt {number} of {of}": "第 {number}/{of} 次尝试",
    "step {step}": "step {step}",
    "step {step} of {of_steps}": "step {step}/{of_steps}",
    "epoch {epoch}": "epoch {epoch}",
    "after {duration}": "已运行 {duration}",
    "after {steps} steps": "在 {steps} 个 step 之后",
    "{steps} steps": "{steps} 个 step",
    "on {processes} processes": "共 {processes} 个进程",
    "rank {rank}": "rank {rank}",
    "ranks {rank}": "rank {rank}",
    "{ranks} of {world_size}": "{ranks}（共 {world_size} 个）",
    "{ranks} of {world_size} on {hosts}": "{ranks}（共 {world_size} 个），位于 {hosts}",
    "{ranks} of {world_size}: {place}": "{ranks}（共 {world_size} 个）: {place}",
    "{rank} of {world_size} (local rank {local_rank})": "{rank}/{world_size}（local rank {local_rank}）",
    "{rank}, in a worker of this process": "{rank}，在本进程的 worker 中",
    "{hosts} and {number} more": "{hosts} 等，另有 {number} 台",
    "{host}, {world_size} ranks": "{host}，{world_size} 个 rank",
    "{ranks} (progressing, ended, or holding Python's lock)": "{ranks}（可能仍在运行、已结束，或占着 Python 的 GIL）",
    "{ranks} ({ended} ended by the launcher)": "{ranks}（其中 {ended} 由启动器终止）",
    "{shown} and {number} more": "{shown}，另有 {number} 项",
    "{path} (also the last)": "{path}（也是最新的）",
    "unreadable": "无法读取",
    "{number} frames in {names}": "{names} 中的 {number} 层调用",
    "{bars} first {first}, least {least}, last {last}": "{bars} 首个 {first}，最小 {least}，最后 {last}",
    "no number since {back} values before its end": "倒数第 {back} 个值起不再是有效数字",
    "{own}, then {library}": "{own}，然后是 {library}",
    "outside of Python": "不在 Python 代码中",
    "{number} trials": "{number} 个 trial",
    "{number} failed": "{number} 个失败",
    "{number} pruned": "{number} 个被剪枝",
    "{name}, objective {objective}": "{name}，目标值 {objective}",
    "others": "其他",
    "{headline} ({number} times)": "{headline}（{number} 次）",
}
_SENTENCES = {
    "it cannot be looked at": "无法读取该异常",
    "its traceback cannot be shown: {reason}": "无法显示 traceback：{reason}",
    "{count} time, first at {first}, same error": "第 {count} 次出现同一错误，首次在 {first}",
    "This message stands for {crashes} crashes": "本消息代表 {crashes} 次崩溃",
    "the next message comes after {more} more crashes": "再崩溃 {more} 次后才会发送下一条消息",
    "secondary error; no rank reported the cause": "这是次生错误；没有 rank 报告根本原因",
    "secondary error; no rank reported the cause: likely one was killed": (
        "这是次生错误；没有 rank 报告根本原因：很可能有一个 rank 被杀死"
    ),
    "secondary errors; no rank reported the cause": "这些是次生错误；没有 rank 报告根本原因",
    "details are missing, because {why}": "缺少细节，因为 {why}",
    "its process could not send this; sent by the supervisor on {host}": (
        "原进程未能发送本消息，由 {host} 上的 supervisor 代发"
    ),
    "its supervisor was killed, too": "它的 supervisor 也被杀死了",
    "And {number} more places": "另有 {number} 处",
    "The training has ended here; no report yet that {ranks} resumed": "训练在此已结束；尚无 {ranks} 恢复的消息",
    "no output, and no beat of a callback": "没有输出，callback 也没有心跳",
    "{pids}; `py-spy dump --pid PID` shows where one is": "{pids}；用 `py-spy dump --pid PID` 查看它停在哪里",
    "With NotifierCallback(stall_after=...) this message would name the rank, and show where it is stuck": (
        "使用 NotifierCallback(stall_after=...) 后，本消息会指出是哪个 rank、卡在哪里"
    ),
    "this waited since {time} ({why})": "本消息自 {time} 起等待发送（{why}）",
    "{number} messages (queue full or too old)": "{number} 条消息（队列已满或太旧）",
    "{allocated} of {total} used by this process (peak {peak}), {reserved} reserved but unused, {free} free": (
        "本进程占用 {allocated}（峰值 {peak}），共 {total}；已预留未使用 {reserved}，空闲 {free}"
    ),
    "other processes hold {others}: {processes}": "其他进程占用 {others}：{processes}",
    "and {number} more": "另有 {number} 条",
    "The first of them:": "其中第一条：",
    "{code}, which stands for {signal}": "{code}，即 {signal}",
}
# What a signal means.
_SIGNALS = {
    "the kernel's out-of-memory killer, or your scheduler": "内核的 OOM killer，或者调度系统",
    "a fault in native code: an extension, a driver, or a library of another version": (
        "原生代码出错：扩展、驱动，或版本不匹配的库"
    ),
    "memory that is backed by a file is gone: often /dev/shm or a disk is full": (
        "映射到文件的内存不可用：常见于 /dev/shm 或磁盘已满"
    ),
    "native code gave up: a failed assertion, NCCL's watchdog, or memory it found broken": (
        "原生代码主动终止：断言失败、NCCL watchdog，或检测到内存损坏"
    ),
    "native code divided an integer by zero": "原生代码中整数除以零",
    "the processor does not know an instruction: built for another machine": "处理器不支持某条指令：为其他机型编译",
    "your scheduler or somebody asked it to end": "调度系统或某人要求它结束",
    "a scheduler's warning before the time is over (SLURM's --signal)": "调度系统的到时预警（SLURM 的 --signal）",
    "a scheduler's warning before the time is over (submitit's)": "调度系统的到时预警（submitit）",
    "Ctrl-C": "Ctrl-C",
    "the terminal or the connection to it was closed": "终端或与它的连接已关闭",
    "nobody read its output any more": "已无人读取它的输出",
    "its limit of processor time": "达到 CPU 时间上限",
    "its limit of a file's size": "达到文件大小上限",
    "not the kernel's out-of-memory killer, by its count for this control group; a scheduler or a person": (
        "据本 cgroup 的计数，并非内核的 OOM killer；是调度系统或某人所为"
    ),
    "the kernel's out-of-memory killer, {did}": "内核的 OOM killer，{did}",
    "which killed 1 process of this control group": "它杀死了本 cgroup 的 1 个进程",
    "which killed {number} processes of this control group": "它杀死了本 cgroup 的 {number} 个进程",
}
CHINESE: dict[str, str] = {**_FACTS, **_HEADINGS, **_VALUES, **_SENTENCES, **_SIGNALS}
