"""The order in which the concerns come, in the one middleware that there is.

The id comes first, so that every later line has it. Limits and origin are judged before a session is loaded. Whatever
is raised becomes an answer here, so that every answer, pages about errors too, gets its headers and its log line.
"""

from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_session import AbstractStorage

from service.keys import CLIENT_IP
from service.logs import RequestLog
from service.metrics import Metrics
from service.settings import Settings
from service.web.front.client_ip import find_client
from service.web.front.errors import answer_error
from service.web.front.rate_limit import LIMITED, SIGN_IN_LIMITS
from service.web.front.request_id import HEADER, RequestNames
from service.web.front.request_log import log_answer, route_template
from service.web.front.same_origin import check_origin
from service.web.front.security_headers import add_headers
from service.web.front.sessions import WITHOUT, SessionsOf
from service.web.pages import Pages
from service.web.redirect import Redirect


def front_door(
    settings: Settings,
    metrics: Metrics,
    lines: RequestLog,
    pages: Pages,
    sessions: web.AppKey[AbstractStorage],
) -> Middleware:
    """Return the middleware. ``sessions`` is the key of the storage, which is there once the application runs.

    The application holds the limits under ``SIGN_IN_LIMITS``.
    """
    trusted, origin = settings.trusted_proxies, settings.public_url
    names, keeping = RequestNames(), SessionsOf()

    @web.middleware
    async def front(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = perf_counter()
        name = names.name(request)
        route = route_template(request)
        try:
            address = request[CLIENT_IP] = find_client(request, trusted)
            if route in LIMITED:
                request.app[SIGN_IN_LIMITS].check(address)
            check_origin(request, route, origin)
            if route.startswith(WITHOUT):
                response = await handler(request)
            else:
                response = await keeping[request.app[sessions]](request, handler)
        except ConnectionResetError:
            raise
        except Exception as error:  # noqa: BLE001  the one place where everything becomes an answer
            response = answer_error(request, error, pages)
            if response.status == 429:  # noqa: PLR2004
                metrics.limited(route)
        if not response.prepared and not isinstance(response, Redirect):
            response.headers[HEADER] = name
            add_headers(response, pages.headers)
        log_answer(request, route, response.status, perf_counter() - begun, metrics, lines)
        return response

    return front
