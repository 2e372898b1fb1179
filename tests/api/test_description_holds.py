"""The service keeps to its OpenAPI document, whatever a client sends that the document allows or forbids."""

import asyncio
import threading
from typing import Any

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.management import Management
from support.probing import probe

from service.keys import NOTARY

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def attempts(base: str, headers: dict[str, str]) -> list[str]:
    def attempt(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

    return probe(base, attempt, examples=EXAMPLES, modes=tuple(schemathesis.GenerationMode), derandomize=True)


async def test_every_operation_answers_as_described(api: Management) -> None:
    """Statuses, media types, headers and shapes are the described ones; nothing is a server error."""
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    await api.client.app[NOTARY].make()
    headers = {"Authorization": f"Bearer {api.token.get_secret_value()}"}
    base = str(api.client.make_url("")).rstrip("/")
    assert threading.current_thread() is threading.main_thread()
    broken = await asyncio.to_thread(attempts, base, headers)
    assert broken == []
