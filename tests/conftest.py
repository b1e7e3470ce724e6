"""What the tests share: a local robot, and real processes with a bound and an end."""

from __future__ import annotations

import gc
import os
import re
import select
import signal
import socket
import socketserver
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from shutil import which

import bare  # where this is asked for, nothing below sees the whole machine
import pytest

from twinkle_notifier import DingNotifier
from twinkle_notifier.alerts.dedupe import Occurrences, Seen
from twinkle_notifier.claims.stores.memory import MemoryStore
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox.mailbox import VARIABLE, Mailbox
from twinkle_notifier.runtime.log_repeats import repeats
from twinkle_notifier.settings import Configured

_LAUNCHERS = (
    "TWINKLE",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_",
    "MASTER_",
    "NODE_RANK",
    "GROUP_RANK",
    "SLURM_",
    "PBS_",
    "LSB_",
    "FLUX_",
    "SGE_",
    "PMI",
    "OMPI_",
    "MPI_",
    "TORCHELASTIC_",
)
SECRET = "SEC0123456789abcdef"
# Files about what Linux alone has: on a bare machine they cannot even be loaded, or nothing is left of them.
_LINUX = (
    *("attach", "supervisor", "test_first_use.py", "test_imports.py", "test_trust.py"),
    *("alerts/test_handover.py", "credentials/test_command_line.py"),  # the first: its pools fork
    *("delivery/test_letter.py", "exceptions/test_printed.py", "runtime/test_containers.py", "runtime/test_forks.py"),
    *("runtime/test_hostile_folders.py", "claims/stores/test_symlinks.py"),
)
collect_ignore = list(_LINUX) if bare.MACHINE else []
_folders = count(1)


def pytest_configure() -> None:
    """A shell's job in the background ignores Ctrl-C, and `nohup` hangups: what tests start would inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.environ["LC_ALL"] = "C.UTF-8"  # messages are in English, whoever runs the tests


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no search for garbage looks through the frameworks again."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    """A test that itself needs what this machine lacks shows nothing here. Where the package needs it, it fails."""
    yield from _without_what_is_missing()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """See `pytest_runtest_setup`."""
    yield from _without_what_is_missing()


def _without_what_is_missing() -> Generator[None]:
    try:
        yield
    except (AttributeError, ImportError, OSError) as error:
        if bare.MACHINE and bare.is_missed_by(error, Path(__file__).parent):
            pytest.skip(f"the test needs what this machine lacks: {error}")
        raise


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pytest's own, with a short name: the path of a socket within has a limit of 107 bytes."""
    return tmp_path_factory.mktemp(str(next(_folders)), numbered=False)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox(token="tok-0123456789abcdef", secret=SECRET) as running:
        yield running


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Of a supervisor that lives: this process."""
    supervision = Mailbox.begun()
    monkeypatch.setenv(VARIABLE, str(supervision.folder))
    yield supervision
    supervision.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 and localhost that signs itself, and its key."""
    if which("openssl") is None:
        pytest.skip("a certificate is made by openssl")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-subj", "/CN=localhost", "-days", "2"]
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names]
    subprocess.run([*key, "-keyout", path, "-out", path.with_suffix(".crt")], check=True, capture_output=True)
    with path.open("ab") as both:
        both.write(path.with_suffix(".crt").read_bytes())
    return path


class Tunnel(socketserver.ThreadingTCPServer):
    """A proxy for secure servers, which counts its visits."""

    daemon_threads = True
    visits = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connect)
        self.port = int(self.server_address[1])


