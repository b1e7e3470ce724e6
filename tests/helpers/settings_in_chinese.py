"""The Chinese of the table of settings, by its English: so none stays behind when the English changes."""

from __future__ import annotations

_HEADS = {
    "what it sets": "设置什么",
    "in code": "代码",
    "command": "命令",
    "variable": "环境变量",
    "your file": "你的文件",
    "default": "默认值",
}
_MEANINGS = {
    "where alerts go: in code a notifier, elsewhere [what a URL may be](#what-a-url-may-be); "
    "[`off`](#for-a-debug-run) in the variable: nowhere": (
        "告警发往哪里：代码里是 notifier，其他地方见 [URL 可以怎么写](#what-a-url-may-be)；"
        "变量设为 [`off`](#for-a-debug-run) 时哪里也不发"
    ),
    "[the run's name](loop.md#the-runs-name) in messages": "消息里的[运行名](loop.md#the-runs-name)",
    "the workers of this process that met the exception": "遇到这个异常的是本进程的哪些 worker",
    "an alert at the start": "开始时发一条",
    "an alert at a good end": "正常结束时发一条",
    "literal secrets [in checkpoints](security.md#what-a-checkpoint-holds), written and taken": (
        "[checkpoint 里](security.md#what-a-checkpoint-holds)的明文密钥，写入并取用"
    ),
    "[where the ranks agree](ranks.md#where-claims-are-kept) on who sends": (
        "各 rank [在哪里商定](ranks.md#where-claims-are-kept)由谁发送"
    ),
    "seconds without progress until a [stall](stalls.md) is reported; with `run` and in the variable also `90s`, `10m`, `1h30m`": (
        "多少秒没有进展就报告[卡住](stalls.md)；`run` 和变量还接受 `90s`、`10m`、`1h30m`"
    ),
    "[which alerts are sent](#which-alerts-are-sent)": "[发送哪些告警](#which-alerts-are-sent)",
    "[the language of messages](messages.md#languages): `en` or `zh`": (
        "[消息的语言](messages.md#languages)：`en` 或 `zh`"
    ),
    "whether messages give [likely causes](messages.md#likely-causes)": (
        "消息是否给出[可能原因](messages.md#likely-causes)"
    ),
    'where the exception was met, for people, e.g. `"forward_backward"`': (
        '在哪里遇到异常，写给人看的，例如 `"forward_backward"`'
    ),
    "the exception. It is not written to, and kept only where no memory is left: until the process ends": (
        "异常。不会改动它；只有内存耗尽时才一直持有它，直到进程结束"
    ),
    "how far the training got": "训练进行到哪里",
    "claims before it belong to an earlier run": "在它之前的认领属于更早的运行",
    "incidents of this run's past, and their times": "本次运行以往的事故和时间",
    "a URL in [apprise's form](channels.md#the-rest-by-apprise), or a reference to it": (
        "[apprise 格式](channels.md#the-rest-by-apprise)的 URL，或它的引用"
    ),
    "seconds for one request; for apprise, for one message": "一次请求的秒数；apprise 是一条消息的秒数",
    "a URL that leads to another machine without TLS": "允许不用 TLS 的 URL 指向别的机器",
    "alerts [below it](channels.md#levels) are left out: `info`, `success`, `warning`, `error`": (
        "[低于它](channels.md#levels)的告警不发：`info`、`success`、`warning`、`error`"
    ),
    "[the chat's webhook URL](channels.md#where-the-webhook-comes-from), or a reference to it": (
        "[群机器人的 webhook URL](channels.md#where-the-webhook-comes-from)，或它的引用"
    ),
    "the secret of a signed robot, or a reference to it": "加签机器人的密钥，或它的引用",
    "[whom failures and stalls call](channels.md#mentions)": "[失败和卡住时 @ 谁](channels.md#mentions)",
    "the notifiers that [a message goes to](channels.md#several)": "[消息发给](channels.md#several)哪些 notifier",
    "send a message about an end with exit code 0, too": "退出码为 0 的结束也发消息",
    "[a URL to ask each minute](run.md#nobody-left-to-send), or a reference to one": (
        "[每分钟请求一次的 URL](run.md#nobody-left-to-send)，或它的引用"
    ),
    "the file that the output goes to, where `run` does not find it": "输出写到哪个文件，在 `run` 自己找不到时指明",
    "whether `run` [looks into the Python processes](run.md#what-it-sees) of its command; the variable also "
    "for what trainers [get without a line of code](trainers.md#without-a-line-of-code): `0`, `off`, `no` or `false`": (
        "`run` 是否[查看命令的 Python 进程内部](run.md#what-it-sees)；环境变量还管训练器"
        "[不写一行代码就得到的](trainers.md#without-a-line-of-code) callback：`0`、`off`、`no` 或 `false`"
    ),
    "the URL, for programs; without a terminal a line of standard input will do": (
        "URL，供程序使用；没有终端时也可以从标准输入给一行"
    ),
    "write the file without sending a test": "只写文件，不发测试消息",
    "print JSON for programs, not text for people": "打印给程序读的 JSON，而不是给人看的文字",
    "the message; - for what comes by standard input": "消息；- 表示从标准输入读",
    "a heading, which is the preview on a phone": "标题，也是手机上的预览",
    "its colour": "颜色",
    "take what waits in other folders than TWINKLE_NOTIFIER_DIR, too: what other runs have left there": (
        "也处理 TWINKLE_NOTIFIER_DIR 以外的目录里在等的消息：其他运行留下的"
    ),
    "list what would be sent: when it was, to which kind of chat it goes, its headline; send nothing": (
        "只列出将要发送的消息：时间、发往哪种聊天工具、标题；什么也不发"
    ),
    "go on until Ctrl-C, for compute nodes that have no way out themselves": (
        "一直运行到 Ctrl-C，用来替没有出口的计算节点发送"
    ),
    "how often --follow looks": "--follow 隔多少秒看一次",
    "an exception (the default)": "异常（默认）",
    "no progress": "没有进展",
    "a good end": "正常结束",
    "0 for a free one": "0 表示任选一个空闲端口",
    "do not open the page": "不打开页面",
    "signing secret, for signed mode": "加签密钥，用于加签模式",
    "[rules on metrics](rules.md#write-a-rule); in the variable parted by `;` or lines, `off` for none": (
        "[指标规则](rules.md#write-a-rule)；环境变量里用 `;` 或换行隔开，`off` 表示全部关闭"
    ),
    "trainer_state.json of the HF Trainer, metrics.csv of Lightning's CSVLogger, or a folder with one of them": (
        "HF Trainer 的 trainer_state.json、Lightning 的 CSVLogger 写的 metrics.csv，或含有其中一个的目录"
    ),
    "a rule; without any, NaN and infinity alone": "一条规则；一条都不给时只看 NaN 和 inf",
    "how often [progress messages](messages.md#progress) are sent: `2h`, `90m`, or `10%` of the steps; `off`": (
        "多久发一次[训练进度](messages.md#progress)：`2h`、`90m`，或每走完 step 总数的 `10%`；`off` 不发"
    ),
    "a TOML file with [rules of your own](messages.md#write-a-rule) for them": (
        "一个 TOML 文件，写着[你自己的规则](messages.md#write-a-rule)"
    ),
    "the same as `TWINKLE_NOTIFIER_URL`, if that is not set. "
    "It is twinkle-kit's: [put no URL there](notifiers.md#with-twinkle-kit)": (
        "没有设 `TWINKLE_NOTIFIER_URL` 时与它相同。"
        "这是 twinkle-kit 的变量：[不要把 URL 写在这里](notifiers.md#with-twinkle-kit)"
    ),
    "do not set it: `run` sets it for its command": "不要设置：由 `run` 为它的命令设置",
    "[the state folder](reliability.md#the-state-folder); machines of one run share it": (
        "[状态目录](reliability.md#the-state-folder)；同一次运行的各台机器共用"
    ),
    "what processes of one run have in common, [if no launcher says it]"
    "(ranks.md#which-processes-are-one-run); twinkle-kit sets it": (
        "同一次运行的进程的共同标识，[启动器没有给出时](ranks.md#which-processes-are-one-run)使用；twinkle-kit 会设置它"
    ),
}
_DEFAULTS = {
    "": "",
    "no alerts; `notify_exception` needs one": "不告警；`notify_exception` 必须给",
    "the script's name": "脚本名",
    "no": "否",
    "yes": "是",
    "the best that works": "能用的里面最好的",
    "no stall is looked for": "不检查卡住",
    "the locale's, else `en`": "跟随 locale，否则 `en`",
    "this process's start": "本进程的启动时刻",
    "needed": "必填",
    "all are sent": "全部发送",
    "nobody": "不 @ 任何人",
    "the temporary folder": "临时目录",
    "NaN and infinity alone": "只看 NaN 和 inf",
    "not at all": "不发",
}
_PLACES = {"callbacks": "callback", "all chats": "所有聊天工具"}
CHINESE = {**_HEADS, **_MEANINGS, **_DEFAULTS, **_PLACES}
