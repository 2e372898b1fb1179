"""Puts the browser's side together: what stands in front, pages, routes, and the flow behind them."""

from aiohttp import web

from service import ops
from service.keys import METRICS, SETTINGS
from service.login.targets import Targets
from service.logs import request_log
from service.web import (
    account,
    assets,
    connection,
    invitation,
    link,
    login,
    login_google,
    login_link,
    logout,
    provider_logout,
    recovery,
    setting_up,
    sso,
    start,
    step_up,
    switch,
)
from service.web.flow import SESSIONS, flow_context
from service.web.front.door import front_door
from service.web.front.rate_limit import SIGN_IN_LIMITS, MailLimit, SignInLimits
from service.web.headers import SecurityHeaders
from service.web.pages import PAGES, Pages
from service.web.ways_out import ways_out_context


def setup_web(app: web.Application) -> None:
    """Add the front door, pages and routes. ``SETTINGS`` and ``METRICS`` have to be in the application already.

    The resources that the flow needs may be opened by ``cleanup_ctx`` entries added before this call.

    Raises:
        PagesIncomplete: a template, or the words for a reason, are missing.
    """
    settings, metrics = app[SETTINGS], app[METRICS]
    targets = Targets(settings.public_url, settings.app_url, settings.app_origins)
    headers = SecurityHeaders(settings, targets.origins)
    app[PAGES] = Pages(settings, headers)
    app.middlewares.append(front_door(settings, metrics, request_log(), app[PAGES], SESSIONS))
    app.cleanup_ctx.append(flow_context(targets))
    app.cleanup_ctx.append(ways_out_context)
    app[login_link.MAIL_LIMIT] = MailLimit()
    app[SIGN_IN_LIMITS] = SignInLimits(settings.rate_per_minute)
    for module in (
        start,
        login,
        login_link,
        login_google,
        sso,
        account,
        logout,
        provider_logout,
        step_up,
        switch,
        link,
        invitation,
        connection,
        setting_up,
        recovery,
        assets,
        ops,
    ):
        app.add_routes(module.routes())
