"""Who asks: the bearer token of a request (RFC 6750), and how often an address may be wrong about it."""

from typing import Final

from aiohttp import web
from pydantic import SecretStr

from service.address_rate import AddressRate
from service.errors import RateLimited, Unauthenticated
from service.keys import CLIENT_IP, CLOCK, POOL, SETTINGS
from service.tokens import Principal, find_principal

TOKEN_FAILURES: Final = web.AppKey("token_failures", AddressRate)
MAXIMUM_HEADER: Final = 256


def limit_token_failures(app: web.Application) -> None:
    """Give the application its count of failed authentications for each client address."""
    app[TOKEN_FAILURES] = AddressRate(app[SETTINGS].token_failures_per_minute)


async def authenticate(request: web.Request) -> Principal:
    """Return who the request's token belongs to. Only failures count against the client's address.

    Raises:
        Refusal: ``unauthenticated``, or ``rate_limited`` after too many failures from one address.
    """
    token = _bearer(request.headers.getall("Authorization", []))
    if token is not None:
        principal = await find_principal(request.app[POOL], token, request.app[CLOCK]())
        if principal is not None:
            return principal
    wait = request.app[TOKEN_FAILURES].wait(request.get(CLIENT_IP, request.remote or ""))
    if wait:
        raise RateLimited(wait)
    raise Unauthenticated


def _bearer(headers: list[str]) -> SecretStr | None:
    if len(headers) != 1 or len(headers[0]) > MAXIMUM_HEADER:
        return None
    scheme, _, token = headers[0].partition(" ")
    return SecretStr(token.strip()) if scheme.lower() == "bearer" else None
