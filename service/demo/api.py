"""The management API as the demonstration uses it: as support staff, by the public HTTP routes alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import SecretStr

from service.demo.processes import DemoFailed

Json = dict[str, Any]

REASON = "The demonstration sets this up."


class Api:
    """Calls with one token. Every change carries an idempotency key, so that a broken start can be repeated."""

    def __init__(self, http: aiohttp.ClientSession, service: str, token: SecretStr) -> None:
        self._http = http
        self._address = f"{service}/api/v1"
        self._token = token

    async def knows_token(self) -> bool:
        """Whether the token is good."""
        status, _ = await self._call("GET", "/workspaces", None, None)
        return status == 200  # noqa: PLR2004 - a status

    async def workspace(self, slug: str) -> Json | None:
        """Return a workspace's configuration, or None where there is no such workspace."""
        status, told = await self._call("GET", f"/workspaces/{slug}", None, None)
        if status == 404:  # noqa: PLR2004 - a status
            return None
        return self._checked(status, told)

    async def people(self, slug: str) -> set[str]:
        """Return the addresses of all members and of all who are invited."""
        found: set[str] = set()
        for kind in ("members", "invitations"):
            status, told = await self._call("GET", f"/workspaces/{slug}/{kind}", None, None)
            found |= {str(item["email"]) for item in self._checked(status, told)["items"]}
        return found

    async def register(self, slug: str, name: str, plan: str, owner: str) -> None:
        """Register a workspace and invite its owner."""
        body = {"slug": slug, "name": name, "plan": plan, "owner_email": owner}
        await self._change("POST", "/workspaces", body, f"demo-register-{slug}")

    async def record(self, slug: str, events: Sequence[Json], key: str) -> None:
        """Have events recorded, all or none."""
        await self._change("POST", f"/workspaces/{slug}/events", [{**one, "reason": REASON} for one in events], key)

    async def invite(self, slug: str, email: str, role: str) -> None:
        """Invite a person."""
        body = {"email": email, "role": role, "reason": REASON}
        await self._change("POST", f"/workspaces/{slug}/invitations", body, f"demo-invite-{email}")

    async def deactivate(self, slug: str, email: str) -> None:
        """Deactivate a member."""
        body = {"status": "deactivated", "reason": REASON}
        await self._change("PATCH", f"/workspaces/{slug}/members/{email}", body, f"demo-deactivate-{email}")

    async def _change(self, method: str, path: str, body: object, key: str) -> Json:
        return self._checked(*await self._call(method, path, body, key))

    async def _call(self, method: str, path: str, body: object, key: str | None) -> tuple[int, Json]:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        address = f"{self._address}{path}"
        async with self._http.request(method, address, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    def _checked(self, status: int, told: Mapping[str, Any]) -> Json:
        if status >= 400:  # noqa: PLR2004 - a status
            message = f"The service refused what the demonstration needs: {told.get('detail', status)}"
            raise DemoFailed(message)
        return dict(told)
