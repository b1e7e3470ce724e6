"""What the network, the robot or the process does, and what must come of a message then."""

from __future__ import annotations

import atexit
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from services import SERVICE, WEBHOOK

from twinkle_notifier.inbox import faults
from twinkle_notifier.inbox.faults import Fault, Faulty

_SENDER = Path(__file__).with_name("sender.py")
_LIMIT = 60  # seconds for one process
_MARGIN = 2.0  # seconds; the machine is busy
_QUICK = 5.0  # seconds for what need not wait: with the import of requests, on a busy machine
_HUGE = 300 * 1024 * 1024
_ROOMY = 50  # MB that a process may grow by


@dataclass(frozen=True)
class Place:
    """Where a sender sends to. Requests are counted at `robots`; `strangers` must hear of nothing."""

    url: str
    robots: Sequence[Faulty] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[str] = ()
    strangers: Sequence[Faulty] = ()


@dataclass(frozen=True)
class Seen:
    """What came of the messages of one trial."""

    outcomes: Sequence[Mapping[str, object]]
    seconds: float
    grown: float
    requests: int
    accepted: int
    misled: int
    leaked: bool
    stderr: str

    @property
    def statuses(self) -> str:
        return ", ".join(sorted({str(outcome["status"]) for outcome in self.outcomes}))


@dataclass(frozen=True)
class Trial:
    """One row of the table. `how` is a function of sender.py, called by the interpreter `python`."""

    name: str
    status: str
    requests: int
    at: Callable[[], AbstractContextManager[Place]]
    accepted: int = 0
    says: str = ""
    most: float = 8.0 + _MARGIN
    least: float = 0.0
    final: bool = False
    how: str = "one"
    messages: int = 1
    needs_root: bool = False
    needs_openssl: bool = False
    python: str = sys.executable

    def run(self) -> Seen:
        """Once, in a process of its own."""
        with self.at() as place:
            return _run(self, place)

    def complaints(self, seen: Seen) -> list[str]:
        """What is not as it should be."""
        said = {
            f"outcomes {[outcome['status'] for outcome in seen.outcomes]}": [o["status"] for o in seen.outcomes]
            != [self.status] * self.messages,
            f"final: {seen.outcomes}": any(outcome["final"] != self.final for outcome in seen.outcomes),
            f"it does not say {self.says!r}: {seen.outcomes}": not all(
                self.says in str(outcome["reason"]) for outcome in seen.outcomes
            ),
            f"{seen.seconds:.1f} s": not self.least <= seen.seconds <= self.most,
            f"{seen.requests} requests": seen.requests != self.requests,
            f"{seen.accepted} messages accepted": seen.accepted != self.accepted,
            f"{seen.misled} requests elsewhere": seen.misled > 0,
            f"{seen.grown:.0f} MB more memory": seen.grown > _ROOMY,
            "the token was shown": seen.leaked,
        }
        return [what for what, wrong in said.items() if wrong]


