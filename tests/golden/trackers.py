import os
import sys
import threading
from types import ModuleType, SimpleNamespace

from twinkle_notifier import DingNotifier, Progress, TrainingRun


def loaded(name, **attributes):
    """A tracker as a program has loaded it: a module with the attributes that the real one has."""
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(attributes)


class Run:
    """A run of trackio, whose thread sends."""

    project, name, _space_id = "llm", "sft-7b", "me/board"

    def _batch_sender(self):
        threading.Event().wait()


class Writer(threading.Thread):
    """A thread of TensorBoard, which writes a file of events."""

    _record_writer = SimpleNamespace(_writer=SimpleNamespace(filename="runs/sft-7b/events.out.tfevents.1"))

    def run(self):
        threading.Event().wait()


Run.__module__, Writer.__module__ = "trackio.run", "tensorboard.summary.writer.event_file_writer"
threading.Thread(target=Run()._batch_sender, daemon=True).start()
Writer(daemon=True).start()
of_mlflow = SimpleNamespace(info=SimpleNamespace(run_id="3f9c1d", experiment_id="7"))
os.environ["MLFLOW_TRACKING_URI"] = "https://me:pw@mlflow.example:5000/?token=t"
loaded("swanlab", get_run=lambda: SimpleNamespace(url="https://swanlab.cn/@me/llm/runs/x1?key=K"))
loaded("trackio")
loaded("mlflow.tracking.fluent", _active_run_stack=[of_mlflow])
loaded(Writer.__module__)

run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
run.started()
try:
    raise KeyError("input_ids")
except KeyError as error:
    run.failed(error, progress=lambda: Progress(step=1180))
