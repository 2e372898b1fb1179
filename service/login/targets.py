"""Where a sign-in may land: only at the host application's registered origins (OIDC Core 4, ``target_link_uri``).

An address that is not plainly one of ours is dropped, never repaired: parsers disagree about the rest.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

LARGEST_TARGET: Final = 1024
ACCOUNT_PATH: Final = "/account"

_PLAIN = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]]+")
_ADDRESS = re.compile(r"(https?://[a-z0-9.\-\[\]:]+)(/[^?#]*)?(\?[^#]*)?(#.*)?", re.ASCII)
_HOSTILE_ESCAPES = re.compile(r"%(?:0[0-9a-f]|1[0-9a-f]|7f|5c|2e|2f|25|c0|e0%80)", re.IGNORECASE)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an absolute http(s) URL, in lower case and without a default port."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    return f"{scheme}://{host.removesuffix(default) if default else host}"


class Targets:
    """The addresses a sign-in may lead to.

    ``app_url`` is where it leads when nothing else was asked for; without it, the account page. Its origin is
    registered like ``app_origins``.
    """

    def __init__(self, public_url: str, app_url: str | None, app_origins: Iterable[str]) -> None:
        self._public = origin_of(public_url)
        self._origins = frozenset(map(origin_of, [*app_origins, *([app_url] if app_url else [])]))
        self._home = origin_of(app_url) if app_url else None
        self.default = app_url or f"{public_url}{ACCOUNT_PATH}"

    @property
    def origins(self) -> frozenset[str]:
        """The registered origins."""
        return self._origins

    def admit(self, text: str | None) -> str | None:
        """Return ``text`` as an absolute address at a registered origin; ``None`` for anything else.

        A path alone (``/inbox``) is one of the application's own, when it has an address.
        """
        if text is None or not self._origins or len(text) > LARGEST_TARGET or not _PLAIN.fullmatch(text):
            return None
        if text.startswith("/") and self._home is not None:
            text = self._home + text
        match = _ADDRESS.fullmatch(text)
        if match is None or match[1] not in self._origins:
            return None
        path = match[2] or "/"
        if "//" in path or {".", ".."} & set(path.split("/")) or _HOSTILE_ESCAPES.search(path):
            return None
        # Back into the sign-in itself would go round for ever.
        return None if match[1] == self._public and path.startswith(("/api/", "/sign-in/", "/login")) else text

    def landing(self, admitted: str | None) -> str:
        """Return where to go: the admitted target, else the default."""
        return admitted or self.default
