"""What a Python process writes down of its end: what ended it, whatever came before and after."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from twinkle_notifier.mailbox.notes import End

# A script, and the type, words and exit code that it ends with; None where nothing is to be written down.
FORMS: dict[str, tuple[str, tuple[str, str, int] | None]] = {
    "an exception": ("raise ValueError('x')", ("ValueError", "x", 1)),
    "without words": ("assert 0", ("AssertionError", "", 1)),
    "a class of a module": (
        "import subprocess\nraise subprocess.TimeoutExpired('x', 3)",
        ("subprocess.TimeoutExpired", "Command 'x' timed out after 3 seconds", 1),
    ),
    "a class of the script's": ("class Mine(Exception): pass\nraise Mine(3)", ("Mine", "3", 1)),
    "a chain": ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError('y')", ("KeyError", "'y'", 1)),
    "Ctrl-C": ("raise KeyboardInterrupt", ("KeyboardInterrupt", "", -2)),
    "SIGINT": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass",
        ("KeyboardInterrupt", "", -2),
    ),
    "a text": ("import sys\nsys.exit('bad é')", ("SystemExit", "bad é", 1)),
    "an empty text": ("import sys\nsys.exit('')", ("SystemExit", "", 1)),
    "a code": ("import sys\nsys.exit(3)", ("SystemExit", "", 3)),
    "a negative code": ("import sys\nsys.exit(-9)", ("SystemExit", "", 247)),
    "a large code": ("import sys\nsys.exit(2 ** 80)", ("SystemExit", "", 255)),
    "true": ("import sys\nsys.exit(True)", ("SystemExit", "", 1)),
    "a float": ("import sys\nsys.exit(1.5)", ("SystemExit", "1.5", 1)),
    "a tuple": ("import sys\nsys.exit((1, 'b'))", ("SystemExit", "(1, 'b')", 1)),
    "the name exit": ("exit(3)", ("SystemExit", "", 3)),
    "the name exit with words": ("quit('bad')", ("SystemExit", "bad", 1)),
    "an exit from a function": ("from sys import exit\ndef f(): exit(3)\nf()", ("SystemExit", "", 3)),
    "a handled exception": (
        "import sys\ntry:\n    int('x')\nexcept ValueError:\n    sys.exit(2)",
        ("ValueError", "invalid literal for int() with base 10: 'x'", 2),
    ),
    "a handled exception and words": (
        "import sys\ntry:\n    int('x')\nexcept ValueError:\n    sys.exit('no number')",
        ("SystemExit", "no number", 1),
    ),
    "arguments": ("import argparse\nargparse.ArgumentParser().parse_args(['--x'])", ("SystemExit", "", 2)),
    "a second exit": ("import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    sys.exit(4)", ("SystemExit", "", 4)),
    "an exit in the way of an exception": (
        "import sys\ntry:\n    raise ValueError('x')\nfinally:\n    sys.exit('bad')",
        ("SystemExit", "bad", 1),
    ),
    "an exception after an exit": (
        "import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    raise ValueError('x')",
        ("ValueError", "x", 1),
    ),
    "an exception in the way of an exit": (
        "import sys\ntry:\n    sys.exit(3)\nfinally:\n    raise ValueError('x')",
        ("ValueError", "x", 1),
    ),
    "well": ("print(1)", None),
    "zero": ("import sys\nsys.exit(0)", None),
    "zero of a byte": ("import sys\nsys.exit(256)", None),
    "none": ("import sys\nsys.exit()", None),
    "false": ("import sys\nsys.exit(False)", None),
    "a caught exception": ("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    kept = error", None),
    "a caught exit": ("import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass", None),
    "a caught exit that is kept": ("import sys\ntry:\n    sys.exit(3)\nexcept SystemExit as e:\n    kept = e", None),
    "a thread's exit": (
        "import sys, threading\nt = threading.Thread(target=sys.exit, args=[3])\nt.start()\nt.join()",
        None,
    ),
    "a bare thread's exit": (
        "import sys, _thread, time\n_thread.start_new_thread(sys.exit, (3,))\ntime.sleep(.3)",
        None,
    ),
    "a thread's error": ("import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()", None),
    "an error at the end": ("import atexit\natexit.register(lambda: 1 / 0)", None),
    "an exit at the end": (
        "import atexit, sys\natexit.register(sys.exit, 3)\natexit.register(lambda: sys.exit(3))",
        None,
    ),
    "an error of a lost object": ("class A:\n    def __del__(self): 1 / 0\na = A()\ndel a", None),
    "os._exit": ("import os\nos._exit(3)", None),
    "a signal": ("import os\nos.kill(os.getpid(), 9)", None),
    "an error that a tool has caught": (
        "import sys\ndef tool():\n    try:\n        1 / 0\n    except Exception as e:\n"
        "        sys.last_exc, sys.last_type, sys.last_value, sys.last_traceback = e, type(e), e, e.__traceback__\ntool()",
        None,
    ),
    "an error shown by hand": (
        "import sys\ntry:\n    1 / 0\nexcept Exception:\n    sys.excepthook(*sys.exc_info())",
        None,
    ),
}


def short(ends: list[End]) -> list[tuple[str, str, int]]:
    return [(end.type, end.message, end.code) for end in ends]


@pytest.mark.parametrize("threads", ["", "import threading\n"], ids=["plain", "threads"])
@pytest.mark.parametrize(("source", "end"), FORMS.values(), ids=FORMS)
def test_what_ends_a_program_is_written_down(lab: Any, source: str, end: Any, threads: str) -> None:
    """An exception, or `sys.exit` with a text or a code; nothing where it ends well, or nothing can be known."""
    assert short(lab.python(threads + source)) == ([end] if end else [])


@pytest.mark.parametrize(
    "form", ["an exception", "a text", "a code", "a caught exit", "a second exit", "Ctrl-C", "well"]
)
def test_each_python_writes_it_down(lab: Any, modern: str, form: str) -> None:
    """From Python 3.8 on, with or without this package."""
    source, end = FORMS[form]
    assert short(lab.python(source, python=modern)) == ([end] if end else [])


def test_a_record_is_whole(lab: Any, modern: str) -> None:
    """Who, when, where, its words and its traceback as Python prints it; for the user alone to read."""
    source = "def f(a):\n    raise ValueError(a) from KeyError('k')\n\nf('x')\n"
    done = lab.run(modern, lab.script(source), RANK="3")
    [end] = lab.ends()
    path = str(lab.folder / "train.py")
    frames = [(path, 4, "<module>"), (path, 2, "f")]
    assert end._replace(at=0) == End(lab.pid, 0, "ValueError", "x", 1, 3, done.stderr, frames, failures=[])
    [file] = lab.mailbox.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{lab.pid}.end", 0o600)
    assert abs(end.at - file.stat().st_mtime) < 60


@pytest.mark.parametrize("rank", ["", "x", "-1", "1.5", "9" * 30])
def test_a_rank_that_is_no_number_is_none(lab: Any, rank: str) -> None:
    """The variable may hold anything."""
    [end] = lab.python("raise ValueError", RANK=rank)
    assert end.rank is None


NOISE = {
    "an error at the end": "import atexit\natexit.register(lambda: 1 / 0)",
    "an exit at the end": "import atexit, sys\natexit.register(lambda: sys.exit(5))",
    "an end that hangs": "import atexit, os\natexit.register(lambda: os._exit(1))\nimport threading",
    "threads": "import threading, time\ndef f():\n    time.sleep(.2)\n    raise KeyError(9)\nthreading.Thread(target=f).start()",
    "pools": "from concurrent.futures import ThreadPoolExecutor as P\nimport os, time\np = P()\n"
    "p.submit(lambda: (time.sleep(.3), os._exit(1)))",
    "lost objects": "class A:\n    def __del__(self): raise KeyError(9)\na = A()",
    "a hook that prints": "import sys\nsys.excepthook = lambda *a: print('mine', a)",
    "a hook that fails": "import sys\nsys.excepthook = lambda *a: 1 / 0",
    "a hook that clears": "import sys\ndef hook(kind, error, tb):\n    error.__traceback__ = None\nsys.excepthook = hook",
    "hooks of threads": "import threading\nthreading.excepthook = None",
    "an exit before": "import sys\ntry:\n    sys.exit('old')\nexcept SystemExit as error:\n    old = error",
    "a lost folder": "import os, tempfile\nos.chdir(tempfile.mkdtemp())\nos.rmdir(os.getcwd())",
    "an empty environment": "import os\nos.environ.clear()",
    "no path": "import sys\nsys.path[:] = []\nsys.meta_path[:] = []",
    "closed streams": "import sys\nsys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
    "no streams": "import sys\nsys.stdout = sys.stderr = sys.stdin = None",
    "names of modules": "import sys\nfor name in ('traceback', 'json', 'time'): sys.modules[name] = None",
    "a large depth": "import sys\nsys.setrecursionlimit(10)" if sys.version_info < (3, 11) else "",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_what_comes_after_the_cause_is_not_the_cause(lab: Any, noise: str) -> None:
    """Errors of atexit, of threads, of lost objects, of hooks: the record is the exception's."""
    assert short(lab.python(f"{noise}\nraise ValueError('x')")) == [("ValueError", "x", 1)]


