"""The table of rules: which rule is told, how a pattern matches, and what it costs."""

from __future__ import annotations

import re
import textwrap
import time
from collections import Counter

import pytest
from diagnosed import printed, raised

from twinkle_notifier import ArgumentError
from twinkle_notifier.diagnosis.known import KNOWN
from twinkle_notifier.diagnosis.pattern import Pattern, value
from twinkle_notifier.diagnosis.rule import Advice, Condition, Rule
from twinkle_notifier.diagnosis.table import Evidence, Table, error_of

ADVICE = Advice("{asked} is too much", ("ask for less than {free}",))


def rule(name: str = "one", **given: object) -> Rule:
    fields = {"says": ("Tried to allocate {asked:size}, {free:size} is free",), **given}
    return Rule(name, ADVICE, ADVICE, "https://example.org", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("a {x} c", "a b c", {"x": "b"}),
        ("a {x} c", "a  c", None),
        ("a{}c", "ac", {}),
        ("a {n:int} b", "a 12 b", {"n": "12"}),
        ("a {n:int} b", "a 1.5 b", None),
        ("{x:size} free", "79.20 GiB free", {"x": "79.20 GiB"}),
        ("{x:size} free", "79.20 GiBs free", None),
        ("at {x}", "at the end", {"x": "the end"}),
        ("at {x:word}, of", "at a-b/c.d, of", {"x": "a-b/c.d"}),
        ("at {x:word}, of", "at a b, of", None),
        ("out of memory", "see: out of memory", None),
    ],
)
def test_a_pattern_is_how_a_line_begins(pattern: str, line: str, found: dict[str, str] | None) -> None:
    """With slots for what differs."""
    assert Pattern(pattern).match(line) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [("7.65 GiB", 7.65 * 2**30), ("512.00 MB", 2**29), ("1,024", 1024), ("3", 3), ("1.2.3", None), ("5 apples", None)],
)
def test_a_value_is_read_with_its_unit(text: str, number: float | None) -> None:
    assert value(text) == number


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("asked > free", True),
        ("asked > 4 * free", False),
        ("free <= 1.5", False),
        ("asked == 2048", True),
        ("unknown > 0", False),
    ],
)
def test_a_condition_compares_numbers(condition: str, holds: bool) -> None:
    """One that is not known makes it false."""
    assert Condition.of(condition).holds({"asked": "2 KiB", "free": "1 KiB"}) is holds


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"says": ("{a}{b}",)}, "side by side"),
        ({"says": ("{a:colour}",)}, "there is no 'colour'"),
        ({"when": ("a plus b",)}, "is no comparison"),
        ({"says": ()}, "else it holds for every error"),
        ({"en": Advice("x", ())}, "one to 3 next steps"),
        ({"says": ("",)}, "holds for every line"),
        ({"says": (" {n:int}",)}, "holds for every line"),
        ({"types": ("Exception",), "says": ("{n}",)}, "holds for every line"),
        ({"also": ("{}",), "types": ("OSError",)}, "holds for every line"),
        ({"unless": ("{}",), "types": ("OSError",)}, "holds for every line"),
        ({"says": ("at {asked:.2f} {free}",)}, "is no slot"),
        ({"says": ("at { asked } {free}",)}, "is no slot"),
        ({"signals": ("SIGKIL",)}, "no signal 'SIGKIL'"),
        ({"when": ("asked - fre > 1",)}, "no slot|slot 'fre'"),
        ({"id": "a\nb"}, "line break"),
        ({"en": Advice("a\u2028b", ("c",))}, "line break"),
        ({"zh": Advice("a", ("c" * 301,))}, "more than 300 characters"),
        ({"zh": Advice("a", (" ",))}, "empty"),
        ({"zh": Advice("ask for {fre}", ("c",))}, "slot 'fre'"),
    ],
)
def test_a_rule_that_cannot_work_says_why(given: dict[str, object], why: str) -> None:
    fields = rule()._asdict() | given
    with pytest.raises(ArgumentError, match=why):
        Rule(**fields).check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"says": ("",), "types": ("MemoryError",)},
        {"says": ("{}",), "modules": ("ours",)},
        {"signals": ("", "SIGKILL")},
        {"when": ("oom_kills > 0", "grown > 0.5 * total")},
        {"says": ("IoError { code: {asked:int}, {free}",)},
        {"zh": Advice("cd ${HOME}; awk '{ print }'", ("{asked} of {total}",))},
    ],
)
def test_a_rule_that_can_work_is_taken(given: dict[str, object]) -> None:
    patterns = {"says": ("Tried to allocate {asked:size}, {free:size} is free",)} | given
    plain = Advice("x", ("y",))
    Rule(**{"id": "a", "en": plain, "zh": plain, "source": "", **patterns}).check()  # type: ignore[arg-type]


