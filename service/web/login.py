"""The login page: an e-mail address in, then the methods that its domain may use. It looks at no person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from service.identity.people import Method
from service.keys import POOL, SETTINGS
from service.login.methods import SignInMethods, methods_for_domain, methods_for_workspace
from service.web.last_method import LastMethod, read_last_method, remember_method
from service.web.login_fields import NO_ADDRESS, LoginFields, asked_fields, posted_fields
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

ADDRESSES: Final[dict[Method, str]] = {
    "sso": "/login/sso",
    "google": "/login/google",
    "magic_link": "/login/magic-link",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One button: a method, for SSO with its workspace. ``last`` says that this browser used it last."""

    method: Method
    label: str
    workspace: str | None = None
    last: bool = False

    @property
    def action(self) -> str:
        """Where the button's form goes."""
        return ADDRESSES[self.method]


async def show_login(request: web.Request) -> web.Response:
    """``GET /login``; ``?workspace=acme`` goes straight to that workspace's methods."""
    fields = asked_fields(request)
    if fields.workspace is not None:
        google = request.app[SETTINGS].google
        methods = await methods_for_workspace(request.app[POOL], fields.workspace, google=google)
        return _show_methods(request, fields, methods)
    return _ask_address(request, fields)


async def choose(request: web.Request) -> web.Response:
    """``POST /login {email}``: what the address's domain may use, whoever it belongs to."""
    fields = await posted_fields(request)
    if fields.address is None:
        return _ask_address(request, fields, NO_ADDRESS)
    google = request.app[SETTINGS].google
    methods = await methods_for_domain(request.app[POOL], fields.address.domain, google=google)
    return _show_methods(request, fields, methods)


async def go_by_sso(request: web.Request) -> web.Response:
    """``POST /login/sso {workspace}``: remember the choice, and on to the workspace's provider."""
    fields = await posted_fields(request)
    if fields.workspace is None:
        raise PageRefusal("request_malformed", restart=fields.start)
    carried = {
        "login_hint": None if fields.address is None else fields.address.display,
        "target_link_uri": fields.target,
    }
    query = urlencode({name: value for name, value in carried.items() if value})
    location = f"/api/sso/initiate/{fields.workspace}" + (f"?{query}" if query else "")
    response = web.Response(status=303, headers={"Location": location})
    remember_method(request, response, LastMethod("sso", fields.workspace))
    return response


async def show_exception(request: web.Request) -> web.Response:
    """``GET /login/exception``: for whom another method is open where their company's domain asks for SSO."""
    fields = asked_fields(request)
    others = SignInMethods((), google=request.app[SETTINGS].google, magic_link=True)
    return _show_methods(request, fields, others, exception=True)


def _ask_address(request: web.Request, fields: LoginFields, problem: str | None = None) -> web.Response:
    last = read_last_method(request)
    offers = [] if last is None or last.method == "magic_link" else [_again(last)]
    if last is not None and last.method == "google" and not request.app[SETTINGS].google:
        offers = []
    return request.app[PAGES].render(
        request,
        "login",
        status=422 if problem else 200,
        leads_out=True,
        email=fields.typed,
        target=fields.target,
        problem=problem,
        offers=offers,
    )


def _again(last: LastMethod) -> Offer:
    label = "Continue with Google" if last.workspace is None else f"Continue with SSO to {last.workspace}"
    return Offer(last.method, label, last.workspace, last=True)


def _show_methods(
    request: web.Request, fields: LoginFields, methods: SignInMethods, *, exception: bool = False
) -> web.Response:
    last = read_last_method(request)
    return request.app[PAGES].render(
        request,
        "login_methods",
        leads_out=True,
        # What was typed and is no address is not carried on into forms.
        email="" if fields.address is None else fields.address.display,
        target=fields.target,
        workspace=_title(fields, methods),
        slug=fields.workspace,
        offers=_offers(methods, last),
        sso_only=methods.names == ["sso"],
        exception=exception,
        start="/login" if fields.target is None else f"/login?{urlencode({'target_link_uri': fields.target})}",
        another=f"/login/exception?{urlencode({'target_link_uri': fields.target})}"
        if fields.target
        else "/login/exception",
    )


def _title(fields: LoginFields, methods: SignInMethods) -> str | None:
    """A workspace is named only where SSO shows it to everybody already."""
    return methods.sso[0].name if fields.workspace is not None and methods.sso else None


def _offers(methods: SignInMethods, last: LastMethod | None) -> Sequence[Offer]:
    offers = [
        Offer("sso", f"Continue to {one.name} with SSO", one.workspace, last == LastMethod("sso", one.workspace))
        for one in methods.sso
    ]
    if methods.google:
        offers.append(Offer("google", "Continue with Google", last=last == LastMethod("google")))
    if methods.magic_link:
        offers.append(Offer("magic_link", "E-mail me a sign-in link", last=last == LastMethod("magic_link")))
    return sorted(offers, key=lambda one: not one.last)


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/login", show_login),
        web.post("/login", choose),
        web.post("/login/sso", go_by_sso),
        web.get("/login/exception", show_exception),
    ]
