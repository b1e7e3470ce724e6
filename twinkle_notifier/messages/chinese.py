"""The Chinese of what people read, by its English: see `catalog`."""

from __future__ import annotations

# Names of facts. Words that people search for in logs stay as they are: rank, step, epoch, PID.
_FACTS = {
    "Likely": "可能原因",
    "Next": "建议",
    "Device memory": "显存",
    "Error": "错误",
    "At": "位置",
    "Collective": "集合通信",
    "Context": "阶段",
    "Progress": "进度",
    "Metrics": "指标",
    "Ended because": "结束原因",
    "Best checkpoint": "最佳 checkpoint",
    "Last checkpoint": "最新 checkpoint",
    "Lost since the last checkpoint": "上次 checkpoint 之后丢失",
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
    "Seen from outside": "外部观察",
    "Processes": "进程",
    "Delayed": "延迟送达",
    "Dropped earlier": "此前丢弃",
    "Job": "作业",
    "Log": "日志",
    "Visible GPUs": "可见 GPU",
    "Folder": "目录",
    "Commit": "代码版本",
    "Search": "超参搜索",
    "Sent by": "发送者",
    "Best trial": "最佳 trial",
    "Cell": "单元格",
    "Sweep": "参数扫描",
    "Other errors": "其他错误",
    "{number} more, on ranks {ranks}": "另有 {number} 种，涉及 rank {ranks}",
    "those of {number} workers were not compared": "未能逐一比较 {number} 个 worker 的错误",
    "workers have failed, and what they raised cannot be read": "worker 失败，其异常无法读取",
    "Jobs": "作业",
    "Overrides": "参数",
    "Best value": "最佳值",
    "Value": "值",
    "Least value": "最小值",
    "Greatest value": "最大值",
    "Output folder": "输出目录",
    "Rule": "规则",
    "Values": "当前值",
    "Lasted": "持续",
    "Other metrics that are not numbers": "同时异常",
    "Still not numbers": "仍然异常",
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
    "{name}: {failed} of {number} jobs failed": "{name}：{number} 个作业中有 {failed} 个失败",
    "{name} has made no progress for {duration}": "{name} 已卡住 {duration}",
    "{name} has been silent for {duration}": "{name} 已无输出 {duration}",
    "{name} resumed after {duration}": "{name} 卡住 {duration} 后恢复",
    "{name}: {what} at step {step}": "{name}：{what}（step {step}）",
    "{name}: {what}": "{name}：{what}",
    "{name}: resolved at step {step}: {what}": "{name} 已恢复：{what}（step {step}）",
    "{name}: resolved: {what}": "{name} 已恢复：{what}",
    "{metric} is nan": "{metric} 为 nan",
    "{metric} is inf": "{metric} 为 inf",
    "{number} messages that had to wait": "{number} 条延迟的消息",
    "exit code {code}": "退出码 {code}",
    "exit code {code} of {who}": "{who} 的退出码为 {code}",
    "{who} ran out of memory, and was killed": "{who} 因内存不足被杀死",
    "ran out of memory, and was killed": "因内存不足被杀死",
    "{who} was killed by {signal}": "{who} 被 {signal} 杀死",
    "killed by {signal}": "被 {signal} 杀死",
    "signal {number}": "信号 {number}",
    "{ranks} is stuck in a different place than the others": "{ranks} 卡住的位置与其他 rank 不同",
    "{ranks} are stuck in a different place than the others": "{ranks} 卡住的位置与其他 rank 不同",
    "{ranks} did not respond": "{ranks} 无响应",
    "{ranks} has not entered {call}": "{ranks} 未进入 {call}",
    "{ranks} have not entered {call}": "{ranks} 未进入 {call}",
    "{ranks} waits in it": "{ranks} 在其中等待",
    "{ranks} wait in it": "{ranks} 在其中等待",
    "{ranks} wait in {call}": "{ranks} 在 {call}中等待",
    "{ranks} waits in {call}": "{ranks} 在 {call}中等待",
    "the ranks called different collectives as {place}": "各 rank 在 {place}调用了不同的集合通信",
    "the ranks gave tensors of different sizes to {call}": "各 rank 传给 {call} 的张量大小不一致",
    "the ranks wait in different collectives": "各 rank 在不同的集合通信中等待",
    "no. {number} of {group}": "{group} 第 {number} 次",
    "{name} {place}": "{place} {name}",
    "{call} ({values})": "{call}（{values}）",
    "{first}; {then}": "{first}；{then}",
    "and others": "等",
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
    ", ": "，",
    "; ": "；",
    "{number} processes": "{number} 个进程",
    "{number} GPUs": "{number} 张 GPU",
    "{number} of these: {models}": "以下 GPU 中的 {number} 张: {models}",
    "{rank} of {world_size}": "{rank}（共 {world_size} 个）",
    "{metric} {value}": "{metric}={value}",
    "{limit} reached": "已达到 {limit}",
    "{what} was set": "{what} 已被设置",
    "a callback stopped it": "由 callback 停止",
    "all {steps} steps are done": "全部 {steps} 个 step 已完成",
    "rank {rank}": "rank {rank}",
    "ranks {rank}": "rank {rank}",
    "{rank} (local rank {local_rank})": "{rank}（local rank {local_rank}）",
    "local rank {local_rank}": "local rank {local_rank}",
    "{rank} on {host}": "{host} 上的 {rank}",
    "{ranks} of {world_size}": "{ranks}（共 {world_size} 个）",
    "{ranks} of {world_size} on {hosts}": "{ranks}（共 {world_size} 个），位于 {hosts}",
    "{ranks} of {world_size}: {place}": "{ranks}（共 {world_size} 个）: {place}",
    "{rank} of {world_size} (local rank {local_rank})": "{rank}（共 {world_size} 个，local rank {local_rank}）",
    "{rank}, in a worker of this process": "{rank}，在本进程的 worker 中",
    "{hosts} and {number} more": "{hosts} 等，另有 {number} 台",
    "{host}, {world_size} ranks": "{host}，{world_size} 个 rank",
    "{ranks} (progressing, ended, or holding Python's lock)": "{ranks}（可能仍在运行、已结束，或占着 Python 的 GIL）",
    "{ranks} ({ended} ended by the launcher)": "{ranks}（其中 {ended} 由启动器终止）",
    "{shown} and {number} more": "{shown}，另有 {number} 项",
    "{path} (also the last)": "{path}（也是最新的）",
    "unreadable": "无法读取",
    "{number} frame in {names}": "{names} 中的 {number} 层调用",
    "{number} frames in {names}": "{names} 中的 {number} 层调用",
    "[{number} of your frames left out]": "[省略你的代码中的 {number} 层调用]",
    "[{number} of your frames left out, with {between}]": "[省略你的代码中的 {number} 层调用，其间有 {between}]",
    "{bars} first {first}, least {least}, last {last}": "{bars} 首值 {first}，最小 {least}，最后 {last}",
    "; no number in the last {number} of {of} values": "；{of} 个值中最后 {number} 个不是有效数字",
    "; no number in {number} of {of} values": "；{of} 个值中有 {number} 个不是有效数字",
    "{own}, then {library}": "{own}，然后是 {library}",
    "outside of Python": "不在 Python 代码中",
    "{number} trials": "{number} 个 trial",
    "{number} failed": "{number} 个失败",
    "{number} pruned": "{number} 个被剪枝",
    "{number} in all": "共 {number} 个",
    "{number} fine": "{number} 个正常",
    "{number} without an end": "{number} 个未结束",
    "{value}, by job {number}: {settings}": "{value}，作业 {number}：{settings}",
    "{times} × {error}, at {at}; first in job {number}: {settings}": (
        "{times} 次 {error}，位于 {at}；首次出现在作业 {number}：{settings}"
    ),
    "{times} × {error}; first in job {number}: {settings}": "{times} 次 {error}；首次出现在作业 {number}：{settings}",
    "job {number}": "作业 {number}",
    "the sweep continues; its last message counts failures of this kind": "扫描仍在继续，最后一条消息会统计同类失败",
    "{name}, objective {objective}": "{name}，目标值 {objective}",
    "others": "其他",
    "{headline} ({number} times)": "{headline}（{number} 次）",
}
_SENTENCES = {
    "it cannot be looked at": "无法读取该异常",
    "<its __str__ did not return>": "<它的 __str__ 没有返回>",
    "<its __str__ raised {kind}>": "<它的 __str__ 抛出了 {kind}>",
    "<a note whose __str__ did not return>": "<一条附注，其 __str__ 没有返回>",
    "<a note whose __str__ raised {kind}>": "<一条附注，其 __str__ 抛出了 {kind}>",
    "<a {of} whose __str__ did not return>": "<一个 {of}，其 __str__ 没有返回>",
    "<a {of} whose __str__ raised {kind}>": "<一个 {of}，其 __str__ 抛出了 {kind}>",
    "its traceback cannot be shown: {reason}": "无法显示 traceback：{reason}",
    "{count} time, first at {first}, same error": "第 {count} 次出现同一错误，首次在 {first}",
    "this message stands for {crashes} crashes": "本消息代表 {crashes} 次崩溃",
    "the next message comes after {more} more crashes": "再崩溃 {more} 次后才会发送下一条消息",
    "secondary error; no rank reported the cause": "这是次生错误；没有 rank 报告根本原因",
    "secondary error; no rank reported the cause: likely one was killed": (
        "这是次生错误；没有 rank 报告根本原因：很可能有一个 rank 被杀死"
    ),
    "secondary errors; no rank reported the cause": "这些是次生错误；没有 rank 报告根本原因",
    "no rank reported the cause": "没有 rank 报告根本原因",
    "no rank reported the cause: likely one was killed": "没有 rank 报告根本原因：很可能有一个 rank 被杀死",
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
    ", with uncommitted changes": "，有未提交的修改",
    "{tracker}, offline: {folder}": "{tracker}（离线）: {folder}",
    "A test of twinkle-notifier": "twinkle-notifier 测试消息",
    "SIGTERM; the trainer saved a checkpoint and stopped": "收到 SIGTERM；trainer 已保存 checkpoint 并停止",
    "preparing the alert raised {error}": "准备告警时出现 {error}",
    "it was not sent in time": "未能及时发送",
    "it was too late to send it, so it went out another way": "发送已超时，改由其他途径发出",
    "rank {rank} has been sending it for too long": "rank {rank} 的发送耗时过长",
    "there was no time to send it": "没有时间发送",
    "no answer in time": "未及时响应",
    "… {number} bytes left out …": "… 省略 {number} 字节 …",
    "[{number} characters left out]": "[省略 {number} 个字符]",
    "[{number} frames left out]": "[省略 {number} 层调用]",
    "[{number} members left out]": "[省略 {number} 个子异常]",
    "[{number} notes left out]": "[省略 {number} 条附注]",
    "[{number} exceptions of the chain left out]": "[省略异常链中的 {number} 个异常]",
    "[this frame {number} more times]": "[该帧再重复 {number} 次]",
    "[these {frames} frames {number} more times]": "[这 {frames} 帧再重复 {number} 次]",
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
# What a refusal of a chat means, and how it is mended: the inbox's page shows that.
_REFUSALS = {
    "it refused the message": "对方拒绝了这条消息",
    "it refused the message's form": "对方不接受这种消息格式",
    "it refused the card": "对方拒绝了这张卡片",
    "the message is too long": "消息太长",
    "the request is malformed": "请求格式有误",
    "the request is malformed: report it as a bug of twinkle_notifier": (
        "请求格式有误：这是 twinkle_notifier 的 bug，请反馈给我们"
    ),
    "too many messages at once": "一次发的消息太多",
    "more than 20 messages a minute: the robot takes none for 10 minutes": "一分钟超过 20 条：机器人 10 分钟内不再接收",
    "more than 20 messages a minute: the robot takes none for a minute": "一分钟超过 20 条：机器人 1 分钟内不再接收",
    "the robot has used up its messages of the day": "机器人当天的消息额度已用完",
    "the robot, or Feishu at a full hour, takes no more messages for now": (
        "机器人暂时不再接收消息；整点时飞书本身也会限流"
    ),
    "the access token is wrong: copy the webhook URL from the robot's settings again": (
        "access token 不对：请从机器人设置里重新复制 webhook URL"
    ),
    "the key is wrong, or the robot was removed: copy the webhook URL from the robot's settings again": (
        "key 不对，或机器人已被移除：请从机器人设置里重新复制 webhook URL"
    ),
    "the robot was deleted, or its URL is wrong: copy the webhook URL from the robot's settings again": (
        "机器人已删除，或 URL 不对：请从机器人设置里重新复制 webhook URL"
    ),
    "the webhook is gone or its URL is wrong: copy the webhook URL from the app's page again": (
        "webhook 已失效，或 URL 不对：请从应用页面重新复制 webhook URL"
    ),
    "Bark does not know the key: copy the URL from the app's first page again": (
        "Bark 不认识这个 key：请从 app 首页重新复制 URL"
    ),
    "the robot wants one of its keywords in the message: name the run so that it holds one": (
        "消息里必须带机器人设置的某个关键词：给运行起一个带关键词的名字"
    ),
    "the signature is wrong: give the robot's own secret (SEC...) as `secret`": (
        "签名不对：`secret` 要给这个机器人自己的密钥（SEC...）"
    ),
    "the signature is wrong, or the clocks are apart: give the robot's own secret as `secret`, and set this machine's "
    "clock": "签名不对，或时钟不准：`secret` 要给这个机器人自己的密钥，并校准本机时钟",
    "the robot is in signed mode, and no secret is given: give its secret (SEC...) as `secret`, or append `&secret=` "
    "and the secret to its webhook URL": (
        "机器人开启了加签，但没有给密钥：用 `secret` 给出它的密钥（SEC...），"
        "或在 webhook URL 后面加上 `&secret=` 和密钥"
    ),
    "the robot wants a signature, and no secret is given: give its secret as `secret`, or append `&secret=` and the "
    "secret to its webhook URL": (
        "机器人要求签名校验，但没有给密钥：用 `secret` 给出它的密钥，或在 webhook URL 后面加上 `&secret=` 和密钥"
    ),
    "the clocks are apart: set this machine's clock": "时钟不准：请校准本机时钟",
    "the robot takes messages from listed addresses only: add this machine's": (
        "机器人只接收 IP 白名单里的地址：请把本机的加进去"
    ),
    "the group is gone: make a robot in another group": "群已不存在：请在别的群里新建机器人",
    "the robot is switched off: switch it on in the group's settings": "机器人已停用：请在群设置里启用",
    "the robot is stopped: switch it on in the group's settings": "机器人已停用：请在群设置里启用",
    "the robot is not in the group any more: add it again": "机器人已不在群里：请重新添加",
    "the channel is gone or closed to the app: make a webhook for another channel": (
        "频道已不存在，或不对该应用开放：请为别的频道新建 webhook"
    ),
    "the user of this webhook is gone: make a webhook for a channel": (
        "这个 webhook 的用户已不存在：请为频道新建 webhook"
    ),
    "no answer of a {service} robot, but HTTP {status}: is the URL right, is there a proxy?": (
        "应答的不是 {service} 机器人，而是 HTTP {status}：URL 对吗？是不是经过了代理？"
    ),
    "no robot has this path: copy a URL that the inbox has printed. There are {paths}": (
        "没有机器人使用这个路径：请复制收件箱打印的 URL。可用的路径：{paths}"
    ),
}
CHINESE: dict[str, str] = {**_FACTS, **_HEADINGS, **_VALUES, **_SENTENCES, **_SIGNALS, **_REFUSALS}
