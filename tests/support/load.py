"""People who sign in and staff who write, all at once, for as long as a test breaks things under them."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import aiohttp
from support.visits import SLUG, Answer, Api, Visit, begin

TRIES: Final = 200
PAUSE_S: Final = 0.05
KNOWN: Final = 4

Json = dict[str, Any]


@dataclass
class Load:
    """What was tried, and what was answered. A lost connection or a 503 is tried again, as people and programs do."""

    http: aiohttp.ClientSession
    api: Api
    url: str
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    visits: list[tuple[str, Visit]] = field(default_factory=list)
    signed_in: list[tuple[str, Answer]] = field(default_factory=list)
    acknowledged: list[Json] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    stopping: bool = False
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def person(self, known: str) -> None:
        """Sign in without end: in turn a known member, and somebody whom nobody has seen before."""
        while not self.stopping:
            for name in (known, f"new-{next(self._numbers)}"):
                await self._sign_in(name)

    async def _sign_in(self, name: str) -> None:
        visit = await self._begin(name)
        if visit is None:
            return
        self.visits.append((name, visit))
        for _ in range(TRIES):
            answer = await self._come_back(visit)
            if answer is not None and answer.status != 503:
                if answer.session is not None:
                    self.signed_in.append((name, answer))
                elif answer.status != 400:
                    self.unexpected.append(f"callback {answer.status}: {answer.text[:300]}")
                return
            if self.stopping:
                return
            await asyncio.sleep(PAUSE_S)

    async def _begin(self, name: str) -> Visit | None:
        while not self.stopping:
            try:
                visit = await begin(self.http, self.url, name)
            except (aiohttp.ClientError, TimeoutError):
                self.lost += 1
            except aiohttp.web.HTTPException as refused:
                self.statuses[int(refused.reason)] += 1
            else:
                self.statuses[302] += 1
                return visit
            await asyncio.sleep(PAUSE_S)
        return None

    async def _come_back(self, visit: Visit) -> Answer | None:
        try:
            answer = await visit.come_back(self.http, self.url)
        except (aiohttp.ClientError, TimeoutError):
            self.lost += 1
            return None
        self.statuses[answer.status] += 1
        return answer

    async def writer(self, domain: str) -> None:
        """Add a domain and remove it, without end; a write whose answer was lost is sent again under its key."""
        while not self.stopping:
            for kind in ("DomainAdded", "DomainRemoved"):
                await self._write({"type": kind, "data": {"domain": domain}, "reason": "a test under load"})

    async def _write(self, event: Json) -> None:
        key = str(uuid4())
        for _ in range(TRIES):
            try:
                status, told = await self.api.call(
                    "POST", f"{self.url}/api/v1/workspaces/{SLUG}/events", event, Idempotency_Key=key
                )
            except (aiohttp.ClientError, TimeoutError):
                self.lost += 1
            else:
                self.statuses[status] += 1
                if status == 201:
                    self.acknowledged += told["events"]
                    return
                if status != 503:
                    self.unexpected.append(f"write {status}: {told}")
                    return
            await asyncio.sleep(PAUSE_S)
        self.unexpected.append("a write was never answered")

    async def goes_on(self, steps: int, within_s: float) -> None:
        """Wait until so many more sign-ins and writes have been granted."""
        wanted = len(self.signed_in) + len(self.acknowledged) + steps
        async with asyncio.timeout(within_s):
            while len(self.signed_in) + len(self.acknowledged) < wanted:  # noqa: ASYNC110  many tasks take the steps
                await asyncio.sleep(PAUSE_S / 2)


@asynccontextmanager
async def load(http: aiohttp.ClientSession, api: Api, url: str) -> AsyncIterator[Load]:
    """Keep four people and two members of staff at it for as long as the context lasts."""
    made = Load(http, api, url)
    people = [made.person(f"ada-{number}") for number in range(KNOWN)]
    staff = [made.writer(f"grace-{number}.example") for number in range(2)]
    tasks = [asyncio.create_task(work) for work in (*people, *staff)]
    try:
        yield made
    finally:
        made.stopping = True
        await asyncio.gather(*tasks)
