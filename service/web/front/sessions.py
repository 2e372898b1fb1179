"""Sessions for the routes that have one, loaded when a handler asks. The way to a provider pays for none."""

import warnings
from typing import Final

from aiohttp.typedefs import Middleware
from aiohttp.web_exceptions import NotAppKeyWarning
from aiohttp_session import AbstractStorage, session_middleware

WITHOUT: Final = (
    "/api/sso/initiate/",
    "/api/sso/backchannel-logout/",
    "/api/sso/frontchannel-logout/",
    "/api/v1/",
    "/static/",
    "/healthz",
    "/readyz",
    "/metrics",
)

# aiohttp-session keeps its session under a plain string, of which aiohttp would warn at each request.
warnings.filterwarnings("ignore", category=NotAppKeyWarning, module="aiohttp_session")


class SessionsOf(dict[AbstractStorage, Middleware]):
    """aiohttp-session's middleware over a storage, made once per storage."""

    def __missing__(self, storage: AbstractStorage) -> Middleware:
        made: Middleware = session_middleware(storage)
        self[storage] = made
        return made
