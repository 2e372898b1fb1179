"""What support asks for in a walk, through the management API: what is sent, and what it means once it is recorded."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientResponse
from support.walk_cast import Walk
from support.who_is_who import Place

REASON = "asked by the customer"
Means = Callable[[Walk, Place, Any], Awaitable[None]]


@dataclass(frozen=True)
class Wish:
    """A change that support asks for. ``means``: what it comes to in the model, by what was answered.

    It names people by address and holds nothing of the model itself, so that it can be held against a copy of it.
    """

    slug: str
    method: str
    path: str
    body: Mapping[str, Any]
    means: Means

    def __str__(self) -> str:
        told = {name: value for name, value in self.body.get("data", self.body).items() if "secret" not in name}
        return f"support: {self.body.get('type', self.method + ' ' + self.path)} {told} at {self.slug}"


Choose = Callable[[Walk, Place], Wish | None]


def event(place: Place, kind: str, means: Means, **data: Any) -> Wish:
    """Wish for one event."""
    return Wish(place.slug, "POST", f"/workspaces/{place.slug}/events", {"type": kind, "data": data}, means)


async def ask(walk: Walk, wish: Wish) -> ClientResponse:
    """Ask for a change."""
    return await walk.api.call(wish.method, wish.path, {**wish.body, "reason": REASON})


async def answered(walk: Walk, wish: Wish, answer: ClientResponse) -> bool:
    """Have the model follow what was answered. Returns whether anything was recorded."""
    told = await answer.json()
    if answer.status == 201 or told.get("outcome") == "mailed":
        await wish.means(walk, walk.model.places[wish.slug], told)
        return True
    assert answer.status in {200, 403, 404, 409, 412, 422, 429}, told
    walk.tell(f"  not recorded: {answer.status} {told.get('code', '')} {told.get('errors', '')}")
    return False


async def carry_out(walk: Walk, wish: Wish | None) -> bool:
    """Ask for a change, and follow the answer. Returns whether anything was recorded."""
    return wish is not None and await answered(walk, wish, await ask(walk, wish))