def test_a_hook_that_exits_gives_the_code(lab: Any) -> None:
    """The exception is the cause, the exit code is the hook's; a hook that ends the process at once leaves nothing."""
    hook = "import sys, os\nsys.excepthook = lambda *a: {}\nraise ValueError('x')"
    assert short(lab.python(hook.format("sys.exit(7)"))) == [("ValueError", "x", 7)]
    (lab.mailbox / f"{lab.pid}.end").unlink()
    assert lab.python(hook.format("os._exit(7)")) == []
    assert lab.python(hook.format("sys.exit(0)")) == []


HARD = {
    "raises": ("def __str__(self): raise KeyError", "", "Mine"),
    "exits": ("def __str__(self): raise SystemExit(3)", "", "Mine"),
    "no text": ("def __str__(self): return 3", "", "Mine"),
    "deep": ("def __str__(self): return str(self)", "", "Mine"),
    "hangs": (
        "def __str__(self):\n        while True:\n            try: time.sleep(60)\n            except Exception: pass",
        "",
        "Mine",
    ),
    "of another class": (
        "__str__ = lambda self: type('S', (str,), {'translate': None, '__len__': None})('x')",
        "x",
        "Mine",
    ),
    "surrogates": ("__str__ = lambda self: 'a\\udc80\\0\"\\\\\\x1b\\u2028z'", 'a?\0"\\\x1b\u2028z', "Mine"),
    "a name": ("__qualname__ = 'x' * 1000", "", "x" * 48),
    "an odd returncode": ("returncode = True", "", "Mine"),
    "a returncode that raises": ("returncode = property(lambda self: 1 / 0)", "", "Mine"),
    "a huge returncode": ("returncode = 10 ** 30", "", "Mine"),
    "odd failures": ("failures = {1: 2}", "", "Mine"),
    "failures that raise": ("failures = property(lambda self: 1 / 0)", "", "Mine"),
}


