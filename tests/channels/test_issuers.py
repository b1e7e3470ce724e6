"""The certificates of those who vouch for a server: read in time, and parsed so that no exit can crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import certifi
import pytest

from twinkle_notifier.channels import http
from twinkle_notifier.errors import DeliveryError
from twinkle_notifier.inbox.faults import Faulty, accept, says

BODY = b'{"msgtype": "text", "text": {"content": "hello"}}'
MAKES = "from twinkle_notifier import DingNotifier\nDingNotifier('https://localhost:9/robot/send?access_token=t')"
# A daemon thread makes it, and is in the midst of it, at some moment or other, when the process exits.
MAKES_AT_THE_END = """
import sys, threading, time
import twinkle_notifier
url = 'https://localhost:9/robot/send?access_token=t'
threading.Thread(target=twinkle_notifier.DingNotifier, args=(url,), daemon=True).start()
time.sleep(float(sys.argv[1]))
"""


def started(code: str, *arguments: str, bundle: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "REQUESTS_CA_BUNDLE": str(bundle)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=env, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ends(processes: list[subprocess.Popen[str]]) -> set[tuple[int, str, str]]:
    """How they ended, and what they said."""
    found = set()
    for process in processes:
        out, err = process.communicate(timeout=120)
        found.add((process.returncode, out, err))
    return found


def large(path: Path, times: int) -> Path:
    path.write_bytes(Path(certifi.where()).read_bytes() * times)
    return path


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.stress)])
def test_processes_that_end_at_once_end_well(tmp_path: Path, count: int) -> None:
    """On a busy machine, with many certificates."""
    bundle = large(tmp_path / "ca.pem", 4)
    assert ends([started(MAKES, bundle=bundle) for _ in range(count)]) == {(0, "", "")}


def test_an_end_in_the_midst_of_certificates_is_a_good_one(tmp_path: Path) -> None:
    """What a daemon thread parses does not crash the exit, whenever that comes."""
    bundle = large(tmp_path / "ca.pem", 30)
    for after in (0.1, 0.2, 0.3, 0.4):
        assert ends([started(MAKES_AT_THE_END, str(after + n / 50), bundle=bundle) for n in range(3)]) == {(0, "", "")}


@pytest.mark.parametrize("code", [MAKES, f"{MAKES}\n{MAKES}", MAKES_AT_THE_END])
def test_a_disk_that_hangs_is_left(code: str, tmp_path: Path) -> None:
    """A FIFO that nobody writes to stands for it."""
    os.mkfifo(tmp_path / "ca.pem")
    began = time.monotonic()
    assert ends([started(code, "0.5", bundle=tmp_path / "ca.pem")]) == {(0, "", "")}
    assert time.monotonic() - began < 60


def test_a_disk_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """With the message, within its time."""
    os.mkfifo(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with (
        Faulty(accept, certificate=str(certificate)) as robot,
        pytest.raises(DeliveryError, match=r"the disk gives no answer.*there are no certificates where"),
    ):
        http.post(robot.url, BODY, timeout=5)


def hashed(certificate: Path, folder: Path, number: int = 0) -> Path:
    """A folder as OpenSSL takes it."""
    crt = certificate.with_suffix(".crt")
    told = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", crt], check=True, capture_output=True, text=True
    )
    folder.mkdir(exist_ok=True)
    (folder / f"{told.stdout.strip()}.{number}").symlink_to(crt)
    return folder


def a_folder(certificate: Path, path: Path) -> None:
    hashed(certificate, path)


def a_folder_with_others(certificate: Path, path: Path) -> None:
    hashed(certificate, path, 1)
    (path / "0123abcd.0").symlink_to("nowhere")
    (path / "0123abcd.1").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (path / "0123abcd.2").mkdir()


def among_others(certificate: Path, path: Path) -> None:
    damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    words = "# F\u0151tan\u00fas\u00edtv\u00e1ny\n".encode()
    path.write_bytes(damaged + words + certificate.with_suffix(".crt").read_bytes() + b"\n-----BEGIN CERT")


def with_trust(certificate: Path, path: Path) -> None:
    """OpenSSL's own form, as Red Hat has it in ca-bundle.trust.crt."""
    command = ["openssl", "x509", "-addtrust", "serverAuth", "-trustout"]
    subprocess.run([*command, "-in", certificate.with_suffix(".crt"), "-out", path], check=True)


@pytest.mark.parametrize("kind", [a_folder, a_folder_with_others, among_others, with_trust])
@pytest.mark.parametrize("way", ["directly", "by proxy"])
def test_a_server_is_trusted(
    kind: Any, way: str, certificate: Path, tmp_path: Path, tunnel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever form its issuer's certificate has; by its name only."""
    kind(certificate, tmp_path / "ca")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca"))
    if way == "by proxy":
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
    with Faulty(says({"errcode": 0}), certificate=str(certificate)) as robot:
        for host in ("127.0.0.1", "localhost"):
            url = robot.url.replace("127.0.0.1", host)
            assert http.post(url, BODY, timeout=5).body == b'{"errcode": 0}'
    with (
        Faulty(accept, certificate=str(certificate), host="127.0.0.2") as other,
        pytest.raises(DeliveryError) as caught,
    ):
        http.post(other.url, BODY, timeout=5)
    assert other.requests == []
    assert "its certificate is not trusted here" in str(caught.value)
    assert bool(tunnel.visits) == (way == "by proxy")


def test_a_supervisor_whose_disk_hangs_passes_on_signals(tmp_path: Path) -> None:
    """The thread that waits for the disk takes none of them."""
    os.mkfifo(tmp_path / "ca.pem")
    env = {**os.environ, "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")}
    script = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    to = "https://127.0.0.1:9/robot/send?access_token=t"
    command = [sys.executable, "-m", "twinkle_notifier", "run", "--to", to, "--", "sh", "-c", script]
    with subprocess.Popen(command, env=env, cwd=tmp_path, text=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(3):  # whichever thread it goes to
                os.kill(process.pid, signal.SIGWINCH)
            os.kill(process.pid, signal.SIGTERM)
            assert process.communicate(timeout=120)[0] == "asked\n"
        finally:
            process.kill()
    assert process.returncode == 5
