from twinkle_notifier import Notifier, notify_exception

chats = Notifier.from_url("env:DINGTALK_URL env:FEISHU_URL env:WECOM_URL env:SLACK_URL")
for shard in range(12):
    try:
        raise ValueError(f"shard {shard} is empty")
    except ValueError as error:
        notify_exception(chats, f"shard {shard}", error, "sft")
