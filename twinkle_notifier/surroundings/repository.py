"""The commit of the code that runs, read from the files of its git repository. git itself is not started.

No setting is read: some name programs. What is wrong, too long or of another form than git's is left out.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.surroundings import files, git_index, git_objects, program

_PATIENCE = 0.5  # seconds to look for changes
_DEEP = 64  # folders upwards
_SHORT = 4096  # bytes of HEAD, of a ref, of a file that names a folder
_PACKED = 8 << 20  # bytes of all refs in one file
_SYMBOLIC = 5  # refs that name another
_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_SHA1 = 40  # digits
_REF = re.compile(r"ref:[ \t]*(refs/(?!.*\.\.)[^\x00-\x20~^:?*\[\\\x7f]{1,200})")
_TREE = re.compile(rb"tree ([0-9a-f]{40})\n")


class _Repository(NamedTuple):
    """Its working tree, git's folder of that, and the folder that it shares with other working trees."""

    root: str
    folder: str
    common: str
    head: str


def commit() -> str:
    """The commit, its branch and whether tracked files differ: ``a1b2c3d4 (main), with uncommitted changes``.

    Of the repository of the working folder, else of the script's; empty if neither is in one. Where it is not sure that
    files differ nothing is said of changes.
    """
    for place in (program.folder, program.script_folder):
        folder = isolation.tried(place).value
        found = _around(folder) if folder else None
        if found is not None:
            return _described(found)
    return ""


def _around(folder: str) -> _Repository | None:
    """The innermost repository that `folder` is in."""
    for _ in range(_DEEP):
        with suppress(OSError, ValueError):
            return _opened(folder)
        if os.path.isfile(os.path.join(folder, ".git")):
            break  # of a repository that cannot be read: one around it is another
        if (parent := os.path.dirname(folder)) == folder:
            break
        folder = parent
    return None


def _opened(root: str) -> _Repository:
    """The repository of the working tree `root`. Raises OSError or ValueError if there is none."""
    folder = os.path.join(root, ".git")
    if not os.path.isdir(folder):  # of a submodule, or of another working tree
        kind, _, path = files.text(folder, _SHORT).partition(":")
        if kind != "gitdir":
            raise ValueError("it names no folder")
        folder = os.path.join(root, path.strip())
    head, common = files.text(os.path.join(folder, "HEAD"), _SHORT), folder
    with suppress(OSError):
        common = os.path.join(folder, files.text(os.path.join(folder, "commondir"), _SHORT))
    return _Repository(root, folder, common, head)


def _described(repository: _Repository) -> str:
    commit, branch = _resolved(repository)
    if not commit:
        return ""
    named = f"{commit[:8]} ({branch})" if branch else commit[:8]
    has_changes = isolation.tried(lambda: _has_changes(repository, commit)).value is True
    return f"{named}, with uncommitted changes" if has_changes else named


def _resolved(repository: _Repository) -> tuple[str, str]:
    """The commit that HEAD stands for, and the branch; the first is empty if there is none yet."""
    value, branch = repository.head, ""
    for _ in range(_SYMBOLIC):
        if _HASH.fullmatch(value):
            return value, branch
        if (ref := _REF.fullmatch(value)) is None:
            break
        branch = branch or ref[1].removeprefix("refs/heads/")
        value = next(_values(repository, ref[1]), "")
    return "", ""


def _values(repository: _Repository, ref: str) -> Iterator[str]:
    """What `ref` is, from all places where it may stand, the one that counts first."""
    for folder in (repository.folder, repository.common):
        with suppress(OSError, ValueError):
            yield files.text(os.path.join(folder, ref), _SHORT)
    with suppress(OSError, ValueError):
        lines = b"\n" + files.read(os.path.join(repository.common, "packed-refs"), _PACKED) + b"\n"
        end = lines.find(b" %s\n" % os.fsencode(ref))
        if end >= 0:
            yield lines[lines.rindex(b"\n", 0, end) + 1 : end].decode("ascii")


def _has_changes(repository: _Repository, commit: str) -> bool:
    """Whether tracked files differ from `commit`. Raises any error where that is not known."""
    if len(commit) != _SHA1:
        return False
    until = time.monotonic() + _PATIENCE
    index = git_index.read(os.path.join(repository.folder, "index"), until)
    with suppress(OSError, ValueError):
        if _tree(repository, commit, until) != index.tree(until):
            return True
    attributes = os.path.join(repository.common, "info", "attributes")
    return git_index.differs(index, os.fsencode(repository.root), os.fsencode(attributes), until)


def _tree(repository: _Repository, commit: str, until: float) -> bytes:
    """The tree of a commit. Raises ValueError if it is not known."""
    store = os.path.join(repository.common, "objects")
    found = _TREE.match(git_objects.commit(store, bytes.fromhex(commit), until))
    if found is None:
        raise ValueError("it is no commit")
    return bytes.fromhex(found[1].decode("ascii"))
