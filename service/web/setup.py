"""Puts the browser's side together: middlewares in their order, pages, routes, and the flow behind them."""

from aiohttp import web

from service import ops
from service.keys import METRICS, SETTINGS
from service.login.targets import Targets
from service.web import account, assets, link, sso, start, switch
from service.web.flow import flow_context
from service.web.headers import SecurityHeaders
from service.web.middlewares.client_ip import client_ip
from service.web.middlewares.errors import errors
from service.web.middlewares.rate_limit import rate_limit
from service.web.middlewares.request_id import request_id
from service.web.middlewares.request_log import request_log
from service.web.middlewares.same_origin import same_origin
from service.web.middlewares.security_headers import security_headers
from service.web.middlewares.sessions import sessions
from service.web.pages import PAGES, Pages


def setup_web(app: web.Application) -> None:
    """Add middlewares, pages and routes. ``SETTINGS`` and ``METRICS`` have to be in the application already.

    The resources that the flow needs may be opened by ``cleanup_ctx`` entries added before this call.

    Raises:
        PagesIncomplete: a template, or the words for a reason, are missing.
    """
    settings, metrics = app[SETTINGS], app[METRICS]
    targets = Targets(settings.public_url, settings.app_url, settings.app_origins)
    headers = SecurityHeaders(settings, targets.origins)
    app[PAGES] = Pages(settings, headers)
    # From the outside in. The id comes first, so that every later line has it; the log sees the answer as it leaves;
    # errors stand inside the headers, so that their pages carry them; what refuses stands inside errors.
    app.middlewares.extend(
        [
            request_id,
            request_log(metrics),
            security_headers(headers),
            errors,
            client_ip(settings.trusted_proxies),
            rate_limit(settings.rate_per_minute, metrics),
            same_origin(settings.public_url),
            sessions,
        ]
    )
    app.cleanup_ctx.append(flow_context(targets))
    for module in (start, sso, account, switch, link, assets, ops):
        app.add_routes(module.routes())
