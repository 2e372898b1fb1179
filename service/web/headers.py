"""The headers of every answer: nothing is framed, sniffed, cached or told to others, and pages load only from here."""

from typing import Final

from multidict import CIMultiDict

from service.settings import Settings
from service.web.redirect import RedirectHead

HSTS: Final = "max-age=63072000; includeSubDomains"
POLICY_HEADER: Final = "Content-Security-Policy"

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class SecurityHeaders:
    """Prebuilt headers.

    ``dynamic`` are for pages, ``redirect`` for answers that show nothing, ``static`` for files that may be cached.

    Browsers hold the redirects after a form to ``form-action`` too (CSP 3, 6.4.2). So a form whose answer leads to the
    application names its origins, and one that leads to a provider, whose host no setting knows, allows https.
    """

    def __init__(self, settings: Settings, app_origins: frozenset[str]) -> None:
        bare = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Server": "keyledger",
        }
        if settings.production and settings.secure_cookies:
            bare["Strict-Transport-Security"] = HSTS
        fixed = {
            **bare,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        self.policy = " ".join([_POLICY, *sorted(app_origins)])
        self.policy_leading_out = f"{_POLICY} https:" + (" http:" if settings.loopback_providers else "")
        self.dynamic: CIMultiDict[str] = CIMultiDict({**fixed, POLICY_HEADER: self.policy, "Cache-Control": "no-store"})
        self.redirect: CIMultiDict[str] = CIMultiDict(
            {**bare, POLICY_HEADER: "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
        )
        self.redirects = RedirectHead(self.redirect)
        self.static: CIMultiDict[str] = CIMultiDict(
            {**fixed, POLICY_HEADER: self.policy, "Cache-Control": "public, max-age=31536000, immutable"}
        )
