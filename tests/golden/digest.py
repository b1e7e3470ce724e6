from twinkle_notifier import DingNotifier, notify_exception

notifier = DingNotifier("env:DING_URL", "env:DING_SECRET")
for shard in range(12):
    try:
        raise ValueError(f"shard {shard} is empty")
    except ValueError as error:
        notify_exception(notifier, f"shard {shard}", error, "sft")
