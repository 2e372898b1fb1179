"""An address outside that webhooks tell, and what tells it."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from support.management import Management

from service.webhooks.sender import WebhookSender


@dataclass
class Receiver:
    """An address outside. It answers with ``status``, or with that of the workspace, and keeps what it got."""

    status: int = 204
    by_workspace: dict[str, int] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        """Answer one message."""
        body = await request.read()
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        status = self.by_workspace.get(json.loads(body)["data"]["workspace"], self.status)
        return web.Response(status=status, headers={"Location": "https://elsewhere.example"})

    @property
    def told(self) -> list[tuple[str, int]]:
        """Workspace and version of each message."""
        data = [json.loads(body)["data"] for _, body in self.got]
        return [(one["workspace"], one["version"]) for one in data]


@dataclass
class Outside:
    """The API, a receiver, and what sends; the token is an operator's."""

    api: Management
    receiver: Receiver
    sender: WebhookSender
    operator: dict[str, str]

    async def add(self, **more: object) -> Any:
        """Add a webhook to the receiver."""
        return await self.api.post("/webhooks", {"url": self.receiver.url, **more}, 201, **self.operator)

    async def send(self) -> None:
        """Send until nothing is due."""
        while await self.sender.deliver_due():
            pass

    async def dead(self, added: Any) -> Any:
        """Return a webhook's dead letters."""
        return (await self.api.get(f"/webhooks/{added['webhook']['id']}/dead-letters"))["items"]

    async def look(self) -> Any:
        """Return the one webhook."""
        (found,) = (await self.api.get("/webhooks"))["items"]
        return found
