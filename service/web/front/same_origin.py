"""Refuses what another site makes a browser send: unsafe methods need to come from our own pages.

Browsers say where a request comes from in ``Sec-Fetch-Site`` (Fetch Metadata), older ones in ``Origin``. Whoever says
neither is refused. Our pages ask for no referrer, which makes browsers send ``Origin: null`` with our own forms, so the
former decides where it is sent.
"""

from typing import Final

from aiohttp import web

from service.web.refusal import PageRefusal

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
EXEMPT: Final = ("/api/sso/", "/api/v1/")
"""Providers post to the first, where a sealed attempt decides. Bearer tokens open the second; no browser adds one."""


def is_same_origin(request: web.BaseRequest, origin: str) -> bool:
    """Whether the request comes from our own origin, as far as its browser says."""
    said = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin" and said in {None, "null", origin}
    return said == origin


def check_origin(request: web.Request, route: str, origin: str) -> None:
    """Refuse an unsafe request from elsewhere. ``origin`` is the public one, whatever the ``Host`` header says.

    Raises:
        PageRefusal: ``foreign_origin``.
    """
    if request.method not in SAFE and not route.startswith(EXEMPT) and not is_same_origin(request, origin):
        raise PageRefusal("foreign_origin")
