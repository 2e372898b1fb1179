"""``make bench``: measures the browser path, the append path and the replay, each against a floor of the same run.

Prints a table of ratios and writes ``bench.json``. ``--quick`` takes a tenth of the time and says less.
"""

import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import asyncpg  # noqa: E402 - after the path
import uvloop  # noqa: E402
from bench import appending, browser_path, growing, proving, replaying  # noqa: E402
from bench.machine import describe_machine, peak_memory_mib  # noqa: E402
from bench.service_under_load import SLUG, Running, running  # noqa: E402
from pydantic import SecretStr  # noqa: E402

from service.db import open_pool  # noqa: E402

RESULT = Path("bench.json")
SIGN_IN_LIMIT_MS = 1.2


async def measure(directory: Path, *, quick: bool) -> dict[str, Any]:
    """Run everything and return the figures."""
    seconds, rounds = (2, 1) if quick else (5, 3)
    result: dict[str, Any] = {"machine": describe_machine()}
    async with running(directory) as service:
        here, there = proving.place_of(service, "keyledger"), proving.place_of(service, "replayed")
        print("initiate against a bare redirect ...", flush=True)
        initiate = f"{service.base_url}/api/sso/initiate/{SLUG}"
        result["initiate"] = await browser_path.initiate_ratio(
            service.floor_url, initiate, rounds=rounds, seconds=seconds
        )
        print("whole sign-ins ...", flush=True)
        people = [(f"00u{number}", f"person{number}@acme.example") for number in range(20)]
        signed_in = await growing.measure_sign_in(service, people, 500 if quick else 4000)
        result["sign_in"] = {**asdict(signed_in), "total_ms": signed_in.total_ms}
        result["append"] = await appends(service, rounds=1 if quick else 11)
        print("replay and fold ...", flush=True)
        result["replay"] = await replay(service, events=100_000 if quick else 1_000_000, rounds=rounds)
        print("verbs over the whole log ...", flush=True)
        result["proof"] = {
            "history": [asdict(one) async for one in proving.over_one_history(here, directory)],
            "log": [asdict(one) async for one in proving.over_the_log(there, proving.WHOLE_LOG)],
        }
        print("growth ...", flush=True)
        sizes = [100, 1_000, 10_000] if quick else [100, 10_000, 1_000_000]
        result["growth"] = [
            asdict(cost) async for cost in growing.costs(service, sizes, sign_ins=500 if quick else 3000)
        ]
        print("verbs over many workspaces ...", flush=True)
        result["proof"]["many_workspaces"] = [
            asdict(one) async for one in proving.over_the_log(here, proving.MANY_WORKSPACES)
        ]
        result["service_peak_mib"] = peak_memory_mib(service.service_pid)
    return result


async def appends(service: Running, *, rounds: int) -> dict[str, Any]:
    """Measure the append path with one writer and with 32, in many short turns: the pace changes by the second."""
    result = {}
    async with open_pool(SecretStr(service.runtime_url), size=33) as pool:
        for writers in (1, 32):
            print(f"appends, {writers} writers ...", flush=True)
            figures = await appending.append_ratio(
                pool, service.owner_url, writers=writers, rounds=rounds, seconds=2, tag=f"w{writers}"
            )
            result[str(writers)] = asdict(figures)
    return result


async def replay(service: Running, *, events: int, rounds: int) -> dict[str, Any]:
    """Measure on a database of its own in the same server: its log has only the filled events."""
    superuser = await asyncpg.connect(service.superuser_url)
    await superuser.execute("create database replayed owner keyledger_owner")
    await superuser.close()
    owner, runtime, filler = (
        url.replace("/keyledger?", "/replayed?")
        for url in (service.owner_url, service.runtime_url, service.superuser_url)
    )
    return asdict(await replaying.on_fresh_log(owner, runtime, filler, events=events, rounds=rounds))


def table(result: dict[str, Any]) -> str:
    """Return the figures as the table that the README quotes."""
    initiate, sign_in, one, many = (
        result["initiate"],
        result["sign_in"],
        result["append"]["1"],
        result["append"]["32"],
    )
    replayed, growth = result["replay"], result["growth"]
    rows = [
        ("what", "figure", "floor of the same run", "ratio"),
        ("---", "---:", "---:", "---:"),
        (
            "initiate, everything on",
            f"{initiate['initiate_rps']:,.0f}/s",
            f"bare aiohttp 302: {initiate['floor_rps']:,.0f}/s",
            f"{initiate['ratio']:.2f}",
        ),
        (
            "whole sign-in",
            f"{sign_in['total_ms']:.2f} ms CPU",
            f"service {sign_in['service_ms']:.2f}, PostgreSQL {sign_in['database_ms']:.2f}",
            f"limit {SIGN_IN_LIMIT_MS}",
        ),
        *(
            (
                f"append, {writers} writer{'' if writers == 1 else 's'}",
                f"{figures['appends_per_second']:,.0f}/s",
                f"pgbench plain insert: {figures['floor_per_second']:,.0f}/s",
                f"{figures['ratio']:.2f}",
            )
            for writers, figures in ((1, one), (32, many))
        ),
        (
            f"replay and fold of {replayed['events']:,} events",
            f"{replayed['fold_seconds']:.2f} s, {replayed['peak_mib']:.0f} MiB",
            f"COPY to /dev/null: {replayed['copy_seconds']:.2f} s",
            f"{replayed['ratio']:.2f}",
        ),
        *(proof_row(one) for one in (*result["proof"]["log"], *result["proof"]["history"])),
        *(proof_row(one, " of many workspaces") for one in result["proof"]["many_workspaces"]),
        *(
            (
                f"with {cost['workspaces']:,} workspaces",
                f"append {cost['append_database_ms']:.2f} ms in PostgreSQL",
                f"sign-in {cost['sign_in_service_ms'] + cost['sign_in_database_ms']:.2f} ms",
                f"{cost['append_database_ms'] / growth[0]['append_database_ms']:.2f}",
            )
            for cost in growth
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def proof_row(one: dict[str, Any], which: str = "") -> tuple[str, str, str, str]:
    """Return the row of a verb that reads the log."""
    return (
        f"`{one['verb']}`, {one['events']:,} events{which}",
        f"{one['events_per_second']:,.0f}/s, {one['seconds']:.1f} s, {one['peak_mib']:.0f} MiB",
        f"COPY to /dev/null: {one['copy_seconds']:.2f} s",
        f"{one['ratio']:.3f}",
    )


def main() -> None:
    """Measure, print the table and write the file."""
    directory = Path(tempfile.mkdtemp(prefix="keyledger-bench-"))
    directory.chmod(0o711)
    try:
        result = uvloop.run(measure(directory, quick="--quick" in sys.argv))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    machine = result["machine"]
    print(f"\n{machine['processor']}, {machine['cores']} cores, {machine['system']}\nPython {machine['python']}\n")
    print(table(result))
    print(f"\nPeak memory of the service: {result['service_peak_mib']:.0f} MiB. All figures are in {RESULT}.")


if __name__ == "__main__":
    main()