def _run(trial: Trial, place: Place) -> Seen:
    theirs = ("TWINKLE", "DING_")
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(theirs)
    }
    own = {name: _folder("own-") for name in ("TMPDIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")}
    robot = {"PYTHONPATH": _library(), "NOTIFIER": SERVICE.notifier, "WEBHOOK_URL": place.url}
    env = {**clean, **{name: str(path) for name, path in own.items()}, **robot, **place.env}
    done = subprocess.run(
        [*place.before, trial.python, str(_SENDER), trial.how, str(trial.messages)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        cwd="/",
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    token = re.findall(r"[\w-]+", place.url)[-1]
    return Seen(
        outcomes,
        max((outcome["seconds"] for outcome in outcomes), default=0.0),
        max((outcome["mb"] for outcome in outcomes), default=0.0),
        sum(len(robot.requests) for robot in place.robots),
        sum(len(robot.messages) for robot in place.robots),
        sum(len(robot.requests) for robot in place.strangers),
        token in done.stdout + done.stderr,
        done.stderr,
    )


@cache
def _library() -> str:
    """A folder with the core and what it needs, for interpreters that have neither."""
    folder = _folder("library-")
    for name in ("twinkle_notifier", "requests", "urllib3", "idna", "certifi", "charset_normalizer"):
        module = __import__(name)
        (folder / name).symlink_to(Path(str(module.__file__)).parent)
    return str(folder)


def _folder(prefix: str) -> Path:
    """One that is gone when this process is."""
    path = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


# Where


def _sound() -> Faulty:
    return Faulty(faults.accept, service=SERVICE.robot)


def at(fault: Fault, scheme: str = "http") -> Callable[[], AbstractContextManager[Place]]:
    @contextmanager
    def place() -> Iterator[Place]:
        with Faulty(fault, service=SERVICE.robot) as robot:
            yield Place(robot.url.replace("http:", f"{scheme}:"), [robot])

    return place


def secured(fault: Fault, *, trusted: bool) -> Callable[[], AbstractContextManager[Place]]:
    @contextmanager
    def place() -> Iterator[Place]:
        with Faulty(fault, certificate=_certificate(), service=SERVICE.robot) as robot:
            yield Place(robot.url, [robot], {"REQUESTS_CA_BUNDLE": _certificate()} if trusted else {})

    return place


@cache
def _certificate() -> str:
    """A certificate that signs itself, and its key."""
    path = _folder("certificate-") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return str(path)


@contextmanager
def refused() -> Iterator[Place]:
    with faults.refusing(SERVICE.robot) as url:
        yield Place(url)


@contextmanager
def dead() -> Iterator[Place]:
    with faults.dead(service=SERVICE.robot) as url:
        yield Place(url)


@contextmanager
def no_handshake() -> Iterator[Place]:
    """Connections come about, and nobody takes them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Place(f"https://127.0.0.1:{server.getsockname()[1]}{WEBHOOK}")


def elsewhere(code: int, size: int = 0) -> Callable[[], AbstractContextManager[Place]]:
    @contextmanager
    def place() -> Iterator[Place]:
        with _sound() as stranger, Faulty(faults.redirect(code, stranger.url, size), service=SERVICE.robot) as robot:
            yield Place(robot.url, [robot], strangers=[stranger])

    return place


@contextmanager
def proxy_refused() -> Iterator[Place]:
    with faults.refusing() as proxy:
        yield Place(f"https://robot.invalid{WEBHOOK}", env={"HTTPS_PROXY": proxy})


@contextmanager
def proxy() -> Iterator[Place]:
    with _sound() as robot:
        url = robot.url.replace("127.0.0.1", "robot.invalid")
        yield Place(url, [robot], {"HTTP_PROXY": f"http://127.0.0.1:{robot.port}"})


@contextmanager
def no_such_name() -> Iterator[Place]:
    yield Place(f"https://robot.invalid{WEBHOOK}")


@contextmanager
def silent_resolver() -> Iterator[Place]:
    """Every look-up goes to a name server that answers nothing."""
    with ExitStack() as stack:
        deaf = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        deaf.bind(("127.0.0.78", 53))
        before = stack.enter_context(_instead_of("/etc/resolv.conf", "nameserver 127.0.0.78\n"))
        yield Place(f"https://robot.test{WEBHOOK}", before=before)


@contextmanager
def four_dead() -> Iterator[Place]:
    with ExitStack() as stack:
        port = urlsplit(stack.enter_context(faults.dead("127.0.1.1"))).port
        for last in (2, 3, 4):
            stack.enter_context(faults.dead(f"127.0.1.{last}", port or 0))
        hosts = "".join(f"127.0.1.{last} robot.test\n" for last in (1, 2, 3, 4))
        before = stack.enter_context(_instead_of("/etc/hosts", hosts))
        yield Place(f"http://robot.test:{port}{WEBHOOK}", before=before)


@contextmanager
def one_dead() -> Iterator[Place]:
    """The system gives 127.0.0.1 first, where nobody is."""
    with ExitStack() as stack:
        robot = stack.enter_context(Faulty(faults.accept, host="127.0.1.1", service=SERVICE.robot))
        stack.enter_context(faults.dead("127.0.0.1", robot.port))
        before = stack.enter_context(_instead_of("/etc/hosts", "127.0.0.1 robot.test\n127.0.1.1 robot.test\n"))
        yield Place(robot.url.replace("127.0.1.1", "robot.test"), [robot], before=before)


@contextmanager
def _instead_of(path: str, text: str) -> Iterator[list[str]]:
    """A command that begins another's, for which `path` holds `text`. Needs root."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        yield ["unshare", "-m", "sh", "-c", f'mount --bind {file.name} {path} && exec "$@"', "sh"]


# What


@cache
def _pythons() -> dict[str, str]:
    """The CPythons from 3.12 on that are at hand. On 3.12 no thread can start at the interpreter's exit."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found: dict[str, str] = {}
    for minor in range(12, 20):
        installed = sorted(glob.glob(f"{pyenv}/versions/3.{minor}.*/bin/python"))
        path = installed[-1] if installed else shutil.which(f"python3.{minor}")
        if path:
            found[f"3.{minor}"] = path
    return found


def _version(python: str) -> str:
    command = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _at_exit(python: str) -> list[Trial]:
    when = f"at the exit of Python {_version(python)}"
    once = at(faults.in_turn(faults.close, faults.accept))
    trial = partial(Trial, how="at_exit", python=python)
    # An alarm ends no look-up: where no thread can start, it takes as long as the resolver lets it, 10 s and more.
    soon = 2.0 + _MARGIN
    look_up = 20.0 if python == _pythons().get("3.12") else soon
    return [
        trial(f"{when}: nothing", "sent", 1, at(faults.accept), accepted=1),
        trial(f"{when}: the body drips", "unknown", 1, at(faults.drip_body), most=soon),
        trial(f"{when}: closed once", "sent", 2, once, accepted=1),
        trial(f"{when}: a resolver that answers nothing", "failed", 0, silent_resolver, needs_root=True, most=look_up),
        trial(f"{when}: connection refused", "failed", 0, refused, most=soon),
    ]


_429, _503 = faults.status(429), faults.status(503)
_LATER = "Wed, 01 Jan 2098 00:00:00 GMT"
_MANY = SERVICE.at_once
_WAY_OUT = "is there a way out from this machine?"

_TRIALS = [
    Trial("none", "sent", 1, at(faults.accept), accepted=1),
    Trial("connection refused", "failed", 0, refused, says="nothing listens there", most=_QUICK),
    Trial("a dead address (no answer to a SYN)", "failed", 0, dead, says=_WAY_OUT),
    Trial("four dead addresses", "failed", 0, four_dead, says=_WAY_OUT, needs_root=True),
    Trial("the first of two addresses is dead", "sent", 1, one_dead, accepted=1, needs_root=True),
    Trial("a name that is not known", "failed", 0, no_such_name, says=_WAY_OUT),
    Trial("a resolver that answers nothing", "failed", 0, silent_resolver, says=_WAY_OUT, needs_root=True),
    Trial("a proxy that is not there", "failed", 0, proxy_refused, says="HTTPS_PROXY", most=_QUICK),
    Trial("the only way is a proxy", "sent", 1, proxy, accepted=1),
    Trial("https to a port that speaks http", "failed", 0, at(faults.accept, "https"), says="wrong version", most=_QUICK),
    Trial("no TLS handshake comes", "failed", 0, no_handshake, says=_WAY_OUT),
    Trial("a self-signed certificate", "failed", 0, secured(faults.accept, trusted=False), says="CA_BUNDLE", most=_QUICK, needs_openssl=True),
    Trial("a self-signed certificate, trusted", "sent", 1, secured(faults.accept, trusted=True), accepted=1, needs_openssl=True),
    Trial("accepts the connection, answers nothing", "unknown", 2, at(faults.blackhole), says="may be there"),
    Trial("the same, sent by hand", "unknown", 2, at(faults.blackhole), how="by_hand"),
    Trial("the head drips, 1 byte a second", "unknown", 2, at(faults.drip_head)),
    Trial("the body drips", "unknown", 2, at(faults.drip_body)),
    Trial("the body drips over TLS", "unknown", 2, secured(faults.drip_body, trusted=True), needs_openssl=True),
    Trial("reset after the request", "unknown", 2, at(faults.reset), says="may be there", most=_QUICK),
    Trial("closed without an answer", "unknown", 2, at(faults.close), most=_QUICK),
    Trial("closed without an answer, once", "sent", 2, at(faults.in_turn(faults.close, faults.accept)), accepted=1, most=_QUICK),
    Trial("the body ends too early", "unknown", 2, at(faults.truncate), most=_QUICK),
    Trial("accepted, then closed", "unknown", 2, at(faults.accept_and_close), accepted=1, most=_QUICK),
    Trial("accepted, then closed, once", "sent", 2, at(faults.in_turn(faults.accept_and_close, faults.accept)), accepted=1, most=_QUICK),
    Trial("closed, then HTTP 503", "unknown", 3, at(faults.in_turn(faults.close, _503)), most=_QUICK),
    Trial("HTTP 429", "throttled", 3, at(_429), says="HTTP 429", most=_QUICK),
    Trial("HTTP 429 once, Retry-After 1 s", "sent", 2, at(faults.in_turn(faults.status(429, Retry_After="1"), faults.accept)), accepted=1, least=1, most=_QUICK),
    Trial("HTTP 429, Retry-After 60 s", "throttled", 1, at(faults.status(429, Retry_After="60")), says="again in 60 s", most=_QUICK),
    Trial("HTTP 503", "failed", 3, at(_503), says="HTTP 503", most=_QUICK),
    Trial("HTTP 503, Retry-After a date", "failed", 1, at(faults.status(503, Retry_After=_LATER)), most=_QUICK),
    Trial("HTTP 500 once", "sent", 2, at(faults.in_turn(faults.status(500), faults.accept)), accepted=1, most=_QUICK),
    Trial("HTTP 408 once", "sent", 2, at(faults.in_turn(faults.status(408), faults.accept)), accepted=1, most=_QUICK),
    *(
        Trial(refusal.name, refusal.status, refusal.requests, at(refusal.answer), final=refusal.final, most=8.0 + _MARGIN)
        for refusal in SERVICE.refusals
    ),
    Trial("a page of HTML", "failed", 1, at(faults.page), most=_QUICK),
    Trial("`{}`", "failed", 1, at(faults.says({})), most=_QUICK),
    Trial("`[]`", "failed", 1, at(faults.says([])), most=_QUICK),
    Trial("an answer of 300 MB", "failed", 1, at(faults.large(_HUGE)), most=_QUICK),
    Trial("a redirect with 300 MB", "failed", 1, elsewhere(302, _HUGE), most=_QUICK),
    Trial("a redirect, 302", "failed", 1, elsewhere(302), most=_QUICK),
    Trial("a redirect, 307", "failed", 1, elsewhere(307), most=_QUICK),
    Trial("no thread can start: nothing else", "sent", 1, at(faults.accept), accepted=1, how="without_a_thread"),
    Trial("no thread can start: connection refused", "failed", 0, refused, how="without_a_thread", most=_QUICK),
    Trial("no thread can start: no answer", "unknown", 2, at(faults.blackhole), how="without_a_thread"),
    Trial("no thread can start: the head drips", "unknown", 2, at(faults.drip_head), how="without_a_thread"),
    Trial("no thread can start: the body drips", "unknown", 2, at(faults.drip_body), how="without_a_thread"),
    Trial("after a fork", "sent", 2, at(faults.late(1)), accepted=2, how="after_a_fork", messages=2),
    Trial(f"in {_MANY} threads", "sent", _MANY, at(faults.accept), accepted=_MANY, how="in_threads", messages=_MANY),
    Trial(f"in {_MANY} threads: the body drips", "unknown", 2 * _MANY, at(faults.drip_body), how="in_threads", messages=_MANY),
    Trial("in the frames of a RecursionError", "sent", 1, at(faults.accept), accepted=1, how="deep"),
    *(one for python in _pythons().values() for one in _at_exit(python)),
]  # fmt: skip


def _for_service(trial: Trial) -> Trial:
    """A service that does not drop repeats gets no second request after one that it may have accepted."""
    in_doubt = trial.status == "unknown" or "closed" in trial.name
    if SERVICE.drops_repeats or not in_doubt:
        return trial
    accepted = trial.messages if trial.name.startswith("accepted") else 0
    return replace(trial, status="unknown", requests=trial.messages, accepted=accepted)


TRIALS = [_for_service(trial) for trial in _TRIALS]
