"""Sets of ranks in few words: ``0-3, 8``; as members of a claim ``3@host``, or ``0-7@host`` for ranks without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

FOLLOWER = "~"  # before those that met only what follows from the incident


def written(ranks: Iterable[int], host: str) -> Iterator[str]:
    """One member for each of the runs in `ranks`, all of one host, whose name may be any bytes."""
    host = host.encode("ascii", "backslashreplace").decode("ascii").replace("/", r"\x2f")
    for first, last in runs(ranks):
        yield f"{first}@{host}" if first == last else f"{first}-{last}@{host}"


def ranks(member: str) -> range:
    """Whom `member` stands for."""
    first, _, last = member.removeprefix(FOLLOWER).partition("@")[0].partition("-")
    return range(int(first), int(last or first) + 1)


def all_ranks(members: Iterable[str]) -> set[int]:
    """Whom `members` stand for."""
    return {rank for member in members for rank in ranks(member)}


def runs(ranks: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last of each run of `ranks` without a gap, in order."""
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
