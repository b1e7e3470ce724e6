"""Programs that do much with processes, imports and prompts print and end below the supervisor as they do elsewhere."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = {
    "pools": """
        import multiprocessing, sys
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        def work(n):
            if n == 3: raise ValueError(n)
            return n * n
        if __name__ == "__main__":
            for method in ("fork", "forkserver", "spawn"):
                context = multiprocessing.get_context(method)
                with ProcessPoolExecutor(2, mp_context=context) as pool:
                    print(list(pool.map(work, range(3))), repr(pool.submit(work, 3).exception()))
                with context.Pool(2) as pool: print(pool.map(work, range(3)))
            with ThreadPoolExecutor(2) as pool: print(list(pool.map(work, range(3))))
    """,
    "imports": """
        import importlib, importlib.util, sys, pickle, types
        spec = importlib.util.find_spec("concurrent.futures.thread")
        print(type(spec.loader).__name__, spec.origin, "concurrent.futures.thread" in sys.modules)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        print(module.__spec__ is spec, module.__loader__ is spec.loader, sorted(vars(module)))
        import threading
        before = threading.Thread
        print(importlib.reload(threading) is threading, threading.Thread is before, threading.__spec__.loader.get_filename())
        lazy = importlib.util.find_spec("concurrent.futures.process")
        lazy.loader = importlib.util.LazyLoader(lazy.loader)
        module = importlib.util.module_from_spec(lazy)
        sys.modules["concurrent.futures.process"] = module
        lazy.loader.exec_module(module)
        print(type(module).__name__, module.ProcessPoolExecutor, type(module).__name__)
        class Broken:
            def find_spec(self, *args): raise KeyError(args[0])
        sys.meta_path.insert(0, Broken())
        try: import concurrent.futures.thread
        except KeyError as error: print("from a finder", error)
        sys.meta_path[0] = object()
        import concurrent.futures.thread
    """,
    "asyncio": """
        import asyncio, sys
        async def work():
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(3); raise SystemExit(4)")
            print(await process.wait())
            await asyncio.to_thread(print, "in a thread")
            raise ValueError("x")
        asyncio.run(work())
    """,
    "pip": "import runpy, sys\nsys.argv = ['pip', '--version']\nrunpy.run_module('pip', run_name='__main__')",
    "unittest": """
        import sys, unittest
        class Tests(unittest.TestCase):
            def test_exit(self):
                with self.assertRaises(SystemExit): sys.exit(3)
            def test_error(self): 1 / 0
        class Runner:
            def run(self, suite):
                result = unittest.TestResult()
                suite.run(result)
                print(result, result.errors)
                return result
        unittest.main(testRunner=Runner())
    """,
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_prints_and_ends_the_same(lab: Any, source: str) -> None:
    """Its workers, its imports, its exit code."""
    lab.same(sys.executable, lab.script(source))


def test_other_pythons_below_a_program_print_and_end_the_same(lab: Any, python: str) -> None:
    """Each version, started by this one, with whatever it makes of the environment."""
    code = "import sys; print(sys.version_info[0]); sys.exit(3)"
    source = f"import subprocess\nfor o in ('-s', '-I', '-E'): print(subprocess.run([{python!r}, o, '-c', {code!r}], stdout=-1, stderr=-2))"
    lab.same(sys.executable, lab.script(source))


def test_pytest_prints_and_ends_the_same(lab: Any) -> None:
    """With tests that fail, that exit, and that expect an exit; an error of a test is not what ended pytest."""
    lab.script(
        """
        import sys, pytest
        def test_exit():
            with pytest.raises(SystemExit): sys.exit(3)
        def test_leaves(): sys.exit(4)
        def test_fails(): assert [1, 2] == [1, 3]
        """,
        "test_it.py",
    )
    for start in (["-m", "pytest"], [str(Path(sys.executable).parent / "pytest")]):
        command = [sys.executable, *start, "-p", "no:cacheprovider", "test_it.py", "-q"]
        ways = [lab.run(*command, attached=on) for on in (False, True)]
        outputs = [re.sub(r"in \d.*s", "", way.stdout) for way in ways]
        assert (ways[0].returncode, ways[0].stderr, outputs[0]) == (1, ways[1].stderr, outputs[1])
        assert {end.type for end in lab.ends()} <= {"SystemExit"}


@pytest.mark.stress
@pytest.mark.skipif(find_spec("torch") is None, reason="it needs torch")
def test_workers_of_a_data_loader_print_and_end_the_same(lab: Any) -> None:
    """Epochs with workers that stay and that go; an error of a worker is raised where it is awaited."""
    source = """
    from torch.utils.data import DataLoader
    class Data:
        bad = False
        def __len__(self): return 8
        def __getitem__(self, i):
            if self.bad and i == 5: raise ValueError("worker")
            return i
    if __name__ == "__main__":
        data = Data()
        for stay in (True, False):
            loader = DataLoader(data, 2, num_workers=2, persistent_workers=stay)
            for _ in range(2): print(sum(batch.sum().item() for batch in loader), flush=True)
        print(sum(batch.sum().item() for batch in DataLoader(data, 2, num_workers=1, multiprocessing_context="spawn")))
        data.bad = True
        try: list(DataLoader(data, 2, num_workers=2))
        except ValueError as error: print(str(error).splitlines()[-1])
    """
    done = lab.same(sys.executable, lab.script(source))
    assert (done.returncode, lab.ends()) == (0, [])


PROMPTS = {
    "python -i": (["-i"], "1 / 0\nimport sys\nprint(hasattr(sys, 'last_value'))\n", 0, []),
    "python -i, exit": (["-i"], "1 / 0\nexit(3)\n", 3, []),
    "python -i of a script": (["-i", "-c", "import threading; 1 / 0"], "print(1)\n", 0, []),
    "python of commands": ([], "import threading\nprint(1)\n1 / 0\nprint(2)\n", 1, ["ZeroDivisionError"]),
    "python of commands that exit": (["-"], "exit('bad')\n", 1, ["SystemExit"]),
    "code.interact": (["-c", "import code; code.interact()"], "1 / 0\n", 0, []),
    "pdb": (["-m", "pdb", "train.py"], "continue\n1 / 0\nquit\n", 1, []),
    "pdb, step": (["-m", "pdb", "train.py"], "next\nnext\nprint(1)\nquit\n", 1, []),
    "breakpoint": (["-c", "breakpoint()"], "1 / 0\nwhere\ncontinue\n", 0, []),
}


@pytest.mark.parametrize(("arguments", "text", "code", "ends"), PROMPTS.values(), ids=PROMPTS)
def test_a_prompt_shows_and_ends_the_same(
    lab: Any, arguments: list[str], text: str, code: int, ends: list[str]
) -> None:
    """An error at a prompt ends nothing, so nothing is written down."""
    lab.script("x = 1\nraise ValueError(x)\n")
    done = lab.same(sys.executable, *arguments, stdin=text)
    if arguments[:2] != ["-m", "pdb"]:  # its exit codes are its version's
        assert done.returncode == code
    assert [end.type for end in lab.ends()] == ends


@pytest.mark.stress
def test_ipython_shows_and_ends_the_same(lab: Any) -> None:
    """At its prompt, with a script, and where it exits."""
    pytest.importorskip("IPython")
    ipython = [sys.executable, "-m", "IPython", "--colors=NoColor", "--simple-prompt", "--no-banner"]
    env = {"IPYTHONDIR": str(lab.folder), "HOME": str(lab.folder)}
    lab.script("raise ValueError('x')")
    lab.same(*ipython, stdin="1 / 0\nimport sys\nsys.exit(3)\n", **env)
    lab.same(*ipython, stdin="1 / 0\nexit\n", **env)
    lab.same(*ipython, "train.py", **env)
    assert lab.ends() == []


def shown(command: list[str], env: dict[str, str], folder: Path, typed: str) -> tuple[bytes, int]:
    """What a command shows on a terminal while lines are typed, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(command[0], command, env)
    seen, lines, until = b"", typed.splitlines(), time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # it is closed
            break
        seen += data
        if lines and seen.endswith((b">>> ", b"... ")):
            os.write(terminal, lines.pop(0).encode() + b"\n")
    os.close(terminal)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_shows_and_ends_the_same(lab: Any, python: str) -> None:
    """Python's own prompt, with an error and the end by hand."""
    more = {"TERM": "dumb", "PYTHON_BASIC_REPL": "1", "PYTHON_COLORS": "0", "PYTHONSTARTUP": ""}
    typed = "1 / 0\nimport sys; sys.exit(3)\n"
    ways = [shown([python], lab.env(on, **more), lab.folder, typed) for on in (False, True)]
    assert (ways[0], ways[0][1], lab.ends()) == (ways[1], 3, [])


