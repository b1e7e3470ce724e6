"""The cases of "exactly once": what happens, how many messages are right, and what the reference sends."""

from __future__ import annotations

import socket
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import CRASH, WITH_TORCH, Lab, Seen, free_port


@dataclass(frozen=True)
class Case:
    """One case. Each message is at the robot of `service`, and holds the pattern `says`. `reference` is what twinkle-kit's notifier sends, if measured.

    What is `slow`, or `akin` to another case, is left to ``make stress``.
    """

    name: str
    expected: int
    act: Callable[[Lab], None]
    reference: str = ""
    delay: float = 0.0
    says: str = ""
    needs_root: bool = False
    slow: bool = False
    akin: bool = False
    service: str = "DingTalk"

    def run(self) -> Seen:
        """Once, in a lab of its own."""
        with Lab(delay=self.delay) as lab:
            self.act(lab)
            return lab.seen()


def eight_ranks(lab: Lab) -> None:
    lab.torchrun(WITH_TORCH + CRASH, 8)


def at(service: str) -> Callable[[Lab], None]:
    """An act: a crash of 8 ranks whose notifier has the webhook URL of this service."""
    crash = CRASH.replace("tell(e)", 'tell(e, t.Notifier.from_url("env:CHAT_URL"))')
    return lambda lab: lab.ranks(crash, 8, CHAT_URL=lab.inbox.urls[service])


def agents_shared(lab: Lab) -> None:
    """Without torch in the ranks, so that they meet in the folder and not in torchrun's store."""
    lab.agents(CRASH, 4, shared=True)


def agents_apart(lab: Lab) -> None:
    lab.agents(WITH_TORCH + CRASH, 4, shared=False)


BEGUN = (
    WITH_TORCH
    + """
run = t.TrainingRun(t.DingNotifier("env:DING_URL", timeout=5.0), name="sft")
run.started()
deadline = time.monotonic() + 20
while run._sequence is None and time.monotonic() < deadline:  # the count is read in the background
    time.sleep(0.01)
dist.init_process_group("gloo")
dist.barrier()  # as a training's first step: a rank that begins after the claim would tell once more
try:
    raise ValueError("lost")
except ValueError as e:
    stamp("RAISED")
    run.failed(e, "fit")
    stamp("LEFT")
    raise
"""
)


def two_machines(lab: Lab) -> None:
    lab.agents(BEGUN, 2, machines=True)


def two_of_sixteen(lab: Lab) -> None:
    """On one of two nodes; the other ranks end by themselves, since their agent would wait for them."""
    source = """
    import socket
    if socket.gethostname() == "node-b" and os.environ["LOCAL_RANK"] in ("3", "5"):
        try:
            raise ValueError("met by two")
        except ValueError as e:
            tell(e)
            raise
    time.sleep(3)
    sys.exit(1)
    """
    lab.agents(source, 8, shared=True, machines=True)


LIGHTNING = """
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.lightning import NotifierCallback
class Callback(NotifierCallback):
    def on_exception(self, *args):
        stamp("RAISED")
        super().on_exception(*args)
        stamp("LEFT")
class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, batch_idx):
        {step}
        return self.layer(batch[0]).square().mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)
if __name__ == "__main__":
    trainer = Trainer(accelerator="cpu", devices={devices}, strategy="ddp", max_epochs=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[Callback(t.DingNotifier("env:DING_URL"), name="sft")])
    trainer.fit(Model(), DataLoader(TensorDataset(torch.randn(64, 4)), batch_size=2))
"""


def lightning_launcher(lab: Lab) -> None:
    script = lab.script(LIGHTNING.format(step="if batch_idx == 1: raise ValueError('lost')", devices=4))
    lab.run([sys.executable, str(script)])


def staggered(lab: Lab) -> None:
    lab.torchrun("time.sleep(0.15 * rank)\n" + CRASH, 8)


def differing_message(lab: Lab) -> None:
    lab.torchrun(CRASH.replace('"the loss is lost"', 'f"cuda:{rank} on pid {os.getpid()} is lost"'), 8)


def slow_robot(lab: Lab) -> None:
    lab.torchrun(CRASH, 8)


FIRST = """
class First(t.DingNotifier):
    def __call__(self, message):
        try:
            os.close(os.open(os.path.join(os.environ["TMPDIR"], "first"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().__call__(message)
        {action}
try:
    raise ValueError("lost")
except ValueError as e:
    tell(e, First("env:DING_URL"))
    raise
"""


def killed_sender(lab: Lab) -> None:
    lab.torchrun(FIRST.format(action="os.kill(os.getpid(), signal.SIGKILL)"), 4)


def sender_without_network(lab: Lab) -> None:
    closed = f"http://127.0.0.1:{free_port()}/robot/send?access_token=x"
    lab.torchrun(FIRST.format(action=f"t.DingNotifier({closed!r})(message)"), 4)


