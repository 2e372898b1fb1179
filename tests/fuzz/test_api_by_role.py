"""The management API under generated requests by everybody who may hold a token, and by those who hold none."""

import asyncio
from typing import Any, Final

import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from support.fuzzing import TIMES
from support.management import Management
from support.probing import probe

EXAMPLES: Final = 2 * TIMES
CHECKS: Final = [not_a_server_error, status_code_conformance, response_schema_conformance]
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
STRANGERS: Final = {
    "no token": {},
    "a made-up token": {"Authorization": "Bearer klt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "another scheme": {"Authorization": "Basic YWRhOmFkYQ=="},
    "no scheme": {"Authorization": "\x80klt_"},
}


def attempts(base: str, headers: dict[str, str], seen: list[tuple[str, int]]) -> list[str]:
    """Send generated requests to every operation. Return what did not hold; ``seen`` gets each method and status."""

    def attempt(case: Any) -> None:
        # Each from an address of its own: one that guesses tokens is soon told to wait.
        own = {"X-Test-Address": f"2001:db8:{len(seen):x}::1"}
        answer = case.call(headers=headers | own, timeout=20)
        seen.append((case.method.upper(), answer.status_code))
        case.validate_response(answer, checks=CHECKS, headers=headers)

    modes = (schemathesis.GenerationMode.POSITIVE,)
    return probe(base, attempt, examples=EXAMPLES, modes=modes, derandomize=TIMES == 1)


async def asked(api: Management, headers: dict[str, str]) -> tuple[list[str], list[tuple[str, int]]]:
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    seen: list[tuple[str, int]] = []
    return await asyncio.to_thread(attempts, str(api.client.make_url("")).rstrip("/"), headers, seen), seen


async def recorded(api: Management) -> int:
    """Return how many events anybody but the service itself has caused."""
    others = "select count(*) from ledger.events where canonical::jsonb #>> '{actor,type}' <> 'system'"
    return int(await api.pool.fetchval(others))


@pytest.mark.parametrize("role", ["auditor", "operator"])
async def test_every_role_gets_what_the_description_says(api: Management, role: Any) -> None:
    headers = await api.new_token(f"ada-{role}", role)
    broken, seen = await asked(api, headers)
    assert broken == []
    assert {status for method, status in seen if method in READS} & {200}


async def test_an_auditor_changes_nothing(api: Management) -> None:
    headers = await api.new_token("ada-auditor", "auditor")
    await api.register()
    seen: list[tuple[str, int]] = []
    before = await recorded(api)
    await asyncio.to_thread(attempts, str(api.client.make_url("")).rstrip("/"), headers, seen)
    assert await recorded(api) == before
    changing = [status for method, status in seen if method not in READS]
    assert changing
    assert set(changing) <= {400, 403, 404, 413, 415, 422}
    assert 403 in changing


@pytest.mark.parametrize("who", STRANGERS)
async def test_without_a_right_token_nothing_is_told_and_nothing_changed(api: Management, who: str) -> None:
    await api.register()
    seen: list[tuple[str, int]] = []
    before = await recorded(api)
    broken = await asyncio.to_thread(attempts, str(api.client.make_url("")).rstrip("/"), STRANGERS[who], seen)
    assert broken == []
    assert {status for _, status in seen} <= {401, 200}
    assert {method for method, status in seen if status == 200} <= READS
    assert await recorded(api) == before
