"""What a failure shows to the rules."""

from __future__ import annotations

import builtins
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from twinkle_notifier.diagnosis.evidence import of_end, of_exception


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
        {"oom_kills": "1"},
    )