def five_senders_without_network(lab: Lab) -> None:
    closed = f"http://127.0.0.1:{free_port()}/robot/send?access_token=x"
    lab.torchrun(
        f"""
        class Fifth(t.DingNotifier):
            def __call__(self, message):
                tries = os.path.join(os.environ["TMPDIR"], "tries")
                with open(tries, "a") as file:
                    file.write("x")
                return t.DingNotifier({closed!r})(message) if os.path.getsize(tries) < 6 else super().__call__(message)
        try:
            raise ValueError("lost")
        except ValueError as e:
            tell(e, Fifth("env:DING_URL"))
            raise
        """,
        8,
    )


def silent_resolver(lab: Lab) -> None:
    """Every look-up goes to a name server that answers nothing; torchrun's store looks up each of its clients."""
    config = lab.folder / "resolv.conf"
    config.write_text("nameserver 127.0.0.77\n")
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        deaf.bind(("127.0.0.77", 53))
        inner = f'mount --bind {config} /etc/resolv.conf && exec "$@"'
        lab.agents(BEGUN, 2, before=["unshare", "-m", "sh", "-c", inner, "sh"])


def _broken_folder(lab: Lab, folder: Path) -> None:
    lab.torchrun(CRASH, 4, CWD=str(folder), TMPDIR=str(folder))


def read_only_folder(lab: Lab) -> None:
    _broken_folder(lab, lab.mount("read-only", "-t", "tmpfs", "-o", "ro", "tmpfs"))


def full_folder(lab: Lab) -> None:
    folder = lab.mount("full", "-t", "tmpfs", "-o", "size=16k", "tmpfs")
    with suppress(OSError):
        (folder / "filler").write_bytes(b"x" * 20_000)
    _broken_folder(lab, folder)


def deleted_folder(lab: Lab) -> None:
    folder = lab.subfolder("deleted")
    lab.torchrun(
        f"import shutil\nshutil.rmtree({str(folder)!r}, ignore_errors=True)\n" + CRASH,
        4,
        CWD=str(folder),
        TMPDIR=str(folder),
    )


def restart(lab: Lab) -> None:
    lab.torchrun(CRASH, 2, "--standalone", "--max-restarts=1")


def four_restarts(lab: Lab) -> None:
    lab.torchrun(CRASH, 2, "--standalone", "--max-restarts=5")


def restart_on_two(lab: Lab) -> None:
    lab.agents(WITH_TORCH + CRASH, 2, "--max-restarts=1", shared=False)


def next_run(lab: Lab) -> None:
    port = free_port()
    for _ in range(2):
        lab.torchrun(CRASH, 2, f"--master-port={port}", "--rdzv-id=same")


def pid_reused(lab: Lab) -> None:
    port = free_port()
    for _ in range(2):
        lab.torchrun(CRASH, 2, f"--master-port={port}", before=["unshare", "-pf", "--mount-proc"])


def two_causes(lab: Lab) -> None:
    lab.torchrun(
        """
        try:
            if rank % 2:
                raise ValueError("odd")
            raise KeyError("even")
        except Exception as e:
            tell(e)
            time.sleep(2)  # so that neither's end takes the other down
            raise
        """,
        4,
    )


CONNECTED = (
    WITH_TORCH
    + """
dist.init_process_group("gloo")
dist.barrier()
try:
    {action}
    dist.all_reduce(torch.ones(1))
except Exception as e:
    tell(e)
    raise
"""
)


def only_connection_errors(lab: Lab) -> None:
    lab.torchrun(CONNECTED.format(action='if rank == 0: raise ValueError("the cause")'), 4)


def all_at_once(lab: Lab) -> None:
    lab.torchrun(CONNECTED.format(action='raise ValueError("met by all")'), 4)


CAUSE_AND_FOLLOWERS = """
try:
    if rank == {cause}:
        raise ValueError("the cause")
    time.sleep(0.1)
    raise RuntimeError("Connection closed by peer [127.0.0.1]")
except Exception as e:
    tell(e)
    raise
"""


def followers(lab: Lab) -> None:
    lab.torchrun(CAUSE_AND_FOLLOWERS.format(cause=1), 3)


def killed_after_an_old_error(lab: Lab) -> None:
    """A loop has reported an error and gone on for over a minute; then a peer is killed."""
    action = """
    if rank == 0:
        try:
            raise KeyError("a bad batch")
        except KeyError as e:
            tell(e)
    dist.barrier()
    time.sleep(63)
    if rank == 1: os.kill(os.getpid(), signal.SIGKILL)
    """
    lab.torchrun(CONNECTED.format(action=textwrap.dedent(action).replace("\n", "\n    ")), 3)


# The agent looks every 3 s after it has started this process, and ends the other ranks when it finds it dead.
# A busy machine is too slow for looks of 0.1 s, torchrun's own: an error may not have come by then.
KILL_AFTER_A_LOOK = """
    if rank == 3:
        from twinkle_notifier.runtime.process import process_start
        time.sleep((0.3 - process_start().age()) % 3)
        os.kill(os.getpid(), signal.SIGKILL)"""


