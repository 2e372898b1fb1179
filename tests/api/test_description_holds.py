"""The service keeps to its OpenAPI document, whatever a client sends that the document allows or forbids."""

import asyncio
import threading
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.management import Management

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


def probe(base: str, headers: dict[str, str]) -> list[str]:
    """Send generated requests to every operation, and return what did not hold."""
    schema = schemathesis.openapi.from_url(f"{base}/api/v1/openapi.json")
    schema.config.update(base_url=base)
    broken: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # an Err raises here, and the test fails

        def attempt(case: Any) -> None:
            if "slug" in case.path_parameters:
                # What lies behind an unknown workspace is never reached.
                case.path_parameters["slug"] = "acme"
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

        bounded = hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        for mode in schemathesis.GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)
            try:
                bounded(hypothesis.given(case=strategy)(attempt))()
            except Exception as error:  # noqa: BLE001 -- all that is broken is told at once
                broken.append(f"{operation.label} ({mode.value}): {error}")
    return broken


async def test_every_operation_answers_as_described(api: Management) -> None:
    """Statuses, media types, headers and shapes are the described ones; nothing is a server error."""
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    await api.client.app[NOTARY].make()
    headers = {"Authorization": f"Bearer {api.token.get_secret_value()}"}
    base = str(api.client.make_url("")).rstrip("/")
    assert threading.current_thread() is threading.main_thread()
    broken = await asyncio.to_thread(probe, base, headers)
    assert broken == []