@pytest.mark.parametrize(("body", "message", "name"), HARD.values(), ids=HARD)
def test_an_exception_that_cannot_be_read_is_written_down(lab: Any, body: str, message: str, name: str) -> None:
    """What can be found out is there: its class, where it was raised. Its own code is broken off in time."""
    source = (
        f"import sys, time\nsys.excepthook = print\nclass Mine(Exception):\n    {body}\nsys.excepthook = lambda *a: 0\n"
    )
    [end] = lab.python(source + "def f(): raise Mine()\nf()")
    assert (end.type[:48], end.message, [frame[2] for frame in end.frames]) == (name, message, ["<module>", "f"])
    assert (end.child, end.failures) == (None, [])
    assert end.traceback.startswith("Traceback (most recent call last):\n")


@pytest.mark.parametrize("size", [10, 2_000, 5_000_000])
def test_a_record_is_bounded(lab: Any, size: int) -> None:
    """A message of 2,000 characters, a traceback of 32,000, with both ends."""
    [end] = lab.python(f"raise ValueError('begin' + 'x' * {size} + 'end')")
    assert end.message.startswith("begin")
    assert end.message.endswith("end")
    assert len(end.message) <= 2_000
    assert "begin" in end.traceback
    assert end.traceback.endswith("end\n")
    assert len(end.traceback) <= 32_000


