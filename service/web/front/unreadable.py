"""Requests that are no HTTP, which the server refuses before the application sees them.

The library's own answer quotes the line it stumbled over. That line may be the ``Cookie`` field, so that a script which
makes it too long could read there what ``HttpOnly`` keeps from it; and it may hold a code, which no answer repeats.
"""

from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "keyledger",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SENTENCE: Final = "This request cannot be read: it is no HTTP, or its address or a header field is too long.\n"


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or request.writer.output_size > 0:
            answer = super().handle_error(request, status, exc, None)
        else:
            answer = web.Response(status=status, text=_SENTENCE)
            answer.force_close()
        answer.headers.update(_HEADERS)
        return answer


class _Server(web.Server):
    def __init__(self, like: web.Server, **options: Any) -> None:
        super().__init__(
            like.request_handler,
            request_factory=like.request_factory,
            handler_cancellation=like.handler_cancellation,
            **options,
        )
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, **self._options)


class QuietRunner(web.AppRunner):
    """Runs an application, and answers what cannot be read as a request without repeating any of it."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, **made._kwargs, loop=made._loop)  # noqa: SLF001 - what the application chose for its own
