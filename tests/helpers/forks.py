"""Scripts that need frameworks: one process loads these, which takes ten seconds, and each script runs in a fork of it."""

from __future__ import annotations

# FOLDERS, as JSON: each has a `train.py`, which ends as any script does, and gets its `out` and `err`.
FORKS = """
import gc, json, os, signal, sys
from types import ModuleType

import lightning.pytorch
from accelerate import Accelerator
from transformers import Trainer

gc.freeze()
statuses = {}
for folder in json.loads(os.environ["FOLDERS"]):
    if not (pid := os.fork()):
        break
    statuses[folder] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
else:
    print(json.dumps(statuses))
    sys.exit()

signal.alarm(120)  # one that hangs is named
os.chdir(folder)
for number, name in ((1, "out"), (2, "err")):
    os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
os.environ.update(TMPDIR=os.getcwd(), XDG_STATE_HOME=os.getcwd())
sys.argv, this, sys.modules["__main__"] = ["train.py"], sys.modules["__main__"], ModuleType("__main__")
sys.modules["__main__"].__file__ = "train.py"
exec(compile(open("train.py").read(), "train.py", "exec"), vars(sys.modules["__main__"]))
"""
