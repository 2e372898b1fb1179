"""The provider's pages: templates and the files they load, read from the package, under a strict policy."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.demo.organisation import NAME

MEDIA_TYPES: Final = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}
FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_LINK: Final = re.compile(r"(https?://[^\s<>\"]+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a mail's text: plain, or an address to follow."""

    text: str
    is_link: bool


def linked(text: str) -> Iterator[Piece]:
    """Yield the pieces of a text, so that addresses in it can be followed."""
    for place, piece in enumerate(_LINK.split(text)):
        if piece:
            yield Piece(piece, is_link=place % 2 == 1)


def environment(service: str) -> Environment:
    """Return the templates. ``service`` is the origin of the service that the applications belong to."""
    made = Environment(
        loader=FileSystemLoader(str(files("service.demo").joinpath("templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(organisation=NAME, service=service)
    made.filters["linked"] = linked
    return made


def html_page(
    pages: Environment,
    template: str,
    *,
    status: int = 200,
    leads_to: str = "",
    scripts: str = "'none'",
    **values: object,
) -> web.Response:
    """Render a page. Browsers hold the redirect after a form to ``form-action`` too: ``leads_to`` is its origin."""
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; script-src {scripts}; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {leads_to}"
    )
    text = pages.get_template(f"{template}.html").render(values)
    headers = {**FIXED, "Content-Security-Policy": policy.strip()}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def self_posting_page(pages: Environment, action: str, fields: Mapping[str, str]) -> web.Response:
    """Return a page that posts the answer to the application (OAuth 2.0 Form Post Response Mode)."""
    return html_page(pages, "form_post", leads_to=action, scripts="'self'", action=action, fields=fields)


async def static(request: web.Request) -> web.Response:
    """``GET /static/{name}``: one of the package's own files."""
    held = {file.name: file for file in files("service.demo").joinpath("static").iterdir()}
    file = held.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    media_type = MEDIA_TYPES[file.name.rpartition(".")[2]]
    headers = {**FIXED, "Cache-Control": "no-cache"}
    return web.Response(body=file.read_bytes(), content_type=media_type, charset="utf-8", headers=headers)


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [web.get("/static/{name}", static)]