@pytest.mark.parametrize("depth", [30, 900, 100_000])
def test_many_frames_keep_both_ends(lab: Any, depth: int) -> None:
    """64 of them: the outermost 16 and the innermost."""
    source = f"""
    import sys
    sys.setrecursionlimit({depth + 1000})
    def f(n):
        if n: f(n - 1)
        else: raise ValueError("x")
    def main(): f({depth})
    main()
    """
    done = lab.run(sys.executable, lab.script(source))
    [end] = lab.ends()
    assert (done.returncode, end.message) == (1, "x")
    assert [frame[2] for frame in end.frames[:3]] == ["<module>", "main", "f"]
    assert (len(end.frames), end.frames[-1][1]) == (min(depth + 3, 64), 6)
    assert "in main\n" in end.traceback
    assert end.traceback.endswith("ValueError: x\n")
    assert len(end.traceback) <= 32_000


def test_an_endless_recursion_is_written_down(lab: Any) -> None:
    """Python has its stack again when the record is made."""
    [end] = lab.python("def f(): f()\nf()")
    assert (end.type, end.message) == ("RecursionError", "maximum recursion depth exceeded")


@pytest.mark.parametrize("link", ["raise ValueError(i) from e", "raise ValueError(i)"])
def test_a_long_chain_is_written_down(lab: Any, link: str) -> None:
    """Both ends of what Python would print."""
    source = f"""
    import sys
    sys.excepthook = lambda *a: 0
    e = OSError("first")
    try:
        for i in range(3000):
            try: raise e
            except Exception as error:
                try: {link}
                except Exception as error: e = error
        raise e
    finally: pass
    """
    [end] = lab.python(source)
    assert (end.message, end.traceback[-16:], len(end.traceback) <= 32_000) == (
        "2999",
        "ValueError: 2999\n"[-16:],
        True,
    )
    assert end.traceback.startswith("Traceback (most recent call last):")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups are of Python 3.11")
def test_a_group_is_written_down_with_what_is_in_it(lab: Any) -> None:
    """As Python prints it."""
    source = "raise ExceptionGroup('all', [ValueError('x'), ExceptionGroup('some', [KeyError('y')])])"
    done = lab.run(sys.executable, lab.script(source))
    assert [(end.type, end.message, end.traceback) for end in lab.ends()] == [
        ("ExceptionGroup", "all (2 sub-exceptions)", done.stderr)
    ]


def test_a_script_that_is_none_is_written_down(lab: Any, modern: str) -> None:
    """A syntax error of the script itself has no frames, but file, line and text."""
    done = lab.run(modern, lab.script("x = 1\ndef f(:\n"))
    [end] = lab.ends()
    assert (end.type, end.frames, end.traceback.strip()) == ("SyntaxError", [], done.stderr.strip())
    assert "train.py, line 2" in end.message


def test_no_descriptor_is_left(lab: Any) -> None:
    """A program that has opened all it may: the commonest end of one that loads data by processes."""
    source = """
    import os, resource, threading
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    kept = []
    while True: kept.append(open(os.devnull))
    """
    done = lab.run(sys.executable, lab.script(source))
    [end] = lab.ends()
    assert (done.returncode, end.type, end.message) == (1, "OSError", "[Errno 24] Too many open files: '/dev/null'")


def test_no_memory_is_left(lab: Any) -> None:
    """What the exception holds is let go no sooner than the record is made."""
    source = """
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (300_000_000, 300_000_000))
    kept, size = [], 1 << 24
    def fill():
        global size
        while size > 64:
            try:
                while True: kept.append(bytearray(size))
            except MemoryError: size //= 2
        raise MemoryError("x")
    fill()
    """
    done = lab.run(sys.executable, lab.script(source))
    assert (done.returncode, short(lab.ends())) == (1, [("MemoryError", "x", 1)])


@pytest.mark.parametrize("returncode", [1, -9, 137])
def test_a_launcher_names_how_its_child_ended(lab: Any, returncode: int) -> None:
    """A CalledProcessError is about another process."""
    command = [
        sys.executable,
        "-c",
        f"import os; os.kill(os.getpid(), 9) if {returncode} < 0 else os._exit({returncode})",
    ]
    [end] = lab.python(f"import subprocess\nsubprocess.run({command!r}, check=True)")
    assert (end.type, end.code, end.child) == ("subprocess.CalledProcessError", 1, returncode)


