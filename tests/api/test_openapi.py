"""The OpenAPI 3.1 document is valid, complete, and kept by the service that it describes."""

import re
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.management import Management

from events.refusals import STATUS
from service.api.routes import OPERATIONS


async def described(api: Management) -> Any:
    """Return the document as it is served, without a token."""
    answer = await api.client.get("/api/v1/openapi.json")
    assert answer.status == 200
    return await answer.json()


async def test_the_document_is_valid_openapi_3_1(api: Management) -> None:
    """The validator of the specification finds nothing."""
    document = await described(api)
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


async def test_every_route_is_described_and_every_description_is_a_route(api: Management) -> None:
    """The document and the router hold the same methods and addresses."""
    document = await described(api)
    told = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    app = api.client.server.app  # type: ignore[attr-defined]  # the test server's own
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if isinstance(route, web.AbstractRoute) and route.resource is not None and route.method != "HEAD"
    }
    assert told == routes


async def test_operations_have_names_of_their_own_and_known_codes(api: Management) -> None:
    """Names of operations are unique, and every refusal that is told exists."""
    names = [operation.identifier for operation in OPERATIONS]
    assert len(names) == len(set(names))
    assert all(code in STATUS for operation in OPERATIONS for code in operation.refusals)


async def test_every_reference_leads_somewhere(api: Management) -> None:
    """Each $ref names a component that is there."""
    document = await described(api)
    names = set(re.findall(r"#/components/schemas/([^'\"]+)", str(document)))
    assert names <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/workspaces", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    api: Management, method: str, path: str, status: int, code: str
) -> None:
    """Unknown addresses and methods answer problem documents."""
    answer = await api.call(method, path)
    problem = await answer.json()
    assert (answer.status, problem["code"], answer.content_type) == (status, code, "application/problem+json")
    assert problem["instance"] == "urn:keyledger:request:req-1"


async def test_bodies_are_bounded_and_typed(api: Management) -> None:
    """A body too large is 413, one that is not JSON 415, one where none belongs data_invalid."""
    token = {"Authorization": f"Bearer {api.token.get_secret_value()}"}
    url = "/api/v1/workspaces"
    large = await api.client.post(
        url, data=b'"' + b"x" * 70_000 + b'"', headers={**token, "Content-Type": "application/json"}
    )
    text = await api.client.post(url, data=b"{}", headers={**token, "Content-Type": "text/plain"})
    needless = await api.client.get(url, data=b"{}", headers=token)
    codes = [(one.status, (await one.json())["code"]) for one in (large, text, needless)]
    assert codes == [(413, "too_large"), (415, "media_type_unsupported"), (422, "data_invalid")]