class _Connect(socketserver.StreamRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        self.server.visits += 1
        host, port = self.rfile.readline().split()[1].decode().split(":")
        while self.rfile.readline().strip():
            pass
        with socket.create_connection((host, int(port)), timeout=30) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            ways = {self.connection: there, there: self.connection}
            while True:
                for ready in select.select(list(ways), [], [], 30)[0]:
                    if not (data := ready.recv(1 << 16)):
                        return
                    ways[ready].sendall(data)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    with Tunnel() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


_HARM = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|@all|@here|\]\(|://|www\.|<at|```|SEC0123|tok-0123"
)
_HOSTILE = {
    "escapes": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \u202e\x00",
    "headings": "no\r\n\n# The run ended well\n- Steps: all\n```\n@all @here",
    "links": "[log in](http://evil.example) ![x](//evil.example) http://evil.example www.evil.example <at id=all></at>",
    "surrogates": "\ud800\udc00 \udfff",
    "length": "x" * 60_000,
}


@pytest.fixture(params=_HOSTILE.values(), ids=_HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    """What a robot, a proxy or a checkpoint may say."""
    return str(request.param)


@pytest.fixture
def harm() -> Callable[[str], list[str]]:
    """What of a text hurts where people, terminals or chats read it: marks, links, secrets, and its length."""
    return lambda text: [*_HARM.findall(text), *([f"{len(text)} characters"] if len(text) > 900 else [])]


@pytest.fixture
def ding(inbox: Inbox) -> DingNotifier:
    return DingNotifier(inbox.url, SECRET)


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test inherits a launcher, proxies or issuers, and none leaves claims in the machine's temporary folder."""
    for name in list(os.environ):
        if (name.startswith(_LAUNCHERS) and name != bare.VARIABLE) or name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("twinkle_notifier.runtime.user_file._read", None)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _no_past(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What one test told in this process silences no other, and nothing of it goes out later."""
    monkeypatch.setattr("twinkle_notifier.claims.alone", MemoryStore())
    monkeypatch.setattr("twinkle_notifier.alerts.pipeline._seen", Seen())
    monkeypatch.setattr("twinkle_notifier.alerts.pipeline._occurrences", Occurrences())
    fresh = Configured()
    for module in ("watch", "api"):
        monkeypatch.setattr(f"twinkle_notifier.alerts.{module}.configured", fresh)
    monkeypatch.setattr("twinkle_notifier.runtime.language._warned", set())
    for name, nothing in (("_first", ""), ("_line", ()), ("_born", None)):  # nor that it forked
        monkeypatch.setattr(f"twinkle_notifier.runtime.process.{name}", nothing)
    yield
    repeats.forget()
    background.stop()  # another try of what it could not send would find what the next test keeps
    background.flush(10)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Lightning leaves its handler of SIGTERM where a training fails early: workers that another test forks inherit it.

    `Pool.terminate` waits for ever for a worker that does not end by SIGTERM.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


class Started:
    """A process of a test's own, with all its children in one group."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def result(self, seconds: float = 180) -> Result:
        try:
            out, err = self.process.communicate(timeout=seconds)
        finally:
            self.kill()
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def start(inbox: Inbox, tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start `source` as a script, under torchrun with `ranks`; DING_URL and DING_SECRET lead to the inbox."""
    running: list[Started] = []
    folder = tmp_path / "work"
    folder.mkdir()

    def start_one(
        source: str, *, ranks: int = 0, name: str = "train.py", torchrun: tuple[str, ...] = (), **env: str
    ) -> Started:
        if ranks and (bare.MACHINE or find_spec("torch") is None):
            pytest.skip("torchrun needs torch, and that needs the whole machine")
        script = folder / name
        script.write_text(textwrap.dedent(source))
        launcher = ["-m", "torch.distributed.run", *(torchrun or ("--standalone",)), f"--nproc-per-node={ranks}"]
        command = [sys.executable, *(launcher if ranks else []), str(script)]
        started = Started(command, folder, {"DING_URL": inbox.url, "DING_SECRET": SECRET, **env})
        running.append(started)
        return started

    yield start_one
    for started in running:
        started.kill()


@pytest.fixture
def run(start: Callable[..., Started]) -> Run:
    """Run `source` as `start` does, to its end."""
    return lambda source, **options: start(source, **options).result()
