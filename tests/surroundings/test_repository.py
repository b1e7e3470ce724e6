"""The commit of a repository that git itself made, and what is no repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from twinkle_notifier.surroundings import repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories")
CHANGED = ", with uncommitted changes"


class Git:
    """A repository with one commit: `a.py`, `pkg/b.py` and `link`, which nobody touched since."""

    def __init__(self, folder: Path, *options: str, others: int = 0) -> None:
        self.folder = folder
        folder.mkdir()
        self("init", "-q", "-b", "main", *options)
        (folder / "a.py").write_text("print(1)\n")
        (folder / "pkg").mkdir()
        (folder / "pkg" / "b.py").write_text("b = 1\n")
        (folder / "pkg.txt").write_text("sorted between `pkg` and what is in it\n")
        with suppress(OSError):  # not every machine has links
            (folder / "link").symlink_to("a.py")
        for number in range(others):
            path = folder / f"part{number % 40}" / f"{number}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"# {number}\n")
        self.commit()

    @classmethod
    def of(cls, folder: Path) -> Git:
        """Of a repository that is there."""
        made = cls.__new__(cls)
        made.folder = folder
        made.settle()
        return made

    def __call__(self, *arguments: str) -> str:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        who = ["-c", "user.name=me", "-c", "user.email=me@x.org", "-c", "protocol.file.allow=always"]
        command = ["git", *who, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=env, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    def commit(self) -> None:
        self("add", "-A")
        self("commit", "-qm", "one")
        self.settle()

    def settle(self) -> None:
        """As if the index had been written a while after the files, so that git need not read them."""
        for path in self.folder.rglob("*"):
            if ".git" not in path.parts:
                os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
        self("update-index", "-q", "--refresh")

    @property
    def head(self) -> str:
        return self("rev-parse", "HEAD")[:8]

    def has_changes(self) -> bool:
        """What git says."""
        return bool(self("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"))


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    made = Git(tmp_path / "work")
    monkeypatch.chdir(made.folder)
    return made


# Which commit


def test_the_commit_and_its_branch(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder in it."""
    monkeypatch.chdir(git.folder / "pkg")
    assert repository.commit() == f"{git.head} (main)"


@pytest.mark.parametrize(
    ("commands", "branch"),
    [
        (["checkout -q --detach"], ""),
        (["checkout -q -b feature/lora-7b"], " (feature/lora-7b)"),
        (["pack-refs --all"], " (main)"),
        (["branch other", "pack-refs --all", "commit -q --allow-empty -m two"], " (main)"),  # a newer one beside it
        (["gc -q"], " (main)"),
        (["symbolic-ref refs/heads/now refs/heads/main", "symbolic-ref HEAD refs/heads/now"], " (now)"),
    ],
)
def test_where_the_commit_may_stand(commands: list[str], branch: str, git: Git) -> None:
    """In a file of its own, among all refs, or in HEAD itself."""
    for command in commands:
        git(*command.split())
    assert repository.commit() == f"{git.head}{branch}"


def test_before_the_first_commit_there_is_none(git: Git) -> None:
    """Though there is a repository."""
    git("checkout", "-q", "--orphan", "new")
    assert repository.commit() == ""


