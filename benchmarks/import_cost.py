"""What it costs to import this package and each peer, over bare Python: milliseconds, and memory of the process's own."""

from __future__ import annotations

import subprocess

from lab import HERE, Options, environment, progress, seconds_of, spread, table

_READY = "DingNotifier('https://oapi.dingtalk.com/robot/send?access_token=x')"
_TWINKLE = f"import sys; sys.path.insert(0, {str(HERE)!r}); import peers; peers.twinkle_kit('http://localhost')"
_CODE = {
    "import twinkle_notifier": "import twinkle_notifier",
    "from twinkle_notifier import DingNotifier, notify_exception": "from twinkle_notifier import DingNotifier, "
    "notify_exception",
    "the same, and a DingNotifier made: ready for a crash": "from twinkle_notifier import DingNotifier, "
    f"notify_exception; {_READY}",
    "import requests": "import requests",
    "twinkle-kit: its notifier's own files": _TWINKLE,
    "import knockknock": "import knockknock",
    "import apprise": "import apprise",
    "import sentry_sdk": "import sentry_sdk",
}
_OWN_MEMORY = "\nprint(sum(int(l.split()[1]) for l in open('/proc/self/smaps_rollup') if l.startswith('Pss:')))"
_OVER = 10  # the slowest imports, a line each


def run(options: Options) -> str:
    """The table of all, and where the time of ours goes."""
    progress("import")
    seconds: dict[str, list[float]] = {name: [] for name in _CODE}
    memory: dict[str, list[float]] = {name: [] for name in _CODE}
    for number in range(options.times + 1):  # the first round fills the file caches
        bare, bare_memory = seconds_of([options.peers, "-c", "pass"]), _memory(options, "pass")
        for name, code in _CODE.items():
            took = seconds_of([options.peers, "-c", code]) - bare
            if number:
                seconds[name].append(took)
                memory[name].append(_memory(options, code) - bare_memory)
    rows = [(name, spread(seconds[name], 1000), spread(memory[name], 1 / 1024)) for name in _CODE]
    return f"{table(('', 'ms over bare Python', 'MB over bare Python'), rows)}\n\n{_longest(options)}"


def _memory(options: Options, code: str) -> float:
    """KB of a process after `code`; what it shares with others counts in part."""
    done = subprocess.run(
        [options.peers, "-c", code + _OWN_MEMORY],
        env=environment(),
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])


def _longest(options: Options) -> str:
    """The modules that take longest, by ``-X importtime``."""
    code = "from twinkle_notifier import DingNotifier, notify_exception"
    done = subprocess.run(
        [options.peers, "-X", "importtime", "-c", code],
        env=environment(),
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line]
    own = [(int(line[0]), line[2].strip()) for line in lines[1:]]
    after_site = own[next(i for i, (_, name) in enumerate(own) if name == "site") + 1 :]
    longest = sorted(after_site, reverse=True)[:_OVER]
    return (
        "The longest, in ms of its own: " + ", ".join(f"`{name}` {micros / 1000:.1f}" for micros, name in longest) + "."
    )
