"""A Python below the supervisor starts as it does elsewhere, whichever it is and however it is started."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.mailbox.mailbox import RUN_NAME
from twinkle_notifier.supervisor.command import STARTUP, attach_environment

STATE = """
import sys
print([path for path in sys.path], sorted(set(sys.path_importer_cache)), "sitecustomize" in sys.modules)
print(sorted(vars(sys.modules["__main__"])), [name for name in sys.modules if name.startswith("twinkle")])
print(sys.argv, sys.flags)
try:
    import sitecustomize
    print("one", sitecustomize.__file__, sitecustomize.__name__, sys.modules["sitecustomize"] is sitecustomize)
except ImportError as error:
    print("none", error)
sys.stderr.write("words\\n")
"""
ENDS = {
    "well": "",
    "an exception": "def f(): raise ValueError('x')\nf()",
    "a chain": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError('y')",
    "a text": "import sys\nsys.exit('bad')",
    "a code": "import sys\nsys.exit(-9)",
    "zero": "import sys\nsys.exit(0)",
    "nothing": "import sys\nsys.exit()",
    "a tuple": "import sys\nsys.exit((1, 'b'))",
    "a large code": "import sys\nsys.exit(2**80)",
    "exit": "exit(3)",
    "SystemExit": "raise SystemExit('bad')",
    "a syntax error": "def f(:",
    "Ctrl-C": "raise KeyboardInterrupt",
    "Ctrl-C with modules": "import threading, traceback, subprocess\nimport os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass",
    "a thread": "import threading\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()\nraise OSError(3)",
    "os._exit": "import os\nos._exit(5)",
    "a caught exit": "import sys, traceback\ntry:\n    sys.exit(4)\nexcept SystemExit as e:\n    print(repr(e), e.code, e.args)",
    "a signal": "import os\nos.kill(os.getpid(), 9)",
}
OWN = {
    "none": None,
    "good": "import sys\nsys.stderr.write('mine %s\\n' % __name__)",
    "changes the path": "import sys\nsys.path.append('/mine')",
    "raises": "raise ValueError('mine')",
    "lacks a module": "import no_such_module",
    "lacks itself": "raise ImportError('mine')",
    "has a syntax error": "def f(:",
    "replaces itself": "import sys, os\nsys.modules[__name__] = os",
    "removes itself": "import sys\ndel sys.modules[__name__]",
    "hands on": """
import os, sys
sys.path[:] = [path for path in sys.path if path != os.path.dirname(__file__)]
del sys.modules["sitecustomize"]
import sitecustomize
""",
}


def test_each_python_starts_and_ends_the_same(lab: Any, each: str) -> None:
    """With a `sitecustomize` of the user's and without; with an exception and an exit code."""
    for source in ("raise ValueError('x')", "import threading\nsys.exit(3)"):
        lab.same(each, "-B", lab.script(STATE + source))
    lab.script("import sys\nsys.stderr.write('mine\\n')", "own/sitecustomize.py")
    assert "mine" in lab.same(each, "-B", lab.script(STATE), PYTHONPATH=str(lab.folder / "own")).stderr


@pytest.mark.parametrize("options", ["", "-I", "-E", "-O", "-OO", "-B", "-s", "-S", "-u", "-v"])
def test_a_python_starts_the_same(lab: Any, python: str, options: str) -> None:
    """Its path, its modules, what it prints and its exit code are those it has without us."""
    script = lab.script(STATE)
    if options == "-v":
        assert lab.run(python, "-v", script).returncode == 0
    elif options == "-S":  # no `site`, so nobody takes our folder out of the path
        code = f"import sys; print([path for path in sys.path if path != {str(STARTUP)!r}], sorted(sys.modules))"
        lab.same(python, "-S", "-c", code)
    else:
        lab.same(python, *options.split(), script)


@pytest.mark.parametrize("options", [["-P"], ["-X", "frozen_modules=on"], ["-X", "frozen_modules=off"], ["-X", "dev"]])
def test_a_new_python_starts_the_same(lab: Any, options: list[str]) -> None:
    """With the options of newer versions, too, and where each warning is an error."""
    lab.same(sys.executable, *options, lab.script(STATE))
    lab.same(sys.executable, *options, "-W", "error", "-c", "import sys, threading; sys.exit(3)")


@pytest.mark.parametrize("source", ENDS.values(), ids=ENDS)
def test_a_python_ends_the_same(lab: Any, python: str, source: str) -> None:
    """What it prints and its exit code or signal are those it has without us."""
    lab.same(python, lab.script("print('begun')\n" + source))


