"""Sets of ranks as short texts: ``0-3, 8`` for people; ``3@host`` or ``0-7@host`` as members of a claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

FOLLOWER: str = "~"  # begins a member that met only a secondary error
_MOST = 1 << 20  # ranks: no run has as many, whatever another process has written


def written(ranks: Iterable[int], host: str) -> Iterator[str]:
    """The members of a claim for `ranks`, which are all on `host`: one for each series without a gap."""
    host = host.encode("ascii", "backslashreplace").decode("ascii").replace("/", r"\x2f")
    for first, last in runs(ranks):
        yield f"{first}@{host}" if first == last else f"{first}-{last}@{host}"


def ranks(member: str) -> range:
    """The ranks that `member` names."""
    first, dash, last = member.removeprefix(FOLLOWER).partition("@")[0].partition("-")
    return range(int(first), min(int(last if dash else first) + 1, _MOST))


def all_ranks(members: Iterable[str]) -> set[int]:
    """The ranks that `members` name."""
    return {rank for member in members for rank in ranks(member)}


def runs(ranks: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last rank of each series in `ranks` that has no gap, in order."""
    found: list[tuple[int, int]] = []
    for rank in sorted(set(ranks)):
        if found and rank == found[-1][1] + 1:
            found[-1] = (found[-1][0], rank)
        else:
            found.append((rank, rank))
    return found


def compressed(ranks: Iterable[int]) -> str:
    """``0-3, 8, 10-11``."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs(ranks))


def parsed(text: str, world_size: int) -> set[int]:
    """The ranks below `world_size` in what `compressed` made; raises ValueError for anything else."""
    found, end = set[int](), 0
    for series in sorted(map(ranks, text.split(", ")), key=lambda series: series.start) if text else ():
        found.update(range(max(series.start, end), min(series.stop, world_size)))
        end = max(end, series.stop)  # none is looked at twice, however the series overlap
    return found