TEXT = "Tried to allocate 2 GiB, 1 GiB is free"


def test_each_more_that_is_given_must_hold() -> None:
    """The type, the module, the numbers, other lines."""
    evidence = raised("RuntimeError", f"{TEXT}\nat the end", modules=("torch.nn.functional",))
    for given in (
        {"types": ("Exception",)},
        {"modules": ("torch.nn",)},
        {"when": ("asked > free",)},
        {"also": ("at",)},
    ):
        assert Table([rule(**given)]).diagnose(evidence) is not None, given
    for given in (
        {"types": ("KeyError",)},
        {"modules": ("torch.n",)},
        {"when": ("asked < free",)},
        {"unless": ("at",)},
    ):
        assert Table([rule(**given)]).diagnose(evidence) is None, given


def test_the_first_rule_that_holds_is_told() -> None:
    """With what its slots hold."""
    found = Table([rule("special", when=("asked > 3 * free",)), rule("general")]).diagnose(raised("E", TEXT))
    assert found is not None
    assert (found.rule.id, found.advice("en")) == ("general", Advice("2 GiB is too much", ("ask for less than 1 GiB",)))


@pytest.mark.parametrize("where", ["says", "also"])
def test_a_slot_of_the_rule_goes_before_a_fact_of_its_name(where: str) -> None:
    """Users name their slots as they like; "total" and "errors" are facts, too."""
    patterns = {"says": ("lost",), where: ("{errors:int} of {total:int} files",)}
    text = f"{'' if where == 'says' else 'lost' + chr(10)}7 of 9 files"
    evidence = Evidence((error_of("E", text),), facts={"errors": "1", "total": "80 GiB"})
    found = Table([rule(when=("errors == 7", "total == 9"), **patterns)]).diagnose(evidence)
    assert found is not None
    assert (found.found["errors"], found.found["total"]) == ("7", "9")