@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
def test_the_users_sitecustomize_runs_as_if_ours_were_not_there(lab: Any, python: str, own: str | None) -> None:
    """It is loaded once, under its name; what it raises is shown as Python shows it."""
    env = {}
    if own is not None:
        lab.script(own, "own/sitecustomize.py")
        env = {"PYTHONPATH": str(lab.folder / "own")}
    if own == OWN["hands on"]:
        lab.script("import sys\nsys.stderr.write('the last\\n')", "last/sitecustomize.py")
        env["PYTHONPATH"] += os.pathsep + str(lab.folder / "last")
    for _ in range(2):  # the second time it is compiled
        lab.same(python, "-B", lab.script(STATE), **env)


def test_a_sitecustomize_that_exits_ends_python(lab: Any, python: str) -> None:
    """What Python prints then has a line of ours in its traceback; its code is the user's."""
    lab.script("raise SystemExit(7)", "own/sitecustomize.py")
    ways = [lab.run(python, "-c", "", attached=on, PYTHONPATH=str(lab.folder / "own")) for on in (True, False)]
    assert ways[0].returncode == ways[1].returncode
    assert ways[0].stderr.splitlines()[-1:] == ways[1].stderr.splitlines()[-1:]


def test_a_sitecustomize_before_ours_hands_on_to_it(lab: Any) -> None:
    """As those of other tools do, which start below ours: both run."""
    other = lab.script(OWN["hands on"], "own/sitecustomize.py")
    env = lab.env()
    env["PYTHONPATH"] = os.pathsep.join([str(Path(other).parent), env["PYTHONPATH"]])
    code = "import sys; print('_twinkle_notifier_attach' in sys.modules, 'sitecustomize' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True False\n", "")


def test_children_are_attached_and_the_path_of_the_user_stays(lab: Any) -> None:
    """PYTHONPATH is left as it is, for the processes below; the user's part of it works in all of them."""
    lab.script("", "mine/my_module.py")
    child = "import my_module, sys, os; print('_twinkle_notifier_attach' in sys.modules, os.environ['PYTHONPATH'])"
    code = f"import my_module, subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    done = lab.run(sys.executable, "-c", code, PYTHONPATH=str(lab.folder / "mine"))
    assert (done.stdout, done.stderr) == (f"True {STARTUP}{os.pathsep}{lab.folder / 'mine'}\n", "")


@pytest.mark.parametrize("value", ["0", " 0 ", "off", "False", "no"])
def test_a_process_that_is_not_to_be_attached_is_not(lab: Any, value: str) -> None:
    """Neither by the command's environment, nor by that which a process further below gives its children."""
    assert attach_environment({"TWINKLE_NOTIFIER_ATTACH": value}) == {}
    code = "import sys; print('_twinkle_notifier_attach' in sys.modules)"
    env = {**lab.env(), "TWINKLE_NOTIFIER_ATTACH": value}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("before", "path"), [({}, ""), ({"PYTHONPATH": ""}, ""), ({"PYTHONPATH": ":a b::"}, "::a b::"), ({"A": "0"}, "")]
)
@pytest.mark.parametrize("name", ["", "sft"])
def test_the_environment_of_a_command(before: dict[str, str], path: str, name: str) -> None:
    """Our folder is the first of its path, whose other entries stay, an empty one, too."""
    named = {RUN_NAME: name} if name else {}
    assert attach_environment(before, name) == {"PYTHONPATH": f"{STARTUP}{path}", **named}


def test_a_folder_that_a_path_cannot_name_is_in_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its two halves would be other folders, one of them below whatever folder a process is in."""
    monkeypatch.setattr("twinkle_notifier.supervisor.command.STARTUP", Path("/home/me/a:b/startup"))
    assert attach_environment({"PYTHONPATH": "/mine"}, "sft") == {}


def test_an_archive_starts_the_same(lab: Any, python: str) -> None:
    """A zipapp, and a package started by its name."""
    archive = lab.folder / "app.pyz"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("__main__.py", STATE)
    lab.same(python, str(archive))
    lab.script(STATE, "package/__main__.py")
    lab.script("", "package/__init__.py")
    lab.same(python, "-m", "package")


def test_a_virtual_environment_starts_the_same(lab: Any) -> None:
    """Also one made from another, and one with a `sitecustomize` in its packages, as conda's have."""
    first, second = lab.folder / ".venv", lab.folder / ".venv" / "inner"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", first], check=True)
    subprocess.run([first / "bin/python", "-m", "venv", "--without-pip", "--copies", second], check=True)
    script = lab.script(STATE + "import threading\nraise ValueError(sys.prefix)")
    for venv in (first, second):
        [packages] = venv.glob("lib/python*/site-packages")
        for own in (None, "import sys\nsys.stderr.write('mine\\n')"):
            if own:
                (packages / "sitecustomize.py").write_text(own)
            done = lab.same(str(venv / "bin/python"), script)
            assert (done.returncode, "mine" in done.stderr) == (1, own is not None)
    assert [end.message for end in lab.ends()] == [str(venv) for venv in (first, first, second, second)]