@pytest.mark.stress
@pytest.mark.skipif(find_spec("transformers") is None, reason="it needs transformers")
def test_a_trainer_keeps_its_name_and_signature(lab: Any) -> None:
    """Its module can be looked for without being loaded, and loaded again."""
    source = """
    import importlib, importlib.util, inspect, sys
    spec = importlib.util.find_spec("transformers.trainer")
    print(type(spec.loader).__name__, "transformers.trainer" in sys.modules)
    from transformers import Trainer
    init = Trainer.__init__
    print(init.__name__, init.__qualname__, init.__module__, inspect.signature(init), init.__doc__)
    module = sys.modules["transformers.trainer"]
    print(inspect.getsourcefile(module), module.__loader__ is module.__spec__.loader)
    """
    lab.same(sys.executable, lab.script(source))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="frames are hidden from Python 3.11 on")
def test_an_error_of_a_trainers_constructor_shows_the_same(lab: Any) -> None:
    """It is the user's, with the user's frames and those of the trainer; none is ours."""
    lab.script("", "transformers/__init__.py")
    lab.script("class Trainer:\n    def __init__(self, x): raise ValueError(x)", "transformers/trainer.py")
    for call in ("Trainer(3)", "Trainer()", "Trainer(x=4)"):
        source = f"import logging\nlogging.disable()\nfrom transformers.trainer import Trainer\n{call}"
        assert lab.same(sys.executable, lab.script(source)).returncode == 1


