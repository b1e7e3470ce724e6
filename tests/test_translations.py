"""Each translated page keeps step with the English one: NAME.zh.md with NAME.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import TRANSLATIONS, anchors


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.stem)
def test_a_translation_keeps_step(page: Path) -> None:
    """With the English page: so links lead to both, nothing is missing in one, and no example needs to run twice."""
    english = page.with_name(page.name.replace(".zh.", "."))
    if page.parent.name == "docs":
        assert anchors(page)[1:] == anchors(english)[1:]  # the first is the page itself
    else:  # in a README {#anchor} would be shown as it is
        assert len(anchors(page)) == len(anchors(english))
    assert code(page) == code(english)
    assert tables(page) == tables(english)
    if english.name != "diagnosis.md":  # a rule says in each language what it says
        assert figures(page) == figures(english)


def code(page: Path) -> list[tuple[str, list[str]]]:
    """Each block, also in a quotation, and its language, as far as it is the same in each language."""
    found = re.findall(r"^(?:> )?```(\w*)\n(.*?)^(?:> )?```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [(language, untranslated(language, block)) for language, block in found]


def untranslated(language: str, block: str) -> list[str]:
    """Code without its comments. Of what is printed, only that there is a line."""
    if language in ("python", "py"):
        return [ast.dump(ast.parse(block))]
    printed = {"text": ".*", "log": ".*", "console": r"(?!\w*\$ ).*"}.get(language, "(?!)")
    return ["" if re.fullmatch(printed, line) else re.sub(r"\s*(?<!\S)# .*", "", line) for line in block.splitlines()]


def tables(page: Path) -> list[list[int]]:
    """Each table: the number of cells of each of its rows."""
    found = re.findall(r"(?:^\|.*\n)+", uncoded(page), re.MULTILINE)
    return [[len(cells(row)) for row in table.splitlines()] for table in found]


def figures(page: Path) -> list[list[list[str]]]:
    """The numbers of each cell of each row, sorted: a language may name them in another order."""
    rows = re.findall(r"^\|.*", uncoded(page), re.MULTILINE)
    return [[sorted(re.findall(r"\d+(?:[.,]\d+)*", cell)) for cell in cells(row)] for row in rows]


def uncoded(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.M)


def cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)\|", row)[1:-1]


PAGE = """# Runs

## Start {#start}

| what | why |
|---|---|
| `a \\| b` | the first |
| 2.5 of 1,024 | the next |

```console
$ twinkle-notifier check    # sends a test
it was sent
```

```python
print("once")  # the first time
```

```sh
#SBATCH --nodes=2
export A=1  # of each
```

```text
sft failed
```

> ```
>   File "train.py", line 8
> ```
"""


@pytest.mark.parametrize(
    ("was", "now", "sees"),
    [
        ("Start {", "开始 {", []),
        ("{#start}", "{#begin}", [anchors]),
        ("the first |", "第一个 |", []),
        ("| `a", "| one more | |\n| `a", [figures, tables]),
        ("2.5 of 1,024", "1,024 个中的 2.5 个", []),
        ("2.5", "2.6", [figures]),
        ("1,024", "1024", [figures]),
        ("# sends a test", "# 发送测试消息", []),
        ("it was sent", "已发送", []),
        ("it was sent", "已发送\n完成", [code]),
        ("check ", "send ", [code]),
        ("# the first time", "# 第一次", []),
        ("once", "twice", [code]),
        ("nodes=2", "nodes=3", [code]),
        ("A=1  # of each", "A=1  # 每个", []),
        ("A=1", "A=2", [code]),
        ("sft failed", "sft 失败", []),
        ("line 8", "line 9", [code]),
        ("```text\nsft failed\n```\n", "", [code]),
    ],
)
def test_a_page_that_falls_behind_is_seen(
    was: str, now: str, sees: list[Callable[[Path], Any]], tmp_path: Path
) -> None:
    """The looks of the test above tell a change from a translation."""
    page, other = tmp_path / "page.md", tmp_path / "page.zh.md"
    page.write_text(PAGE)
    other.write_text(PAGE.replace(was, now, 1))
    assert other.read_text() != PAGE
    assert [look for look in (anchors, code, figures, tables) if look(page) != look(other)] == sees