def test_an_alarm_of_the_users_goes_on(lab: Any) -> None:
    """A guard against an end that hangs, as `signal.alarm` makes it, is still there after the record."""
    source = """
    import atexit, signal, threading, time
    signal.setitimer(signal.ITIMER_REAL, 1)
    def wait():
        print(*signal.getitimer(signal.ITIMER_REAL), flush=True)
        time.sleep(30)
    atexit.register(wait)
    raise ValueError("x")
    """
    done = lab.run(sys.executable, lab.script(source))
    left, interval = map(float, done.stdout.split())
    assert (done.returncode, 0 < left < 1, interval, short(lab.ends())) == (-14, True, 0.0, [("ValueError", "x", 1)])


def test_a_full_disk_costs_the_record_alone(lab: Any) -> None:
    """Nothing is printed, nothing is left behind."""
    source = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\nimport signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nraise ValueError('x')"
    lab.same(sys.executable, "-B", lab.script(source))
    assert list(lab.mailbox.iterdir()) == []


def test_a_module_of_the_users_is_not_run_for_one_of_pythons(lab: Any) -> None:
    """Nothing is imported at the end that a script beside the user's could stand for, but what Python prints with."""
    for name in ("json", "signal", "time", "errno", "dataclasses", "tempfile"):
        lab.script("print('mine')", f"{name}.py")
    done = lab.run(sys.executable, lab.script("raise ValueError('x')"))
    assert (done.stdout, short(lab.ends())) == ("", [("ValueError", "x", 1)])


START_METHODS = ["fork", "forkserver", "spawn"]
CHILD = """
import multiprocessing, os, sys
def work(how):
    if how == "raise": raise ValueError("x")
    if how == "text": sys.exit("bad")
    if how == "code": raise SystemExit(3)
    if how == "handled":
        try: raise KeyError("k")
        except KeyError: sys.exit(4)
    if how == "os": os._exit(5)
    if how == "kill": os.kill(os.getpid(), 9)
    if how == "zero": sys.exit(0)
if __name__ == "__main__":
    try: raise RuntimeError("handled when the child is made")
    except RuntimeError:
        child = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=[sys.argv[2]])
        child.start()
        child.join()
        print(child.pid, child.exitcode)
"""
CHILD_ENDS = {
    "raise": (1, ("ValueError", "x", 1)),
    "text": (1, ("SystemExit", "bad", 1)),
    "code": (3, ("SystemExit", "", 3)),
    "handled": (4, ("KeyError", "'k'", 4)),
    "os": (5, None),
    "kill": (-9, None),
    "zero": (0, None),
    "well": (0, None),
}


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.parametrize("how", CHILD_ENDS)
def test_a_child_of_multiprocessing_writes_down_its_end(lab: Any, method: str, how: str) -> None:
    """However it is started, and though Python prints what it raised instead of raising it."""
    code, end = CHILD_ENDS[how]
    out = lab.run(sys.executable, lab.script(CHILD), method, how).stdout.split()
    assert (int(out[1]), short(lab.ends())) == (code, [end] if end else [])
    assert [end.pid for end in lab.ends()] == ([int(out[0])] if end else [])


def test_each_python_writes_down_its_childrens_ends(lab: Any, modern: str) -> None:
    """In each version of multiprocessing."""
    for method in START_METHODS:
        for how in ("raise", "code"):
            lab.run(modern, lab.script(CHILD), method, how)
    assert short(lab.ends()) == [("ValueError", "x", 1), ("SystemExit", "", 3)] * 3


def test_a_child_of_multiprocessing_prints_the_same(lab: Any, modern: str) -> None:
    """Its traceback, and the code that its parent sees."""
    script = lab.script(CHILD.replace("child.pid, ", ""))
    for method in ("fork", "spawn"):
        lab.same(modern, script, method, "raise")


