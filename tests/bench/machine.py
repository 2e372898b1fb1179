"""What a figure was measured on, and what processes have used."""

import os
import platform
import re
import sys
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def describe_machine() -> dict[str, object]:
    """Return processor, cores, memory (GiB), system and interpreter: what has to stand beside any figure."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "processor": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory.group(1)) / 2**20) if memory else None,
        "system": platform.platform(),
        # With its build: one without profile-guided optimisation takes half as long again for the same Python code.
        "python": f"{sys.version} at {sys.base_prefix}",
    }


def descendants(pid: int) -> list[int]:
    """Return ``pid`` and all processes below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        queue += children.get(current, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return user and system CPU seconds that these processes have used so far (ended children included)."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def peak_memory_mib(pid: int | None = None) -> float:
    """Return the largest resident size of a process (this one, if none is named) so far, in MiB."""
    found = re.search(r"^VmHWM:\s*(\d+) kB", Path(f"/proc/{pid or 'self'}/status").read_text(), re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0
