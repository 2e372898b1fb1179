"""The management API as a whole: all operations, and the document that describes them."""

from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

import orjson
from aiohttp import web

from service.api import (
    changes,
    checkpoints,
    dead_letters,
    events,
    export,
    insight,
    invitations,
    parked,
    people,
    proofs,
    setup_links,
    sign_in_counts,
    sign_in_methods,
    sign_ins,
    timeline,
    webhooks,
    what_if,
    workspaces,
)
from service.api.authentication import limit_token_failures
from service.api.mount import mount
from service.api.openapi import document
from service.api.operation import JSON, Answer, Call, Operation
from service.keys import SETTINGS

OPERATIONS: tuple[Operation, ...] = (
    *workspaces.OPERATIONS,
    *changes.OPERATIONS,
    *events.OPERATIONS,
    *insight.OPERATIONS,
    # Before the sign-ins by their id, which "counts" would be.
    *sign_in_counts.OPERATIONS,
    *sign_ins.OPERATIONS,
    *what_if.OPERATIONS,
    *invitations.OPERATIONS,
    *people.OPERATIONS,
    *setup_links.OPERATIONS,
    *sign_in_methods.OPERATIONS,
    *timeline.OPERATIONS,
    *parked.OPERATIONS,
    *checkpoints.OPERATIONS,
    *proofs.OPERATIONS,
    *export.OPERATIONS,
    *webhooks.OPERATIONS,
    *dead_letters.OPERATIONS,
)


@cache
def describe(public_url: str) -> bytes:
    """Return the OpenAPI 3.1 document of the API at this address, as JSON; made once for all applications there."""
    try:
        version = installed_version("keyledger")
    except PackageNotFoundError:
        version = "0"
    return orjson.dumps(document((*OPERATIONS, _described(b"")), server=public_url, version=version))


def _described(body: bytes) -> Operation:
    async def answer(_call: Call) -> web.StreamResponse:
        return web.Response(body=body, content_type=JSON)

    return Operation(
        method="GET",
        path="/api/v1/openapi.json",
        identifier="read_openapi",
        summary="This document",
        access="public",
        handler=answer,
        answers={200: Answer("The OpenAPI 3.1 document.", {JSON: None})},
    )


def setup_api(app: web.Application) -> None:
    """Add the management API to an application that has the keys of ``service.keys``; to be called before it starts."""
    limit_token_failures(app)
    mount(app, (*OPERATIONS, _described(describe(app[SETTINGS].public_url))))
