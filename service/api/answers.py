"""How handlers answer: JSON made from shapes, the version as entity tag, and the workspace that the path names."""

from collections.abc import Mapping

import orjson
from aiohttp import web
from pydantic import BaseModel

from events.workspace import Workspace
from service.api.operation import JSON, Call
from service.api.presentation import show_workspace
from service.api.shapes import WorkspaceShape
from service.commands.reading import member_addresses, read_workspace, stream_version
from service.keys import POOL, SETTINGS, STORE


def answer_json(shape: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a shape as JSON."""
    body = orjson.dumps(shape.model_dump(mode="json", by_alias=True))
    return web.Response(body=body, status=status, content_type=JSON, headers=headers)


def entity_tag(version: int) -> dict[str, str]:
    """Return the header that carries a workspace's version (RFC 9110 8.8.3)."""
    return {"ETag": f'"{version}"'}


async def found_workspace(call: Call) -> Workspace:
    """Return the workspace that the path names, as it is now.

    Raises:
        Refusal: ``workspace_unknown``.
    """
    return await read_workspace(call.request.app[POOL], call.request.app[STORE], call.path("slug"))


async def named_workspace(call: Call) -> str:
    """Return the slug that the path names, for what is told of a workspace whether its events can be read or not.

    Raises:
        Refusal: ``workspace_unknown``.
    """
    await stream_version(call.request.app[POOL], call.path("slug"))
    return call.path("slug")


async def shown_workspace(call: Call, workspace: Workspace) -> WorkspaceShape:
    """Return a configuration as it is shown, with the addresses that members with a bypass have now."""
    addresses = await member_addresses(call.request.app[POOL], workspace.slug, workspace.bypasses.keys())
    return show_workspace(workspace, call.request.app[SETTINGS].public_url, addresses)
