from twinkle_notifier import Notifier, Progress, TrainingRun


class OutOfMemoryError(RuntimeError):
    """As torch.OutOfMemoryError, which this machine has no device for."""


def step(batch):
    raise OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of which 1.10 GiB is "
        "free. Including non-PyTorch memory, this process has 78.09 GiB memory in use. Of the allocated memory 60.11 "
        "GiB is allocated by PyTorch, and 17.22 GiB is reserved by PyTorch but unallocated. If reserved but "
        "unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid "
        "fragmentation.  See documentation for Memory Management"
    )


chats = Notifier.from_url("env:DINGTALK_URL env:FEISHU_URL env:WECOM_URL env:SLACK_URL")
run = TrainingRun(chats, name="sft")
run.started()
for number in range(60):
    run.log({"loss": 2.5 / (number + 1), "lr": 1e-4}, number)
run.saved("out/checkpoint-1000", 1000)
reached = Progress(epoch=1.5, step=1180, of_steps=3000, resume="--resume_from_checkpoint out/checkpoint-1000")
try:
    step(list(range(8)))
except OutOfMemoryError as error:
    run.failed(error, "train", lambda: reached)
