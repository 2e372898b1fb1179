"""What a person sees at the provider itself: the dashboard with its tiles, the mails, and the end of a session."""

from urllib.parse import urlencode

from aiohttp import web

from service.demo.pages import FIXED, html_page
from service.demo.state import STATE

# A mail may look as it likes, and can do nothing: no script, no forms, nothing loaded.
MAIL_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'"


async def dashboard(request: web.Request) -> web.Response:
    """``GET /``: a tile for each application. A tile leads to its initiate address with ``iss`` (OIDC Core 4)."""
    state = request.app[STATE]
    apps = state.applications.values()
    tiles = [(app, f"{app.initiate_uri}?{urlencode({'iss': state.issuer})}") for app in apps]
    return html_page(state.pages, "dashboard", tiles=tiles, mails=len(state.mailbox.mails()))


async def mails(request: web.Request) -> web.Response:
    """``GET /mail``: every mail that the service sent."""
    state = request.app[STATE]
    return html_page(state.pages, "mails", mails=state.mailbox.mails())


async def mail(request: web.Request) -> web.Response:
    """``GET /mail/{name}``: one mail as text, its addresses to be followed."""
    state = request.app[STATE]
    found = state.mailbox.find(request.match_info["name"])
    if found is None:
        return html_page(state.pages, "problem", status=404, explanation="There is no such mail.")
    return html_page(state.pages, "mail", mail=found)


async def mail_as_html(request: web.Request) -> web.Response:
    """``GET /mail/{name}/html``: one mail as a mail program shows it."""
    state = request.app[STATE]
    found = state.mailbox.find(request.match_info["name"])
    if found is None or not found.html:
        return html_page(state.pages, "problem", status=404, explanation="There is no such mail, or it has only text.")
    headers = {**FIXED, "Content-Security-Policy": MAIL_POLICY}
    return web.Response(text=found.html, content_type="text/html", headers=headers)


async def log_out(request: web.Request) -> web.Response:
    """``GET|POST /oauth2/v1/logout`` (OIDC RP-Initiated Logout 2). Nobody stays logged in here."""
    state = request.app[STATE]
    sent = request.query if request.method == "GET" else await request.post()
    target = sent.get("post_logout_redirect_uri")
    if isinstance(target, str) and target in {app.signed_out_uri for app in state.applications.values()}:
        back = sent.get("state")
        query = f"?{urlencode({'state': back})}" if isinstance(back, str) else ""
        return web.Response(status=303, headers={"Location": target + query})
    return html_page(state.pages, "signed_out")


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/", dashboard),
        web.get("/mail", mails),
        web.get("/mail/{name}", mail),
        web.get("/mail/{name}/html", mail_as_html),
        web.get("/oauth2/v1/logout", log_out),
        web.post("/oauth2/v1/logout", log_out),
    ]