def test_the_folder_may_be_read_only_or_gone(lab: Any, tmp_path: Path) -> None:
    """Python starts, and ends as it does: with our files not to be read, and with no mailbox."""
    broken = tmp_path / "startup"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text((STARTUP / "sitecustomize.py").read_text())
    for module in (None, "def f(:", "raise ValueError", "begin = None"):
        if module:
            (broken / "_twinkle_notifier_attach.py").write_text(module)
        env = lab.env() | {"PYTHONPATH": str(broken)}
        done = subprocess.run([sys.executable, "-c", "1 / 0"], env=env, capture_output=True, text=True)
        without = lab.run(sys.executable, "-c", "1 / 0", attached=False)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", without.stderr)
    lab.mailbox.rmdir()
    lab.same(sys.executable, "-c", "import threading; 1 / 0")
    assert not lab.mailbox.exists()


def test_nothing_is_imported_at_the_start(lab: Any, python: str) -> None:
    """Nothing of ours but the hook, and nothing of the standard library that Python has not loaded anyway."""
    code = "import sys; print(' '.join(sorted(sys.modules)))"
    attached, without = (set(lab.run(python, "-c", code, attached=on).stdout.split()) for on in (True, False))
    assert attached - without <= {"_twinkle_notifier_attach", "atexit", "errno", "time"}
    assert without - attached == set()


def test_the_start_loads_one_small_file(lab: Any, modern: str) -> None:
    """The record comes with the modules of processes, or when a process ends badly; a good end loads nothing."""
    code = "{}import sys; print(*sorted(name for name in sys.modules if name.startswith('_twinkle')))"
    start = "_twinkle_notifier_attach\n"
    assert lab.run(modern, "-c", code.format("import threading, atexit; ")).stdout == start
    rest = "_twinkle_notifier_attach _twinkle_notifier_hooks _twinkle_notifier_record\n"
    assert lab.run(modern, "-c", code.format("import multiprocessing.util; ")).stdout == rest
    ends = "import atexit, sys; atexit.register(lambda: print(*[name for name in sys.modules if 'twinkle' in name])); "
    assert lab.run(modern, "-c", ends + "sys.exit(0)").stdout == start
    assert (
        len((STARTUP / "_twinkle_notifier_attach.py").read_text().splitlines()) < 280
    )  # compiled at each start, maybe


def test_a_process_that_trains_needs_no_file_of_ours_at_its_end(lab: Any, tmp_path: Path) -> None:
    """They may be gone by then: the package is installed anew, a disk is lost."""
    copy = tmp_path / "startup"
    shutil.copytree(STARTUP, copy)
    env = lab.env() | {"PYTHONPATH": str(copy)}
    code = f"import multiprocessing.util, shutil; shutil.rmtree({str(copy)!r}); raise ValueError('x')"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, [(end.type, end.message) for end in lab.ends()]) == (1, [("ValueError", "x")])


def test_files_that_are_compiled_or_packed_work(lab: Any, tmp_path: Path) -> None:
    """A package without its source, or in an archive."""
    compiled, archive = tmp_path / "compiled", tmp_path / "packed.zip"
    for path in STARTUP.glob("*.py"):
        py_compile.compile(str(path), str(compiled / f"{path.name}c"), doraise=True)
    with zipfile.ZipFile(archive, "w") as packed:
        for path in STARTUP.glob("*.py"):
            packed.write(path, f"attach/{path.name}")
    for place in (compiled, archive / "attach"):
        env = lab.env() | {"PYTHONPATH": str(place)}
        subprocess.run([sys.executable, "-c", "raise ValueError('x')"], env=env, capture_output=True)
    assert [(end.type, end.message) for end in lab.ends()] == [("ValueError", "x")] * 2
