from twinkle_notifier import DingNotifier, watch


def download(token):
    raise PermissionError(f"401 for https://me:Tr0ub4dor-and-3@data.example/shard?token={token}, api_key={token}")


with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "download", "sft"):
    download("hf_q7eRtYu1oPaSdFgH2KlZxCv8nMqWeRtYuI")  # password = "correct-horse-battery"
