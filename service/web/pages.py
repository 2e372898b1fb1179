"""Pages: Jinja templates with every variable escaped, none of them missing, and the files they load.

Everything is read and compiled once at start; a template that a page needs and that is missing, or a reason that has no
words, stops the start.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from types import CodeType
from typing import Final

from aiohttp import web
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.bccache import Bucket
from multidict import CIMultiDict

from service.keys import CONNECTIONS, REQUEST_ID
from service.settings import Settings
from service.web.headers import POLICY_HEADER, SecurityHeaders
from service.web.notice import whose_turn, words_of
from service.web.notices import missing_notices, notice_for
from service.web.refusal import PageRefusal

PAGES: Final[web.AppKey["Pages"]] = web.AppKey("pages")
TEMPLATES: Final = (
    "account",
    "back_from_provider",
    "check_mail",
    "confirm_link",
    "desk",
    "desk_requiring",
    "invitation",
    "link_confirmed",
    "login",
    "login_link",
    "login_mail",
    "login_methods",
    "login_switch",
    "notice",
    "recovery",
    "recovery_codes",
    "recovery_link",
    "recovery_mail",
    "setup_link",
    "signed_out",
    "start",
    "switch",
)
MEDIA_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class PagesIncomplete(Exception):
    """A template or a reason's words are missing or broken. The service does not start like this."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load, under an address that changes with its content, so that it can be cached for ever."""

    path: str
    media_type: str
    body: bytes


def _load_assets() -> dict[str, Asset]:
    assets = {}
    for file in sorted(files("service.web").joinpath("static").iterdir(), key=lambda entry: entry.name):
        stem, _, ending = file.name.rpartition(".")
        if ending not in MEDIA_TYPES:
            continue
        body = file.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:12]
        assets[file.name] = Asset(f"/static/{stem}.{digest}.{ending}", MEDIA_TYPES[ending], body)
    return assets


class _Compiled(BytecodeCache):
    """What templates compile to. Jinja keys it by their text, so that all applications in a process can share it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what this text compiled to before."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what this text compiles to."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED: Final = _Compiled()


class Pages:
    """Renders pages. ``templates`` names those that have to be there beside this module's own."""

    def __init__(self, settings: Settings, headers: SecurityHeaders, templates: Iterable[str] = ()) -> None:
        self.headers = headers
        self.assets = _load_assets()
        self.environment = Environment(
            loader=FileSystemLoader(str(files("service.web").joinpath("templates"))),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            bytecode_cache=_COMPILED,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(
            asset=self._asset_path,
            support_contact=settings.support_contact,
            public_url=settings.public_url,
        )
        self._check([*TEMPLATES, *templates])

    def _check(self, names: Iterable[str]) -> None:
        if unexplained := missing_notices():
            message = f"These reasons and their notices do not match: {', '.join(sorted(unexplained))}."
            raise PagesIncomplete(message)
        for name in names:
            try:
                self.environment.get_template(f"{name}.html")
            except TemplateError as error:
                message = f"The template {name}.html cannot be used: {type(error).__name__}: {error}."
                raise PagesIncomplete(message) from error

    def _asset_path(self, name: str) -> str:
        return self.assets[name].path

    def render(
        self, request: web.Request, template: str, /, *, status: int = 200, leads_out: bool = False, **values: object
    ) -> web.Response:
        """Answer with a page. ``leads_out`` is for pages with a form whose answer leads on to a provider."""
        request_id = request.get(REQUEST_ID, "")
        text = self.environment.get_template(f"{template}.html").render(request_id=request_id, **values)
        headers: CIMultiDict[str] = self.headers.dynamic.copy()
        if leads_out:
            headers[POLICY_HEADER] = self.headers.policy_leading_out
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)

    def refuse(self, request: web.Request, refusal: PageRefusal) -> web.Response:
        """Answer with the notice for a refusal."""
        kind = _provider_kind(request, refusal.slug)
        notice = notice_for(refusal.reason, refusal.detail, kind)
        response = self.render(
            request,
            "notice",
            status=notice.status,
            notice=notice,
            whose_turn=whose_turn(notice.turn, kind),
            words=words_of(kind),
            reason=refusal.reason,
            field=refusal.field,
            explanation=refusal.explanation,
            restart=refusal.restart,
            email=refusal.email,
        )
        for cookie in refusal.cookies:
            response.headers.add("Set-Cookie", cookie)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        return response


def _provider_kind(request: web.Request, slug: str | None) -> str | None:
    """Return what kind of provider the page is about, as far as that is at hand."""
    connections = request.app.get(CONNECTIONS)
    connection = connections.peek(slug) if connections is not None and slug is not None else None
    credentials = connection.credentials if connection is not None else None
    return credentials.provider_kind if credentials is not None else None
