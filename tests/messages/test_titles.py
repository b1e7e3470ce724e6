"""What a phone's preview shows of a heading."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.messages.titles import shortened
from twinkle_notifier.messages.wording import attempt_of
from twinkle_notifier.runtime.launcher import Attempt

SHORT = settings(max_examples=200, deadline=None, derandomize=True, database=None)
NO_FILE = "FileNotFoundError: No such file or directory: '/data/sft/shard-00042.bin'"
DISK = "OSError: No space left on device: '/home/me/outputs/a-long-name-2026-11-29/checkpoint-1000/optimizer.pt'"
SIZES = "RuntimeError: The size of tensor a (512) must match the size of tensor b (511) at dimension 1"
HUB = "HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/…/meta-llama/Llama-3.1-70B"


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        (f"sft failed: {NO_FILE}", "sft failed: FileNotFoundError: …directory: '…/shard-00042.bin'"),
        (f"sft failed: {DISK}", "sft failed: OSError: No space left on device: '…/optimizer.pt'"),
        (
            "demo failed: OSError: No space left on device: 'out/checkpoint-3' (exit code 1)",
            "demo failed: OSError: No space left on device: '…/checkpoint-3'",
        ),
        (f"sft failed: {SIZES}", "sft failed: RuntimeError: The size of tensor a (512) must match…"),
        (f"sft failed: {HUB}", "sft failed: HfHubHTTPError: …Requests for url: …/Llama-3.1-70B"),
        (
            "sft failed: OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB on GPU 3",
            "sft failed: OutOfMemoryError: …to allocate 2.00 GiB on GPU 3",
        ),
        (
            "sft failed: JSONDecodeError: Expecting property name in double quotes: line 1 column 28 (char 27)",
            "sft failed: JSONDecodeError: …double quotes: line 1 column 28",
        ),
        (
            "sft failed: RuntimeError: Connection closed by peer [127.0.0.1]:4242",
            "sft failed: RuntimeError: …closed by peer [127.0.0.1]:4242",
        ),
        (
            "sft failed: KeyError: 'model.layers.31.self_attn.q_proj.lora_A.weight'",
            "sft failed: KeyError: 'model.layers.31.se…_proj.lora_A.weight'",
        ),
        (
            "sft failed: ValueError: the tree is broken, which takes many words to tell (exit code 1)",
            "sft failed: ValueError: the tree is broken, which takes many…",
        ),
        (
            "sft failed: rank 3 on node-0007.c.example.org was killed by SIGKILL or so",
            "sft failed: …on node-0007.c.example.org was killed by SIGKILL…",
        ),
        ("sft 失败：训练数据 /data/a.bin 损坏", "sft 失败：训练数据 /data/a.bin 损坏"),
        ("x" * 90, "x" * 19 + "…" + "x" * 20),
    ],
)
def test_a_title_shows_what_matters(heading: str, shown: str) -> None:
    """The kind of the error, and the path or the number it is about: what stands between them goes."""
    assert shortened(heading, 64) == shown


FATES = [
    "{name} failed for good in {attempt}",
    "{name} restarts after {attempt}",
    "{name} exited for good in {attempt}",
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("attempt", [Attempt(3, 3), Attempt(2)])
def test_the_attempt_goes_first(fate: str, attempt: Attempt, language: str) -> None:
    """The error says more; what it is about is still there."""
    fate = phrase(language, fate, name="llama-7b-sft-2026", attempt=attempt_of(attempt, language))
    assert fate == shortened(fate, 64)
    shown = shortened(phrase(language, "{fate}: {error}", fate=fate, error=NO_FILE), 64)
    assert len(shown) <= 64
    assert attempt_of(attempt, language) not in shown
    assert shown.startswith("llama-7…2026 ")
    assert "FileNotFoundError: …" in shown
    assert shown.endswith("-00042.bin'")


@given(
    st.lists(st.text(st.sampled_from("a1/.:'([ 训…"), max_size=12) | st.just("Error: "), max_size=30),
    st.integers(30, 300),
)
@SHORT
def test_a_title_has_room(parts: list[str], limit: int) -> None:
    """Whatever the heading says; one that fits is not touched."""
    heading = "sft failed: " + "".join(parts)
    shown = shortened(heading, limit)
    assert len(shown) <= limit
    assert shown.startswith("sft failed")
    assert shown == heading or len(heading) > limit


def test_a_title_of_one_long_word_takes_little_time() -> None:
    assert len(shortened("sft failed: " + "a" * 10_000 + " /b", 64)) <= 64