def test_an_error_with_a_traceback_of_its_own_is_not_replaced(lab: Any) -> None:
    """Its class may have an attribute of that name, which raises."""
    lab.script("", "transformers/__init__.py")
    odd = "class Odd(Exception):\n    __traceback__ = property(lambda self: 1 / 0)\n"
    lab.script(f"{odd}class Trainer:\n    def __init__(self): raise Odd('x')", "transformers/trainer.py")
    source = "import logging\nlogging.disable()\nfrom transformers.trainer import Trainer\ntry: Trainer()\nexcept Exception as e: print(type(e).__name__)"
    assert lab.same(sys.executable, lab.script(source)).stdout == "Odd\n"


FINDERS = {
    "no trainer": "x = 1",
    "fails": "raise ValueError('broken')",
    "lacks a module": "import no_such_module",
    "another in its place": "import sys, types\nnew = types.ModuleType(__name__)\nclass Trainer:\n"
    "    def __init__(self, x=3): self.x = x\nnew.Trainer = Trainer\nsys.modules[__name__] = new",
    "a trainer without a constructor": "class Trainer: pass",
    "a trainer that is none": "Trainer = 3",
    "slots": "class Trainer:\n    __slots__ = ('x',)\n    def __init__(self, x=4): self.x = x",
}


