"""What the package promises as a whole: its names, its imports, and what is in it."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import twinkle_notifier

ROOT = Path(__file__).parents[1]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd="/").stdout


def test_public_names_are_importable() -> None:
    """`__all__` is sorted, and all of it is there."""
    assert list(twinkle_notifier.__all__) == sorted(twinkle_notifier.__all__)
    assert all(hasattr(twinkle_notifier, name) for name in twinkle_notifier.__all__)


def test_every_public_name_has_a_docstring() -> None:
    """What is public says what it promises."""
    assert [name for name in twinkle_notifier.__all__ if not getattr(twinkle_notifier, name).__doc__] == []


def environment(folder: Path, distributions: Iterable[str]) -> Path:
    """The Python of a new environment with these distributions, linked from ours: nothing is fetched."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    for name in distributions:
        there = distribution(name)
        for part in {file.parts[0] for file in there.files or () if ".." not in file.parts}:
            (site / part).symlink_to(Path(str(there.locate_file(part))))
    return folder / "bin/python"


def install(python: Path, *what: str) -> None:
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *what], check=True, capture_output=True)


def needed(name: str) -> set[str]:
    """What a distribution depends on, and what that does; without extras."""
    wanted = [Requirement(line) for line in distribution(name).requires or ()]
    here = {each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})}
    return here.union(*map(needed, here))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in tracked.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--no-isolation", "-o", str(out), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    editable = environment(out / "venv", {"setuptools", *needed("twinkle-notifier")})
    install(editable, "-e", str(source))
    return out


def test_every_module_is_in_wheel_and_sdist(built: Path) -> None:
    """A file that is added to a room is shipped."""
    core = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("twinkle_notifier/**/*")
        if path.suffix in (".py", ".typed", ".html", ".css", ".js", ".svg")
    }
    adapters = {path.name for path in ROOT.glob("integrations/*.py")}
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        assert core | {f"twinkle_notifier/integrations/{name}" for name in adapters} <= set(wheel.namelist())
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        assert core | {f"integrations/{name}" for name in adapters} <= names


def test_metadata_names_each_python_and_no_tool(built: Path) -> None:
    """The classifiers name the Pythons of `Requires-Python`; what tests and lints need is no extra of users."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        metadata = email.message_from_bytes(wheel.read(name))
    prefix = "Programming Language :: Python :: 3."
    minors = [int(each.removeprefix(prefix)) for each in metadata.get_all("Classifier", []) if each.startswith(prefix)]
    bounds = {f">=3.{min(minors)}", f"<3.{max(minors) + 1}"}
    assert sorted(minors) == list(range(min(minors), max(minors) + 1))
    assert set(metadata["Requires-Python"].split(",")) == bounds
    assert {"test", "lint", "docs"}.isdisjoint(metadata.get_all("Provides-Extra", []))
    assert f"version: {metadata['Version']}" in (ROOT / "CITATION.cff").read_text().splitlines()


def test_every_adapter_is_found_from_an_editable_install(built: Path) -> None:
    """An editable install maps the folder `integrations`, too."""
    code = "import pkgutil, twinkle_notifier.integrations as i; print(sorted(m.name for m in pkgutil.iter_modules(i.__path__)))"
    done = subprocess.run([built / "venv/bin/python", "-c", code], check=True, capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == str(sorted(p.stem for p in ROOT.glob("integrations/*.py") if p.stem != "__init__"))


DISTRIBUTIONS = "import importlib.metadata as m; print(*sorted(each.name for each in m.distributions()))"
NEEDED = ["certifi", "charset-normalizer", "idna", "requests", "twinkle-notifier", "urllib3"]


def test_the_wheel_alone_shows_an_alert(built: Path, tmp_path: Path) -> None:
    """With what it depends on and nothing else, `demo --fail` shows the message; 3 s are promised for a quiet machine."""
    python = environment(tmp_path / "fresh", needed("twinkle-notifier"))
    install(python, str(next(built.glob("*.whl"))))
    there = subprocess.run([python, "-c", DISTRIBUTIONS], check=True, capture_output=True, text=True, cwd="/")
    assert [name.replace("_", "-") for name in there.stdout.split() if name != "tomli"] == NEEDED
    began = time.monotonic()
    demo = [python.with_name("twinkle-notifier"), "demo", "--fail"]
    done = subprocess.run(demo, capture_output=True, text=True, cwd="/", timeout=120)
    took = time.monotonic() - began
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "### demo failed: OSError: No space left on device: 'out/checkpoint-3' (exit code 1)"
        in done.stdout.splitlines()
    )
    assert took < 30  # a busy machine starts Python slowly


def test_the_installed_copy_is_tested() -> None:
    """The tests do not run the checkout."""
    assert (
        ROOT not in Path(twinkle_notifier.__file__).parents or ROOT / ".venv" in Path(twinkle_notifier.__file__).parents
    )