def test_another_working_tree(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a commit, a branch and files of its own."""
    git("worktree", "add", "-q", "-b", "trial", str(tmp_path / "other"))
    (git.folder / "a.py").write_text("print(2)\n")
    monkeypatch.chdir(tmp_path / "other")
    clean = repository.commit()
    (tmp_path / "other" / "a.py").write_text("print(23)\n")
    assert (clean, repository.commit()) == (f"{git.head} (trial)", f"{git.head} (trial){CHANGED}")


def test_a_submodule(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own commit counts within it, and it is no change of the outer repository."""
    inner = Git(tmp_path / "inner")
    git("submodule", "-q", "add", str(inner.folder), "lib")
    git.commit()
    outside = repository.commit()
    monkeypatch.chdir(git.folder / "lib")
    assert (outside, repository.commit()) == (f"{git.head} (main)", f"{inner.head} (main)")


def test_a_submodule_that_cannot_be_read(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not taken for the repository around it."""
    inner = git.folder / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    around = repository.commit()
    (inner / ".git").write_text(f"gitdir: {tmp_path}/gone\n")
    assert (around, repository.commit()) == (f"{git.head} (main)", "")


def test_the_script_s_repository_counts_outside_of_any(git: Git, tmp_path: Path) -> None:
    """As where a scheduler starts it in another folder."""
    ask = "from twinkle_notifier.surroundings.repository import commit; print(commit())"
    (git.folder / "a.py").write_text(ask)
    git.commit()
    command = [sys.executable, str(git.folder / "a.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{git.head} (main)\n"


def test_outside_of_any_repository_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor in a folder that was deleted."""
    monkeypatch.chdir(tmp_path)
    outside = repository.commit()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert (outside, repository.commit()) == ("", "")


def test_a_repository_of_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commit is shown; of changes nothing is said."""
    git = Git(tmp_path / "work", "--object-format=sha256")
    monkeypatch.chdir(git.folder)
    (git.folder / "a.py").unlink()
    found, index = repository.commit(), git.folder / ".git" / "index"
    index.write_bytes(index.read_bytes()[:-32] + bytes(32))  # as git writes it if it is told to
    assert (found, repository.commit()) == (f"{git.head} (main)", f"{git.head} (main)")


# Changes

EDITS: dict[str, Callable[[Git], object]] = {
    "nothing": lambda git: None,
    "an untracked file": lambda git: (git.folder / "new.py").touch(),
    "another length": lambda git: (git.folder / "a.py").write_text("print(12)\n"),
    "the same length": lambda git: (git.folder / "pkg" / "b.py").write_text("b = 2\n"),
    "touched": lambda git: [os.utime(git.folder / name) for name in ("a.py", "pkg/b.py")],
    "written again": lambda git: (git.folder / "a.py").write_text("print(1)\n"),
    "deleted": lambda git: (git.folder / "a.py").unlink(),
    "a folder deleted": lambda git: shutil.rmtree(git.folder / "pkg"),
    "a folder in place of a file": lambda git: ((git.folder / "a.py").unlink(), (git.folder / "a.py").mkdir()),
    "a link elsewhere": lambda git: (
        (git.folder / "link").unlink(missing_ok=True),
        (git.folder / "link").symlink_to("b.py"),
    ),
    "the same link again": lambda git: (
        (git.folder / "link").unlink(missing_ok=True),
        (git.folder / "link").symlink_to("a.py"),
    ),
    "a link in place of a file": lambda git: ((git.folder / "a.py").unlink(), (git.folder / "a.py").symlink_to("link")),
    "staged": lambda git: ((git.folder / "a.py").write_text("print(2)\n"), git("add", "a.py")),
    "a new file staged": lambda git: ((git.folder / "pkg" / "c.py").touch(), git("add", "pkg/c.py")),
    "staged, in a folder that git has noted": lambda git: (
        (git.folder / "a.py").write_text("2\n"),
        git("add", "-A"),
        git("write-tree"),
    ),
    "staged and taken back": lambda git: (
        (git.folder / "a.py").write_text("2\n"),
        git("add", "-A"),
        git("reset", "-q", "--hard"),
    ),
    "deleted for git alone": lambda git: git("rm", "-q", "--cached", "a.py"),
    "about to be added": lambda git: ((git.folder / "c.py").touch(), git("add", "-N", "c.py")),
    "only git's mark is on it": lambda git: (
        git("update-index", "--assume-unchanged", "a.py"),
        (git.folder / "a.py").unlink(),
    ),
    "not checked out": lambda git: (git("update-index", "--skip-worktree", "a.py"), (git.folder / "a.py").unlink()),
    "a sparse checkout": lambda git: git("sparse-checkout", "set", "pkg"),
}
FORMS: dict[str, list[str]] = {
    "version 2": ["update-index --index-version 2"],
    "version 4": ["update-index --index-version 4"],
    "extensions": ["update-index --untracked-cache --force-write-index"],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("edit", EDITS)
def test_changes_are_those_that_git_finds(edit: str, form: str, git: Git) -> None:
    """Whatever the version of its index."""
    for command in FORMS[form]:
        git(*command.split())
    EDITS[edit](git)
    assert (repository.commit() == f"{git.head} (main){CHANGED}") is git.has_changes()
    assert repository.commit().startswith(f"{git.head} (main)")


@pytest.mark.parametrize("edit", ["print(1)\n", "print(2)\n"])
def test_an_edit_right_after_git_looked(edit: str, git: Git) -> None:
    """Of the same length, and the same time: only the content can tell."""
    now = time.time_ns()
    os.utime(git.folder / "a.py", ns=(now, now))
    git("update-index", "-q", "--refresh")
    (git.folder / "a.py").write_text(edit)
    os.utime(git.folder / "a.py", ns=(now, now))
    os.utime(git.folder / ".git" / "index", ns=(now, now))
    assert (repository.commit() == f"{git.head} (main){CHANGED}") is ("2" in edit)


def test_an_edit_that_was_taken_back(git: Git) -> None:
    """Git notes no size for a file that changed right after it had looked."""
    git("config", "core.trustctime", "false")  # else git sees the edit where the second turns between the writes
    now = time.time_ns()

    def write(text: str) -> None:
        (git.folder / "a.py").write_text(text)
        os.utime(git.folder / "a.py", ns=(now, now))

    write("print(1)\n")
    git("update-index", "-q", "--refresh")
    os.utime(git.folder / ".git" / "index", ns=(now, now))
    write("print(2)\n")
    git("update-index", "--force-write-index")
    assert "size: 0" in git("ls-files", "--debug", "a.py")
    write("print(1)\n")
    assert repository.commit() == f"{git.head} (main)"


def test_files_in_conflict(git: Git) -> None:
    """Are changes."""
    git("checkout", "-q", "-b", "other")
    for branch, text in {"other": "2\n", "main": "3\n"}.items():
        git("checkout", "-q", branch)
        (git.folder / "a.py").write_text(text)
        git.commit()
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "other")
    (git.folder / "a.py").write_text("3\n")
    assert repository.commit() == f"{git.head} (main){CHANGED}"


def test_a_copy_of_a_repository(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its files are newer than git knows, and have the content that it knows."""
    shutil.copytree(git.folder, tmp_path / "copy", symlinks=True, copy_function=shutil.copyfile)
    monkeypatch.chdir(tmp_path / "copy")
    clean = repository.commit()
    (tmp_path / "copy" / "a.py").write_text("print(2)\n")
    assert (clean, repository.commit()) == (f"{git.head} (main)", f"{git.head} (main){CHANGED}")


def a_clone(git: Git, path: Path, *options: str) -> Git:
    git("clone", "-q", *options, f"file://{git.folder}", str(path))
    return Git.of(path)


def repacked(git: Git, *options: str) -> Git:
    """At an older commit, which git keeps as the changes to a newer one."""
    for number in range(5):
        (git.folder / "a.py").write_text(f"print({number})\n")
        git("commit", "-qam", f"{number} " + " ".join(f"line {line}" for line in range(500)))
    git(*options, "repack", "-adfq", "--depth=50", "--window=50")
    git("checkout", "-q", "HEAD~3")
    git.settle()
    (pack,) = (git.folder / ".git" / "objects" / "pack").glob("*.idx")
    (line,) = [
        line for line in git("verify-pack", "-v", str(pack)).splitlines() if line.startswith(git("rev-parse", "HEAD"))
    ]
    assert len(line.split()) == 7  # with a depth and a base
    return git


def a_borrower(git: Git, path: Path) -> Git:
    git("clone", "-q", "--shared", str(git.folder), str(path))
    return Git.of(path)


def a_worktree(git: Git, path: Path) -> Git:
    git("gc", "-q")
    git("worktree", "add", "-q", str(path))
    return Git.of(path)


def a_partial_clone(git: Git, path: Path) -> Git:
    git("config", "uploadpack.allowFilter", "true")
    return a_clone(git, path, "--filter=blob:none")


def many_packs(git: Git) -> Git:
    for number in range(20):
        (git.folder / "a.py").write_text(f"print({number})\n")
        git("commit", "-qam", f"{number}")
        git("repack", "-dq")
    git.settle()
    return git


STORES: dict[str, Callable[[Git, Path], Git]] = {
    "a clone": a_clone,
    "changes, by offset": lambda git, _: repacked(git),
    "changes, by name": lambda git, _: repacked(git, "-c", "repack.useDeltaBaseOffset=false"),
    "objects of another repository": a_borrower,
    "packs of another repository": lambda git, path: a_borrower(repacked(git), path),
    "another working tree": a_worktree,
    "a partial clone": a_partial_clone,
    "a shallow clone": lambda git, path: a_clone(repacked(git), path, "--depth=1"),
    "many packs": lambda git, _: many_packs(git),
}


@pytest.mark.parametrize("form", STORES)
def test_what_was_staged_is_seen_wherever_git_keeps_the_commit(
    form: str, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As git finds it: before, when it was staged, and when it was taken back."""
    here = STORES[form](git, tmp_path / "other")
    monkeypatch.chdir(here.folder)
    name = repository.commit()
    assert not name.endswith(CHANGED)
    (here.folder / "pkg.txt").write_text("another text\n")
    here("add", "-A")
    assert (repository.commit(), here.has_changes()) == (f"{name}{CHANGED}", True)
    here("reset", "-q", "--hard")
    here.settle()
    assert (repository.commit(), here.has_changes()) == (name, False)


@pytest.mark.parametrize("kind", ["idx", "pack"])
@pytest.mark.parametrize("at", [*range(8, 2_000, 97), -40, -100])
def test_a_damaged_pack_tells_nothing(kind: str, at: int, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either the commit is still what its hash says, or nothing is said of what was staged."""
    git("gc", "-q")
    (path,) = (git.folder / ".git" / "objects" / "pack").glob(f"*.{kind}")
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 0xFF
    path.write_bytes(data)
    assert repository.commit() == f"{git.head} (main)"


@pytest.mark.parametrize("edit", ["print(1)\r\n", "print(2)\r\n"])
def test_other_line_ends_are_no_change(edit: str, git: Git) -> None:
    """Git makes them where it is told to."""
    (git.folder / ".gitattributes").write_text("*.py text eol=crlf\n")
    (git.folder / "a.py").write_bytes(b"print(1)\r\n")
    git.commit()
    (git.folder / "a.py").write_bytes(edit.encode())
    assert (repository.commit() == f"{git.head} (main){CHANGED}") is git.has_changes() is ("2" in edit)


def test_files_that_git_stores_in_another_form(git: Git) -> None:
    """As git-lfs does: their content cannot be compared, so nothing is said. The filter does not run here."""
    (git.folder / ".gitattributes").write_text("*.bin filter=big\n")
    git("config", "filter.big.clean", "tr a-z A-Z")
    git("config", "filter.big.smudge", "tr A-Z a-z")
    (git.folder / "m.bin").write_text("weights\n")
    git.commit()
    os.utime(git.folder / "m.bin")
    git("config", "filter.big.clean", "touch ran")
    assert repository.commit() == f"{git.head} (main)"
    assert not (git.folder / "ran").exists()


@pytest.mark.parametrize("form", ["update-index --split-index", "sparse-checkout set --cone --sparse-index part1"])
def test_an_index_that_is_not_all_there(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is in another file, or a folder stands for its files: the commit is shown."""
    git = Git(tmp_path / "work", others=80)
    git(*form.split())
    monkeypatch.chdir(git.folder)
    assert repository.commit() == f"{git.head} (main)"


def test_no_program_is_run(git: Git) -> None:
    """Which the settings of a repository may name."""
    for name in ("core.fsmonitor", "core.hooksPath", "diff.external", "core.pager", "core.editor", "core.sshCommand"):
        git("config", name, str(git.folder / "evil"))
    evil = git.folder / "evil"
    evil.write_text("#!/bin/sh\ntouch ran\n")
    evil.chmod(0o755)
    os.utime(git.folder / "a.py")
    assert repository.commit() != ""
    assert not (git.folder / "ran").exists()


# Bounds


def seconds() -> float:
    since = time.monotonic()
    repository.commit()
    return time.monotonic() - since


@pytest.mark.alone
def test_five_thousand_files_take_little_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if each has to be read."""
    git = Git(tmp_path / "work", others=5000)
    monkeypatch.chdir(git.folder)
    known = seconds()
    for path in git.folder.rglob("*.py"):
        os.utime(path)
    assert (known < 0.6, seconds() < 1.0) == (True, True)


def test_more_files_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of changes."""
    monkeypatch.setattr("twinkle_notifier.surroundings.git_index._ENTRIES", 50)
    git = Git(tmp_path / "work", others=60)
    monkeypatch.chdir(git.folder)
    (git.folder / "a.py").unlink()
    assert repository.commit() == f"{git.head} (main)"


def test_no_time_to_look_for_changes(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of them."""
    monkeypatch.setattr("twinkle_notifier.surroundings.repository._PATIENCE", 0.0)
    (git.folder / "a.py").unlink()
    assert repository.commit() == f"{git.head} (main)"


# What others may have put there


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def rubbish(path: Path) -> None:
    path.write_bytes(os.urandom(1 << 16))


def a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def a_long_chain(path: Path) -> None:
    path.unlink()
    for number in range(10_000):
        path.with_name(f"{path.name}-{number}").symlink_to(f"{path.name}-{number + 1}")
    path.symlink_to(f"{path.name}-0")


def a_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def much(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def lines(path: Path) -> None:
    path.write_bytes(b"\n" * 8_000_000)


@pytest.mark.linux
@pytest.mark.parametrize("harm", [a_fifo, rubbish, a_loop, a_long_chain, a_device, much, lines])
@pytest.mark.parametrize("name", ["HEAD", "index", "packed-refs", "refs/heads/main", "commondir", "object", ".git"])
def test_hostile_files_do_no_harm(
    name: str, harm: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is shown or not, soon, and nothing is raised."""
    git = Git(tmp_path / "work")
    head, folder = git("rev-parse", "HEAD"), git.folder / ".git"
    path = {"object": folder / "objects" / head[:2] / head[2:], ".git": folder}.get(name, folder / name)
    if name == ".git":
        shutil.move(folder, tmp_path / "moved")
    elif name == "object":
        path.chmod(0o600)
    path.touch()
    harm(path)
    monkeypatch.chdir(git.folder)
    since = time.monotonic()
    assert repository.commit() in ("", f"{head[:8]} (main)")
    assert time.monotonic() - since < 1


@pytest.mark.parametrize(
    "head",
    [
        "ref: refs/heads/../../../outside",
        "ref: /etc/passwd",
        "ref: refs/heads/a b\x1b[31m",
        "ref: refs/heads/loop",
        "ref: refs/heads/" + "x" * 2000,
        "0123456789abcdef" * 2,
        "gitdir: x",
        "",
    ],
)
def test_a_head_that_git_would_not_write(head: str, git: Git) -> None:
    """Stands for no commit."""
    (git.folder / "outside").write_text("0123abcd" * 5)
    (git.folder / ".git" / "HEAD").write_text(head)
    (git.folder / ".git" / "refs" / "heads" / "loop").write_text("ref: refs/heads/loop\n")
    assert repository.commit() == ""


def test_a_commit_that_grows_when_it_is_unpacked(git: Git) -> None:
    """Is unpacked no further than its beginning."""
    head = git("rev-parse", "HEAD")
    path = git.folder / ".git" / "objects" / head[:2] / head[2:]
    path.chmod(0o600)
    path.write_bytes(zlib.compress(bytes(60_000_000)))
    tracemalloc.start()
    found = repository.commit()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found, most < 5_000_000) == (f"{head[:8]} (main)", True)
