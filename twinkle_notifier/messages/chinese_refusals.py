"""The Chinese of why a robot takes no message, by its English: see `catalog`."""

from __future__ import annotations

# What a refusal of a chat means, and how it is mended: the inbox's page shows that, too.
REFUSALS = {
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
    "there is no such bot: copy the token that it was given": "没有这个机器人：请重新复制它的 token",
    "the bot cannot write to this chat: add it to the group, or write to it first, and check chat_id": (
        "机器人不能写到这个会话：把它加进群，或先给它发一条消息，并检查 chat_id"
    ),
    "the message that it should change is gone, or too old": "要修改的消息已删除，或太旧",
    "the group has a new id: change chat_id in the URL": "群的 id 变了：请改 URL 里的 chat_id",
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