def killed_rank(lab: Lab) -> None:
    lab.torchrun(CONNECTED.format(action="if rank == 3: os.kill(os.getpid(), signal.SIGKILL)"), 4)


def killed_between_looks(lab: Lab) -> None:
    lab.torchrun(CONNECTED.format(action=KILL_AFTER_A_LOOK), 4, "--standalone", "--monitor-interval=3")


KILL_BETWEEN_LOOKS = """
        if batch_idx == 3 and self.global_rank == 1:
            # The launcher looks every 5 s after it has started this process, and kills rank 0 when it finds it dead.
            # Rank 0 has to be quicker than that: killed 1.5 s after a look, this rank gives it time on a slow machine.
            from twinkle_notifier.runtime.process import process_start
            time.sleep((1.5 - process_start().age()) % 5)
            os.kill(os.getpid(), signal.SIGKILL)"""


def killed_lightning_rank(lab: Lab) -> None:
    lab.run([sys.executable, str(lab.script(LIGHTNING.format(step=KILL_BETWEEN_LOOKS, devices=2)))])


def crash_loop_with_followers(lab: Lab) -> None:
    """The fourth crash is not reported; what follows from it is not reported in its stead."""
    for _ in range(4):
        lab.torchrun(CAUSE_AND_FOLLOWERS.format(cause=0), 2)


def crash_loop(lab: Lab) -> None:
    """Fifty runs, one after the other."""
    script = lab.script(CRASH)
    for _ in range(50):
        lab.run([sys.executable, str(script)])


CASES = [
    Case("torchrun, 8 ranks", 1, eight_ranks, "8", akin=True),
    Case("8 ranks, Feishu", 1, at("Feishu"), says="the loss is lost", service="Feishu", akin=True),
    Case("8 ranks, WeCom", 1, at("WeCom"), says="the loss is lost", service="WeCom"),
    Case("8 ranks, Slack", 1, at("Slack"), says="the loss is lost", service="Slack", akin=True),
    Case("two agents of 4 ranks, a shared folder", 1, agents_shared, "4 to 8", akin=True),
    Case("two agents of 4 ranks, no shared folder", 1, agents_apart, "2", slow=True),
    Case("two machines (boot ids), training begun", 1, two_machines, needs_root=True, akin=True),
    Case(
        "2 of 16 ranks, on one of two machines",
        1,
        two_of_sixteen,
        says="Ranks: (3, 5|11, 13) of 16 on node-b\n",
        needs_root=True,
        slow=True,
    ),
    Case("Lightning's own launcher, 4 processes", 1, lightning_launcher, "3 to 4", slow=True),
    Case("8 ranks fail 0.15 s apart", 1, staggered, akin=True),
    Case("8 ranks, a message that differs on each", 1, differing_message, akin=True),
    Case("8 ranks, the robot takes 2 s to answer", 1, slow_robot, "0", delay=2.0, akin=True),
    Case("the sender is SIGKILLed before its request", 1, killed_sender, "0"),
    Case("the sender has no network, another rank has", 1, sender_without_network, "0"),
    Case("five senders have no network, another rank has", 1, five_senders_without_network, akin=True),
    Case("two agents, a resolver that answers nothing", 1, silent_resolver, needs_root=True, slow=True),
    Case(
        "a read-only working and temporary folder", 1, read_only_folder, "import fails, or every rank", needs_root=True
    ),
    Case("a full working and temporary folder", 1, full_folder, needs_root=True, akin=True),
    Case("a deleted working and temporary folder", 1, deleted_folder, akin=True),
    Case("an elastic restart, one node", 2, restart, "1", says="attempt [12] of 2\n"),
    Case("six attempts, the last one reported", 5, four_restarts, says="attempt [1-6] of 6\n", slow=True),
    Case("an elastic restart, two agents", 2, restart_on_two, slow=True),
    Case("two runs with the same id and port", 2, next_run, akin=True),
    Case("two runs with the same process ids", 2, pid_reused, "1", needs_root=True, akin=True),
    Case("4 ranks at one moment", 1, all_at_once, says="- Ranks: 0-3 of 4\n", akin=True),
    Case("two different causes", 2, two_causes),
    Case("rank 0 fails, 3 get connection errors", 1, only_connection_errors, says="the cause", akin=True),
    Case("2 secondary errors, while the cause is sent", 1, followers, says="- Errors that follow from it: 0, 2 of 3"),
    Case("a rank is SIGKILLed long after another error", 2, killed_after_an_old_error, slow=True),
    Case("a rank is SIGKILLed, 3 get connection errors", 1, killed_rank, says="likely one was killed", akin=True),
    Case("the same, its launcher looks every 3 s", 1, killed_between_looks, says="likely one was killed"),
    Case("the same under Lightning's own launcher", 1, killed_lightning_rank, says="likely one was killed", akin=True),
    Case("four crashes in a row, with secondary errors", 3, crash_loop_with_followers, says="the cause", slow=True),
    Case("a crash loop of 50 runs", 7, crash_loop, slow=True),
]
