"""Whether this instance may be sent requests: what it depends on answers, and it is not about to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from service.db import TROUBLE

PROBE_TIMEOUT_S: Final = 2.0

Probe = Callable[[], Awaitable[Mapping[str, object]]]
"""Looks at one part and answers ``{"ok": bool, ...}``. With ``"optional": True`` the part is not required."""


@dataclass
class Readiness:
    """The parts, by name, and whether the instance is finishing its last requests."""

    probes: dict[str, Probe] = field(default_factory=dict)
    draining: bool = False

    async def judge(self) -> tuple[bool, dict[str, Mapping[str, object]]]:
        """Ask all parts at once, each for two seconds at most. Returns whether to send requests here, and why."""
        answers = await asyncio.gather(*(_asked(probe) for probe in self.probes.values()))
        checks = dict(zip(self.probes, answers, strict=True))
        ready = all(check["ok"] or check.get("optional") for check in checks.values())
        return ready and not self.draining, checks


async def _asked(probe: Probe) -> Mapping[str, object]:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await probe()
    except TROUBLE as error:
        return {"ok": False, "problem": type(error).__name__}