FORK = """
import os, sys, threading
def child():
    if os.fork() == 0: {}
    os.wait()
{}
"""
FORKS = {
    "os._exit": ("os._exit(3)", "child()", []),
    "an exit": ("sys.exit(3)", "child()", [("SystemExit", "", 3)]),
    "an exception": ("raise ValueError('child')", "child()\nraise KeyError('parent')", ["ValueError", "KeyError"]),
    "well": ("return", "child()", []),
    "within an exit": ("os._exit(0)", "try:\n    sys.exit(3)\nfinally: child()", [("SystemExit", "", 3)]),
    "of an exit": ("return", "try: sys.exit(3)\nexcept SystemExit: child()", []),
    "in a hook": ("return", "sys.excepthook = lambda *a: child()\nraise KeyError", None),
}


@pytest.mark.parametrize(("in_child", "source", "ends"), FORKS.values(), ids=FORKS)
def test_each_process_of_a_fork_writes_down_its_own_end(lab: Any, in_child: str, source: str, ends: Any) -> None:
    """A child that ends by `os._exit` has none."""
    found = lab.python(FORK.format(in_child, source))
    if ends is None:  # both run on to the end of the same exception
        assert [end.type for end in found] == ["KeyError"]
    else:
        assert (short(found) if not ends or isinstance(ends[0], tuple) else [end.type for end in found]) == ends
    assert len({end.pid for end in found}) == len(found)


def test_a_program_that_becomes_another_is_one_process(lab: Any) -> None:
    """What it was before has not ended."""
    source = "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'raise ValueError(3)'])"
    assert short(lab.python(source)) == [("ValueError", "3", 1)]


def test_the_wrapper_of_sys_exit_is_like_it(lab: Any, modern: str) -> None:
    """Name, words, signature and pickles are its own; no frame of ours is in the traceback of its exception."""
    source = """
    import copy, inspect, pickle, sys, traceback
    print(sys.exit.__name__, sys.exit.__qualname__, sys.exit.__module__, inspect.signature(sys.exit))
    print(sys.exit.__doc__, callable(sys.exit), pickle.loads(pickle.dumps(sys.exit)) is sys.exit, copy.copy(sys.exit) is sys.exit)
    for given in ([], [None], [3], ["x"], [(1, 2)], [SystemExit(5)], [1, 2]):
        try: sys.exit(*given)
        except (SystemExit, TypeError) as error:
            print(repr(error), error.args, getattr(error, "code", ""))
            if sys.version_info >= (3, 11) and len(given) < 2: traceback.print_exc()
            if len(given) < 2: print(repr(pickle.loads(pickle.dumps(error))), repr(copy.deepcopy(error)))
    try: sys.exit(status=3)
    except TypeError as error: print(error)
    try:
        try: 1 / 0
        except ZeroDivisionError: sys.exit(3)
    except SystemExit as error: print(repr(error.__context__), error.__cause__, error.__suppress_context__)
    """
    assert lab.same(modern, lab.script(source)).returncode == 0


def test_a_pool_gets_the_exit_of_its_worker(lab: Any) -> None:
    """A SystemExit goes through pickles to the parent, also where the hook is in one of the two alone."""
    source = """
    import sys
    from concurrent.futures import ProcessPoolExecutor
    def work(): sys.exit(3)
    if __name__ == "__main__":
        with ProcessPoolExecutor(1) as pool:
            try: pool.submit(work).result()
            except SystemExit as error: print(repr(error))
    """
    assert lab.same(sys.executable, lab.script(source)).stdout == "SystemExit(3)\n"


def test_the_end_of_another_interpreter_is_not_the_process_s(lab: Any, modern: str) -> None:
    """A process may have several; one that exits, or fails, ends nothing but itself."""
    source = """
    try: import _interpreters as interpreters
    except ImportError: import _xxsubinterpreters as interpreters
    for code in ("import sys; sys.exit(3)", "import sys, threading; sys.exit('bad')", "import threading; 1 / 0"):
        other = interpreters.create()
        try: interpreters.run_string(other, code)
        except Exception: pass
        interpreters.destroy(other)
    """
    assert lab.python(source, python=modern) == []
    assert short(lab.python(source + "raise ValueError('x')", python=modern)) == [("ValueError", "x", 1)]