PREFIXES = [
    *("[rank3]: ", "[default0]:", "[trainer0]:", "[trainer0|0]:", "[my-role7|15]: "),  # torchrun
    *("(pid=42, ip=10.0.0.1) ", "12: ", "[1,0]<stderr>:", "[1,12]: "),  # Ray, srun, mpirun
    *("worker-0: ", "10.0.0.7: ", "\x1b[31m"),  # pdsh
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_a_launcher_puts_before_a_line_is_left_out(prefix: str) -> None:
    assert Table([rule(says=(), printed=("Bus error",))]).diagnose(printed(f"{prefix}Bus error (core dumped)"))


@pytest.mark.parametrize("before", ["why: ", "in step 3: ", "[INFO]: ", "Error 3: ", "[rank3] ", "[a|b]: "])
def test_what_a_person_puts_before_it_is_not(before: str) -> None:
    assert Table([rule(says=(), printed=("Bus error",))]).diagnose(printed(f"{before}Bus error")) is None


def of_keys(head: str) -> str:
    """Numbered lines, each of the words by which most patterns are found, below `head`: a megabyte."""
    patterns = [Pattern(text) for rule in KNOWN for text in rule.says]
    most = Counter(pattern.key for pattern in patterns if not pattern.begins).most_common(21)
    keys = " ".join(key for key, _ in most if key)
    block = "".join(f"{at} {keys}\n" for at in range(80))
    return head + block * (1_000_000 // len(block))


def all_filled() -> str:
    """A line for each pattern of a rule that compares numbers, which it matches."""
    patterns = [text for rule in KNOWN if rule.when for text in rule.says]
    kinds = {"int": "12", "number": "1.5", "size": "2.00 GiB", "word": "w"}
    lines = [re.sub(r"\{\w*(?::(\w+))?\}", lambda slot: kinds.get(slot[1], "x"), text) for text in patterns]
    return "NCCL error in: x\n" + "".join(f"{line} {at}\n" for at in range(20) for line in lines[::10])


@pytest.mark.alone  # a busy machine takes longer
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "CUDA out of memory. Tried to allocate " * 25_000,
        "\n".join(["CUDA error: device-side assert triggered, or not"] * 20_000),
        " ".join(pattern for rule in KNOWN for pattern in rule.says)[:1_000_000],
        "\n".join(pattern for rule in KNOWN for pattern in rule.says) * 10,
        "\u4e2d" * 1_000_000,
        "\n" * 1_000_000,
        "Process 1 got signal: 1\n" * 3_000,
        "".join(f"mat1 and mat2 must have the same dtype, but got {at} and x\n" for at in range(3_000)),
        "".join(
            f"CUDA out of memory. Tried to allocate {at} GiB. GPU 0 has a total capacity of 9 GiB of which 1 GiB is free.\n"
            for at in range(3_000)
        ),
        of_keys(""),
        of_keys("NCCL error in: x\n"),
        all_filled(),
    ],
    ids=[
        "letters",
        "beginnings",
        "lines",
        "one line of all patterns",
        "all patterns",
        "Chinese",
        "line ends",
        "one line",
        "one form",
        "out of memory",
        "most used words",
        "most used words below an error",
        "all comparisons",
    ],
)
def test_a_megabyte_costs_milliseconds(text: str) -> None:
    """Less than 5 of the processor, promised; the best of some tries, as others share its caches."""
    table = Table(KNOWN)
    evidence = (raised("RuntimeError", text), Evidence(output=text))
    took = []
    for _ in range(7):
        for one in evidence:
            begun = time.thread_time()
            table.diagnose(one)
            took.append(time.thread_time() - begun)
    assert min(took[::2]) < 0.005
    assert min(took[1::2]) < 0.005


@pytest.mark.alone  # a busy machine takes longer
@pytest.mark.parametrize("kind", ["RuntimeError", "OutOfMemoryError"])
@pytest.mark.parametrize("head", ["", "NCCL error in: x\n"])
def test_a_chain_costs_no_more_than_an_error(kind: str, head: str) -> None:
    """Of eight errors with a megabyte each."""
    table, text = Table(KNOWN), of_keys(head)
    evidence = Evidence(tuple(error_of(kind, f"{head}{at}\n{text}") for at in range(8)))
    took = []
    for _ in range(15):
        begun = time.thread_time()
        table.diagnose(evidence)
        took.append(time.thread_time() - begun)
    assert min(took) < 0.005


def test_what_was_printed_before_the_last_lines_may_have_been_survived() -> None:
    """Unless a signal fits, which the rule names."""
    lines = "\n".join(["Bus error", *("going on",) * 1, *(f"step {number}" for number in range(9))])
    assert Table([rule(says=(), printed=("Bus error",))]).diagnose(printed(lines)) is None
    killed_by = Evidence(signal="SIGBUS", output=lines)
    assert Table([rule(says=(), printed=("Bus error",), signals=("SIGBUS",))]).diagnose(killed_by) is not None
    assert Table([rule(says=(), printed=("Bus error",), signals=("SIGBUS",))]).diagnose(printed(lines)) is None


def test_a_slot_that_is_too_long_ends_at_a_whole_part() -> None:
    """Else it would show half of a secret, which the mask does not know."""
    found = Pattern("open {path}").match("open " + "/folder" * 41 + "/glpat-AbCdEfGhIjKlMnOpQrStUvWx/x")
    assert found is not None
    assert found["path"].endswith("/…")
    assert "glpat" not in found["path"]


def test_a_number_may_be_taken_from_another() -> None:
    said = rule(says=("kept {kept:size}, used {used:size}",), when=("kept - used > 2 * 1073741824",))
    table = Table([said])
    assert table.diagnose(raised("E", "kept 5 GiB, used 2 GiB")) is not None
    assert table.diagnose(raised("E", "kept 5 GiB, used 4 GiB")) is None


OOM = (
    "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 10.76 GiB total capacity; 4.29 GiB already allocated; 10.12 "
    "MiB free; 4.46 GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting"
)


