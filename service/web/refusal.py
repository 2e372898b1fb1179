"""The exception by which a handler ends in an explaining page."""

from collections.abc import Sequence


class PageRefusal(Exception):
    """A browser's request ends here, with a page that tells why.

    ``reason`` names the notice (see ``service.web.notices``), ``detail`` a case of it that has words of its own.
    ``field`` is the setting in Okta to look at, ``explanation`` a sentence for whoever mends it, ``restart`` the
    address that starts again, ``email`` the address the person came with, ``cookies`` whole ``Set-Cookie`` values,
    ``retry_after`` whole seconds, ``slug`` the workspace whose kind of provider the words follow.

    No page ever holds a code, a token or a state.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str | None = None,
        field: str | None = None,
        explanation: str | None = None,
        restart: str | None = None,
        email: str | None = None,
        cookies: Sequence[str] = (),
        retry_after: int | None = None,
        slug: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.field = field
        self.explanation = explanation
        self.restart = restart
        self.email = email
        self.cookies = cookies
        self.retry_after = retry_after
        self.slug = slug