@pytest.mark.parametrize("source", FINDERS.values(), ids=FINDERS)
@pytest.mark.parametrize("way", ["folder", "archive", "compiled"])
def test_a_trainers_module_loads_the_same(lab: Any, source: str, way: str) -> None:
    """Whatever is in it, wherever it is; loaded twice, too, and by threads at once."""
    lab.script("", "transformers/__init__.py")
    path = Path(lab.script(source, "transformers/trainer.py"))
    if way == "archive":
        subprocess.run(
            [sys.executable, "-m", "zipfile", "-c", "packed.zip", "transformers"], cwd=lab.folder, check=True
        )
    if way == "compiled":
        subprocess.run([sys.executable, "-m", "compileall", "-b", "-q", "transformers"], cwd=lab.folder, check=True)
        path.unlink()
    if way != "folder":
        (lab.folder / "transformers").rename(lab.folder / "kept" if way == "archive" else lab.folder / "transformers")
    fails = source in (FINDERS["fails"], FINDERS["lacks a module"])  # then which thread meets what is Python's own race
    program = """
    import importlib, logging, sys, threading, traceback
    logging.disable()  # that this is no trainer of transformers
    sys.path.insert(0, "packed.zip")
    def load():
        try:
            import transformers.trainer
            from transformers.trainer import Trainer
            t = Trainer()
            print(getattr(t, "x", None))
        except BaseException as error: print(type(error), error, [f.name for f in traceback.extract_tb(error.__traceback__)])
    threads = [threading.Thread(target=load) for _ in range(COUNT)]
    for t in threads: t.start()
    for t in threads: t.join()
    try: print(importlib.reload(sys.modules["transformers.trainer"]).__name__)
    except BaseException as error: print(type(error), error)
    load()
    """
    lab.same(sys.executable, lab.script(program.replace("COUNT", "1" if fails else "4")))


LOADERS = {
    "looked for before": """
importlib.util.find_spec("transformers.trainer")
import transformers.other
assert not hasattr(transformers.other.Trainer.__init__, "_twinkle_notifier")
""",
    "looked for twice": "for _ in range(2): importlib.util.find_spec('transformers.trainer')",
    "a class": """
class Loader:
    create_module = staticmethod(lambda spec: None)
    @staticmethod
    def exec_module(module): exec(source, vars(module))
before = dict(vars(Loader))
class Finder:
    find_spec = lambda self, name, *a: name.endswith(".trainer") and importlib.util.spec_from_loader(name, Loader) or None
sys.meta_path.insert(1, Finder())
wanted = False
""",
    "without room": """
class Loader:
    __slots__ = ()
    def create_module(self, spec): return None
    def exec_module(self, module): exec(source, vars(module))
class Finder:
    find_spec = lambda self, name, *a: name.endswith(".trainer") and importlib.util.spec_from_loader(name, Loader()) or None
sys.meta_path.insert(1, Finder())
wanted = False
""",
}


@pytest.mark.parametrize("source", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_a_trainer_is_wrapped_once_where_its_loader_allows_it(lab: Any, source: str, packed: bool) -> None:
    """An archive has one loader for all of its modules; a loader that cannot be changed is left as it is."""
    trainer = "class Trainer:\n    def __init__(self): self.x = 3\n"
    for name, text in (("__init__", ""), ("other", trainer), ("trainer", trainer)):
        lab.script(text, f"transformers/{name}.py")
    if packed:
        subprocess.run(
            [sys.executable, "-m", "zipfile", "-c", "packed.zip", "transformers"], cwd=lab.folder, check=True
        )
        (lab.folder / "transformers").rename(lab.folder / "kept")
    program = f"""
import importlib.util, logging, sys
logging.disable()  # that this is no trainer of transformers
sys.path.insert(0, "packed.zip")
source, wanted = {trainer!r}, True
{source}
from transformers.trainer import Trainer
init = Trainer.__init__
print(hasattr(init, "_twinkle_notifier") == wanted, hasattr(getattr(init, "__wrapped__", None), "__wrapped__"), Trainer().x)
if "before" in vars(): print(before == dict(vars(Loader)))
"""
    done = lab.run(sys.executable, lab.script(program))
    assert (done.stdout.splitlines(), done.stderr) == (["True False 3"] + ["True"] * ("before" in source), "")