@pytest.mark.parametrize("width", [31, 80, 100])
@pytest.mark.parametrize("cut", [True, False], ids=["in words", "between words"])
def test_a_line_that_was_wrapped_is_put_together(width: int, cut: bool) -> None:
    """A terminal cuts words, a log or a mail does not."""
    lines = [OOM[at : at + width] for at in range(0, len(OOM), width)] if cut else textwrap.wrap(OOM, width)
    found = Table(KNOWN).diagnose(raised("RuntimeError", "\n".join(lines)))
    assert found is not None
    assert found.rule.id == "device-memory-taken"
    assert found.found["total"] == "10.76 GiB"


DEVICE_ASSERT = "CUDA error: device-side assert triggered"
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 9 GiB of which 1 GiB is free."


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("RuntimeError", f"evaluation failed. Things to check:\n{DEVICE_ASSERT} -> labels out of range"),
        ("StepFailed", f"step 5 failed\n{DEVICE_ASSERT}"),
        ("RuntimeError", f"my script: step 5 failed\nlog of an earlier run:\n{FULL}"),
        ("RuntimeError", "step 5 failed, as in\n" + "\n".join(textwrap.wrap(OOM, 40))),
        ("OSError", "cannot read list; it says\n[Errno 28] No space left on device is what you get if"),
        ("RuntimeError", f"Caught RuntimeError in DataLoader worker process 0.\nRuntimeError: as in\n{DEVICE_ASSERT}"),
        ("RayTaskError(RuntimeError)", f'File "a.py", line 3\nRuntimeError: as in\nRuntimeError: {DEVICE_ASSERT}'),
        ("BackendCompilerFailed", f"backend='inductor' raised:\nRuntimeError: as in\nRuntimeError: {DEVICE_ASSERT}"),
    ],
)
def test_a_line_that_an_error_quotes_gets_no_advice(kind: str, text: str) -> None:
    """Of an earlier run's log, of a list of what to check. Alone it is known."""
    assert Table(KNOWN).diagnose(raised(kind, text)) is None


@pytest.mark.parametrize("text", [DEVICE_ASSERT, FULL, OOM, "[Errno 28] No space left on device"])
def test_the_same_line_alone_is_known(text: str) -> None:
    assert Table(KNOWN).diagnose(raised("OSError" if "Errno" in text else "RuntimeError", text)) is not None


@pytest.mark.parametrize(
    ("kind", "text", "counts"),
    [
        ("RuntimeError", f"not done:\n{TEXT}", False),
        ("ValueError", f"not done:\n{TEXT}", False),
        ("StoreError", f"not done:\n{TEXT}", True),  # the rule names the class
        ("RuntimeError", f"NCCL error in: a.cpp:7\nLast error:\n{TEXT}", True),
        ("RuntimeError", f"Error building extension 'x': [1/2]\n{TEXT}", True),
        ("RuntimeError", f"as in: NCCL error in: a.cpp:7\n{TEXT}", False),
        ("RuntimeError", f"{TEXT}\nmore", True),
        ("RuntimeError", f"\n \n{TEXT}", True),
    ],
)
def test_a_later_line_counts_where_the_error_says_it_itself(kind: str, text: str, counts: bool) -> None:
    """Below the beginning of an error that is known to go on, or of a class that the rule names and Python lacks."""
    table = Table([rule(types=("RuntimeError", "ValueError", "StoreError"))])
    assert (table.diagnose(raised(kind, text)) is not None) is counts


def test_what_a_carrier_quotes_is_looked_up_and_what_others_quote_is_not() -> None:
    """Ray, torch.compile and others report an error in their text; another's text may quote what does not matter."""
    quoted = 'ray::f() (pid=7, ip=10.0.0.1)\n  File "a.py", line 3, in f\n    g()\nValueError: the store is full'
    table = Table([rule(says=("the store",), types=("ValueError",))])
    assert table.diagnose(raised("ray.exceptions.ActorDiedError", quoted)) is not None
    assert table.diagnose(raised("pipeline.StepFailed", quoted)) is None
    importing = "Failed to import a.b because of the following error (look up to see its traceback):\nthe store is gone"
    assert table.diagnose(raised("RuntimeError", importing)) is not None
    assert table.diagnose(raised("RuntimeError", importing.replace(" (look up to see its traceback)", ""))) is None
