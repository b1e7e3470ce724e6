"""Which collectives this rank has entered, as torch's flight recorder has them. It asks no device and imports nothing.

The recorder is on by default from torch 2.13 on; in older ones ``TORCH_NCCL_TRACE_BUFFER_SIZE`` switches it on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import COLLECTIVES
from twinkle_notifier.runtime.rank_sets import compressed
from twinkle_notifier.runtime.stored import Stored

# Not the form with stacks: that took seconds where this one takes less than a millisecond. The second is of NCCL alone.
_DUMPS = ("_dump_fr_trace_json", "_dump_nccl_trace_json")
_BYTES = 1 << 26  # of a dump that is read
_DONE, _PENDING = 3, 4  # calls of a group that are kept: the last that are done, the first that are not
MOST = 24  # calls in all
_TEXT = 80  # characters of a name, or of the sizes


class Call(NamedTuple):
    """One collective of one process group, as this rank entered it."""

    group: str  # its name, which is the same on all of its ranks
    title: str  # what its code calls it
    members: str  # its ranks, ``0-3, 8``; empty if unknown
    number: int  # of this group's collectives, from 1 on
    name: str  # all_reduce
    dtype: str
    sizes: str  # of its tensors, ``[[4, 2]]``
    values: int  # in these tensors
    done: bool
    since: float  # when it was entered, in seconds since 1970

    @classmethod
    def load(cls, fields: Stored) -> Call:
        """As stored. Raises ValueError."""
        group, title, members = map(fields.text, ("group", "title", "members"))
        name, dtype, sizes = map(fields.text, ("name", "dtype", "sizes"))
        values, done, since = fields.count("values"), fields.flag("done"), fields.time("since")
        return cls(group, title, members, fields.count("number"), name, dtype, sizes, values, done, since)


def calls() -> list[Call] | None:
    """The last collectives of each process group, first those that are not done; None where nothing records them.

    Never raises, and takes 2 s at most.
    """
    module = sys.modules.get("torch._C._distributed_c10d")
    dumps = [dump for name in _DUMPS if callable(dump := getattr(module, name, None))]
    return isolation.call(lambda: _read(dumps), COLLECTIVES).value if dumps else None


def _read(dumps: Sequence[Callable[..., Any]]) -> list[Call] | None:
    entries: dict[tuple[object, object], dict[str, Any]] = {}
    for dump in dumps:
        text = dump()
        if len(text) < _BYTES:
            for entry in json.loads(text).get("entries") or ():
                if not entry["is_p2p"]:  # two ranks count those for themselves
                    entries[entry["process_group"][0], entry["collective_seq_id"]] = entry
    found = [_call(entry, _members()) for entry in entries.values()]
    return list(_most_telling(found)) if found else None


def _call(entry: dict[str, Any], members: dict[str, str]) -> Call:
    group, title = map(str, entry["process_group"])
    kind, _, name = str(entry["profiling_name"]).rpartition(":")
    sizes: list[list[int]] = entry.get("input_sizes") or []
    return Call(
        group=group[:_TEXT],
        title=_title(title, group)[:_TEXT],
        members=members.get(group, ""),
        number=int(entry["collective_seq_id"]),
        name=(name or kind)[:_TEXT],
        dtype=str(next(iter(entry.get("input_dtypes") or ()), ""))[:_TEXT],
        sizes=json.dumps(sizes)[:_TEXT],
        values=sum(_product(size) for size in sizes),
        done=entry["retired"] is True or entry["state"] == "completed",
        since=entry["time_created_ns"] / 1e9,
    )


def _title(title: str, group: str) -> str:
    return title if title not in ("", "undefined") else f"group {group}"


def _product(size: list[int]) -> int:
    product = 1
    for length in size:
        product *= length
    return product


def _members() -> dict[str, str]:
    """The ranks of each group, by its name, as far as torch's own table can be read."""
    world: Any = getattr(sys.modules.get("torch.distributed.distributed_c10d"), "_world", None)

    def read() -> dict[str, str]:
        return {str(world.pg_names[group]): compressed(ranks) for group, ranks in world.pg_group_ranks.items()}

    return isolation.tried(read).value or {}


def _most_telling(found: list[Call]) -> Iterator[Call]:
    """The calls that say most about a stall, `MOST` of them at most: if there are fewer, no group is missing."""
    groups: dict[str, list[Call]] = {}
    for call in sorted(found, key=lambda call: call.number):
        groups.setdefault(call.group, []).append(call)
    # First the groups in which something waits, then those that were used last.
    ordered = sorted(groups.values(), key=lambda calls: (all(call.done for call in calls), -calls[-1].since))
    kept = [call for calls in ordered for call in _of_group(calls)]
    last = [calls[-1] for calls in ordered]  # a group without a call would be one that this rank has not entered
    chosen = list(dict.fromkeys([*kept[: _DONE + _PENDING + 1], *last, *kept]))[:MOST]
    yield from (call for call in kept if call in chosen)


def _of_group(calls: list[Call]) -> list[Call]:
    """The first that are not done, those before them, and the last."""
    pending = next((at for at, call in enumerate(calls) if not call.done), len(calls))
    kept = calls[max(0, pending - _DONE) : pending + _PENDING]
    return kept if kept[-1:] == calls[-1:] else [*kept, calls[-1]]
