"""Which pictures docs/pictures has, and of which golden alerts they were made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"
PICTURES = ROOT / "docs/pictures"
MANIFEST = PICTURES / "made_of.json"
KINDS = ("crash", "stall", "end", "digest")
CHATS = ("DingTalk", "Feishu", "WeCom", "Slack")
LANGUAGES = ("en", "zh")
LIMIT, PAGE_LIMIT = 40_000, 80_000  # bytes of a picture


def golden(kind: str, language: str) -> Path:
    """The golden alert of a picture, as all chats have accepted it."""
    return GOLDEN / f"chats_{kind}{'_zh' if language == 'zh' else ''}.md"


def picture(chat: str, kind: str, language: str) -> Path:
    return PICTURES / f"{chat.lower()}_{kind}_{language}.webp"


def page_picture(language: str) -> Path:
    return PICTURES / f"inbox_{language}.webp"


def made_of() -> dict[str, str]:
    """Each golden alert, what draws it, and each picture, by what is in it now."""
    files = [golden(kind, language) for kind in KINDS for language in LANGUAGES]
    files += sorted((ROOT / "twinkle_notifier/inbox/static").iterdir()) + sorted(PICTURES.glob("*.webp"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files}


def write() -> None:
    MANIFEST.write_text(json.dumps(made_of(), indent=2) + "\n")
