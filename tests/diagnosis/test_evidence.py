"""What a failure shows to the rules."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

import pytest

from twinkle_notifier.diagnosis.evidence import of_end, of_exception
from twinkle_notifier.diagnosis.known import KNOWN
from twinkle_notifier.diagnosis.table import Table


def caught(raising: object) -> BaseException:
    with pytest.raises(Exception, match=r".*") as found:
        raising()  # type: ignore[operator]
    return found.value


def test_an_exception_with_its_bases_words_and_modules() -> None:
    evidence = of_exception(caught(lambda: json.loads("{")))
    assert evidence.errors[0].types >= {"JSONDecodeError", "ValueError", "Exception"}
    assert evidence.errors[0].text.startswith("Expecting property name")
    assert {"json", "json.decoder"} <= evidence.modules


def test_what_it_was_raised_from_counts_and_what_was_handled_does_not() -> None:
    """An error that was met before, and handled, may be of no importance."""

    def raising(*, hidden: bool) -> None:
        try:
            raise OSError("the disk")
        except OSError as error:
            raise ValueError("the file") from None if hidden else error

    def handling() -> None:
        try:
            raise ImportError("flash_attn")
        except ImportError:
            raise ValueError("the shape")  # noqa: B904

    texts = [
        [error.text for error in of_exception(caught(one)).errors]
        for one in (lambda: raising(hidden=False), lambda: raising(hidden=True), handling)
    ]
    assert texts == [["the file", "the disk"], ["the file"], ["the shape"]]


def fail() -> None:
    raise OSError(28, "No space left on device")


def test_the_error_of_another_process_counts() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        error = caught(pool.submit(fail).result)
    assert "OSError" in of_exception(error).errors[0].types


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no exception groups")
def test_a_group_of_one_is_its_member() -> None:
    """Of several different errors none is the cause."""
    group: Any = vars(builtins)["ExceptionGroup"]
    one, two = OSError(28, "full"), ValueError("x")
    assert "OSError" in of_exception(group("g", [group("h", [one])])).errors[0].types
    assert [error.types >= {"ExceptionGroup"} for error in of_exception(group("g", [one, two])).errors] == [True]


def test_the_end_of_another_process() -> None:
    """Its printed error, else its last lines and the signal."""
    paths = 'File "/x/lib/python3.11/site-packages/torch/nn/functional.py", line 3, in linear\n'
    evidence = of_end("torch.OutOfMemoryError: CUDA out", traceback=paths, output="not looked at")
    assert evidence.errors[0].types == {"OutOfMemoryError"}
    assert (evidence.errors[0].text, evidence.output) == ("CUDA out", "")
    assert "torch.nn.functional" in evidence.modules
    assert of_end(signal="SIGKILL", output="last", facts={"oom_kills": "1"})[2:] == (
        "SIGKILL",
        "last",
        {"errors": "0", "oom_kills": "1"},
    )


@pytest.mark.parametrize(
    ("signal", "alone"), [("SIGSEGV", "segfault"), ("SIGBUS", "shm-bus-error"), ("SIGILL", "build-other-cpu")]
)
def test_a_signal_says_less_than_words(signal: str, alone: str) -> None:
    """Of the output, though it has a rule; and nothing where an error is known, whether that has a rule or not."""
    printed = "OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized."
    ends = [of_end(signal=signal, output="step 7"), of_end(signal=signal, output=printed)]
    ends += [
        of_end(error, signal=signal) for error in ("ValueError: boom", "OSError: [Errno 28] No space left on device")
    ]
    found = [Table(KNOWN).diagnose(end) for end in ends]
    assert [one and one.rule.id for one in found] == [alone, "openmp-twice", None, "disk-full"]


def work(run: Callable[[], object]) -> int:
    """How many functions `run` calls: a measure that is the same on a busy machine."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def chained(texts: Sequence[str], kind: type[Exception] = RuntimeError) -> Exception:
    links = [kind(text) for text in texts]
    for link, cause in pairwise(links):
        link.__cause__ = cause
    return links[0]


def diagnosing(table: Table, texts: Sequence[str]) -> int:
    """The work for a chain of errors with these texts."""
    error = chained(texts)
    return work(lambda: table.diagnose(of_exception(error)))


TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    g()\nValueError: x\n'
LONG = {
    "one form": "CUDA out of memory. Tried to allocate {} GiB. GPU 0 has a total capacity of 9 GiB of which 1 GiB is free.\n",
    "all patterns": "".join(f"{pattern}\n" for rule in KNOWN for pattern in rule.says)
    .replace("{", "")
    .replace("}", ""),
    "tracebacks": TRACEBACK,
    "line ends": "\n{}\n",
    "words": "error of the CUDA device {}, ",
}


@pytest.mark.parametrize("form", LONG)
def test_a_chain_costs_no_more_than_one_error(form: str) -> None:
    """Whatever its texts are: what is read is bounded for all links together."""
    table = Table(KNOWN)
    texts = [
        "".join(LONG[form].format(f"{at}{link}") for at in range(2 + 200_000 // len(LONG[form]))) for link in range(8)
    ]
    one, eight = (diagnosing(table, some) for some in (texts[:1], texts))
    assert eight < 1.5 * one + 5_000
    assert eight < 30_000


def test_wrapped_lines_of_a_chain_cost_no_more_than_those_of_one_error() -> None:
    text = "\n".join(["the CUDA error of the device is not"] * 150)
    table = Table(KNOWN)
    one, eight = (diagnosing(table, some) for some in ([text], [text] * 8))
    assert eight < 1.5 * one + 5_000


def test_many_frames_cost_no_more_than_some() -> None:
    """Those of a deep recursion, in each link of a chain."""

    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        raise ValueError("x")

    def raised(depth: int) -> Exception:
        with pytest.raises(ValueError, match="x") as caught:
            deep(depth)
        return caught.value

    few, many = ([raised(depth) for _ in range(8)] for depth in (600, 900))
    for links in (few, many):
        for link, cause in pairwise(links):
            link.__cause__ = cause
    assert work(lambda: of_exception(many[0])) < work(lambda: of_exception(few[0])) + 100


def test_a_name_of_a_class_that_is_none_costs_little() -> None:
    assert work(lambda: of_end(error="(" * 1_000_000)) < 5_000
