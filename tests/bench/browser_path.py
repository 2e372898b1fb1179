"""The browser path: initiate against a bare redirect, and the CPU of a whole sign-in."""

import asyncio
import re
import statistics
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp
from bench.cheap_provider import code_for
from bench.machine import cpu_seconds, descendants

REQUESTS_PER_SECOND = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
NOT_2XX_3XX = re.compile(r"Non-2xx or 3xx responses:\s+(\d+)")


async def requests_per_second(url: str, *, seconds: int, connections: int = 32) -> float:
    """Load ``url`` with wrk from one thread and return the requests per second; any error answer fails the run."""
    process = await asyncio.create_subprocess_exec(
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url, stdout=asyncio.subprocess.PIPE
    )
    output = (await process.communicate())[0].decode()
    found = REQUESTS_PER_SECOND.search(output)
    if not found or NOT_2XX_3XX.search(output):
        raise RuntimeError(output)
    return float(found.group(1))


async def initiate_ratio(floor_url: str, initiate_url: str, *, rounds: int, seconds: int) -> dict[str, float]:
    """Measure floor and initiate in turn, and return the medians and the median of the paired ratios."""
    pairs = []
    for url in (floor_url, initiate_url):
        await requests_per_second(url, seconds=1)
    for _ in range(rounds):
        floor = await requests_per_second(floor_url, seconds=seconds)
        pairs.append((floor, await requests_per_second(initiate_url, seconds=seconds)))
    return {
        "floor_rps": statistics.median(floor for floor, _ in pairs),
        "initiate_rps": statistics.median(initiate for _, initiate in pairs),
        "ratio": statistics.median(initiate / floor for floor, initiate in pairs),
    }


@dataclass(frozen=True)
class SignInCost:
    """CPU that one sign-in takes, in milliseconds, and how many a second one worker completed."""

    service_ms: float
    database_ms: float
    per_second: float

    @property
    def total_ms(self) -> float:
        """Service and database together."""
        return self.service_ms + self.database_ms


async def sign_in(session: aiohttp.ClientSession, base_url: str, slug: str, person: tuple[str, str]) -> None:
    """Run one whole sign-in of a browser without cookies; raises when it does not end in a session."""
    async with session.get(f"{base_url}/api/sso/initiate/{slug}", allow_redirects=False) as started:
        query = parse_qs(urlsplit(started.headers["Location"]).query)
        cookies = "; ".join(value.split(";", 1)[0] for value in started.headers.getall("Set-Cookie"))
    callback = {"code": code_for(*person, query["nonce"][0]), "state": query["state"][0]}
    async with session.get(
        f"{base_url}/api/sso/callback/{slug}", params=callback, headers={"Cookie": cookies}, allow_redirects=False
    ) as ended:
        if ended.status not in {302, 303} or "session" not in str(ended.headers.getall("Set-Cookie", [])):
            raise RuntimeError(f"{ended.status}: {(await ended.text())[:2000]}")


async def sign_in_cost(
    base_url: str,
    slug: str,
    people: list[tuple[str, str]],
    *,
    count: int,
    service_pid: int,
    database_pid: int,
    concurrency: int = 32,
) -> SignInCost:
    """Sign known members in ``count`` times and account the CPU of the service and of PostgreSQL."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for person in people:
            await sign_in(session, base_url, slug, person)
        service, database = [service_pid], descendants(database_pid)
        before = cpu_seconds(service), cpu_seconds(database)
        started = time.perf_counter()
        numbers = iter(range(count))

        async def visitor() -> None:
            for number in numbers:
                await sign_in(session, base_url, slug, people[number % len(people)])

        await asyncio.gather(*(visitor() for _ in range(concurrency)))
        elapsed = time.perf_counter() - started
        after = cpu_seconds(service), cpu_seconds(descendants(database_pid))
    return SignInCost(
        service_ms=(after[0] - before[0]) / count * 1000,
        database_ms=(after[1] - before[1]) / count * 1000,
        per_second=count / elapsed,
    )
