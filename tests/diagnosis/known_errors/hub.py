"""The Hub, proxies and the network: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case

CASES: dict[str, Case] = {}
