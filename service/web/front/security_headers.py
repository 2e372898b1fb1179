"""Puts the security headers on every answer that does not carry them yet."""

from aiohttp import web

from service.web.headers import POLICY_HEADER, SecurityHeaders


def add_headers(response: web.StreamResponse, headers: SecurityHeaders) -> None:
    """Add what is missing; what a handler has set itself stays."""
    present = response.headers
    if POLICY_HEADER not in present:
        for name, value in headers.dynamic.items():
            present.setdefault(name, value)
