"""Public calls that are only type-checked: what a user may write, and gets."""

from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from twinkle_notifier.integrations.lightning import NotifierCallback
from twinkle_notifier.integrations.transformers import NotifierCallback as HFCallback
from twinkle_notifier.integrations.transformers import guard

from twinkle_notifier import (
    AppriseNotifier,
    ConsoleNotifier,
    DeliveryError,
    DingNotifier,
    FallbackNotifier,
    FanoutNotifier,
    Notifier,
    Outcome,
    Progress,
    Store,
    TrainingRun,
    alert,
    notify_exception,
    remaining,
    resolve,
    watch,
)
from twinkle_notifier.inbox import Inbox, Received
from twinkle_notifier.testing import RecordingNotifier


class Own(Notifier):
    reference_fields = ("token",)
    ends_in_time = True

    def __call__(self, message: str) -> None:
        seconds: float = remaining()
        assert seconds
        raise DeliveryError("full", fate="throttled", final=False, code=1)

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        return cls()


def calls(store: Store, error: Exception, hf_trainer: Any) -> None:
    ding = DingNotifier(ding_url="env:A", secret=None, timeout=5)
    DingNotifier("http://proxy/robot/send?access_token=x", insecure=True)
    DingNotifier(webhook_url="env:A", mentions=("13800000000", "@all"))
    either = FallbackNotifier(ding, AppriseNotifier("ntfys://h/t", timeout=3, insecure=False), min_level="error")
    FanoutNotifier(either, ConsoleNotifier(min_level="info")).min_level = "warning"
    data: dict[str, Any] = ding.to_dict()
    restored: Notifier = Notifier.from_dict(data)
    outcome: Outcome = notify_exception(restored, "context", error, "name", store=store)
    notify_exception(None, context="x", exc=error, name=None, progress=Progress(epoch=1.0, step=2))
    notify_exception(print, exc=error)
    status: str = outcome.status
    run = TrainingRun(Own(), name=status, on_start=True, stall_after=600)
    TrainingRun(rules=["loss > 10", {"condition": "loss is nan", "level": "error", "for_steps": 3}])
    NotifierCallback(rules=["zscore(loss[50]) > 6 => error: spike"])
    sent: Outcome = alert("halfway", "200 of 400", level="WARN", wait_duration=timedelta(minutes=5), notifier=ding)
    run.alert("halfway", sent.reason, "info", 60)
    run.started(progress=lambda: Progress(step=1))
    run.saved(Progress(last_checkpoint="/x").last_checkpoint, 1000)
    run.saved(Path("out/checkpoint-1000"))
    run.log({"loss": 0.25, "lr": 1e-4}, 10)
    run.log(lambda: {"loss": 0.25})
    language: str = TrainingRun(language="zh", diagnose=False).language
    notify_exception(print, exc=error, name=language, language="en", diagnose=True)
    NotifierCallback(language="zh", diagnose=None)
    Progress(step=1, of_steps=10, resume="ckpt_path=x", seconds=3.0, history=[0.5, 0.25, 0.2], history_of="loss")
    run.beat()
    after: float | None = run.stall_after
    run.pause()
    run.failed(error, "fit", lambda: Progress(step=1))
    run.ended()
    state: dict[str, Any] = run.state_dict()
    run.load_state_dict(state)
    Trainer(callbacks=[NotifierCallback(ding, name="sft", on_start=False, on_end=True, stall_after=600)])
    NotifierCallback(notifications="failure_only")
    HFCallback(notifications="end_only")
    TrainingRun(Notifier.from_url("env:URL"), notifications="all")
    HFCallback(ConsoleNotifier(), name="sft", stall_after=after)
    with guard(hf_trainer), watch(ding, "x", language="zh", diagnose=False):
        pass
    text: str = resolve("env:A")
    messages: list[str] = RecordingNotifier().messages
    with Inbox(token=text) as inbox:
        received: list[Received] = inbox.messages
        page: str = inbox.page_url
    print(messages, received, page)


@watch(ConsoleNotifier(), "decorated")
def decorated(number: int) -> str:
    return str(number)


@watch
def bare(number: int) -> str:
    return str(number)


@watch()
async def waiting(number: int) -> str:
    return bare(number)


@watch(context="evaluation", name="sft")
def stepping(number: int) -> Iterator[str]:
    yield bare(number)


class Watched:
    @watch
    def method(self, number: int) -> str:
        return bare(number)

    @staticmethod
    @watch(print, "static")
    def static(number: int) -> str:
        return bare(number)


def watched(notifier: Notifier | None, function: Callable[[str], None]) -> None:
    with watch(), watch(notifier), watch(name="sft"), watch(print, "x"), watch(RecordingNotifier()):
        pass
    with watch(function, context="x", name=None), watch(None, "off"):
        pass
    text: str = Watched().method(3) + Watched.static(3)
    later: Coroutine[Any, Any, str] = waiting(3)
    steps: Iterator[str] = stepping(3)
    print(text, later, steps)


kept: Callable[[int], str] = decorated
also_kept: Callable[[int], str] = bare
