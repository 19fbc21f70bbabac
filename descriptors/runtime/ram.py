"""How much of the machine's own memory is free."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_GROUPS = {
    "": ("/sys/fs/cgroup", "memory.max", "memory.current"),
    "memory": ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
}
"""By controller: where Linux keeps control groups (versions 2 and 1), their limit and use."""


def free_ram() -> int:
    """How many bytes this process can still allocate, within every limit that it is under.

    The cache of files counts as free.
    """
    left: list[int] = [psutil.virtual_memory().available + psutil.swap_memory().free]
    process = psutil.Process()
    if hasattr(process, "rlimit") and process.rlimit(psutil.RLIMIT_AS)[0] != psutil.RLIM_INFINITY:
        left.append(process.rlimit(psutil.RLIMIT_AS)[0] - process.memory_info().vms)
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controller, place = line.split(":", 2)
            if controller in _GROUPS:
                left += left_in_groups(place, *_GROUPS[controller])
    return max(0, min(left))


def left_in_groups(place: str, root: str, limit: str, usage: str) -> Iterator[int]:
    """What a control group, and each of those around it that has a limit, leaves, in bytes."""
    # Within a container the place may be its name outside, where only the root can be seen.
    for folder in (Path(root + place), *Path(root + place).parents):
        # A group without a limit says "max"; beyond the root there is no such file.
        with suppress(OSError, ValueError):
            most, used = (int((folder / name).read_text()) for name in (limit, usage))
            lines = (folder / "memory.stat").read_text().splitlines()
            # In version 1 the names without "total_" leave out the groups within, and come first.
            parts = {key.removeprefix("total_"): int(n) for key, n in map(str.split, lines)}
            yield most - used + parts["active_file"] + parts["inactive_file"]
