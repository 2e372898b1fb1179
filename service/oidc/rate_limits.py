"""A provider that asks to be left alone for a while (RFC 6585 4; Okta's ``X-Rate-Limit-Reset``)."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from service.oidc.errors import OidcError
from service.oidc.okta import RATE_LIMITS

TOO_MANY_REQUESTS: Final = 429
LONGEST_WAIT_S: Final = 3600
UNSAID_WAIT_S: Final = 60

_DIGITS = re.compile(r"[0-9]{1,12}")


def rate_limited(headers: Mapping[str, str], now: float) -> OidcError:
    """Return the error for a 429. Nobody waits here: its ``retry_after`` says when to come back, in an hour at most.

    ``headers`` have names in lower case; ``now`` is in seconds since the epoch.
    """
    wait = _retry_after(headers.get("retry-after", ""), now)
    if wait is None:
        wait = _reset(headers.get("x-rate-limit-reset", ""), now)
    seconds = min(max(int(UNSAID_WAIT_S if wait is None else wait), 1), LONGEST_WAIT_S)
    return OidcError(
        "provider_unreachable",
        "rate_limited",
        f"The provider limits how many requests it answers, and wants to be asked again in {seconds} seconds.",
        field=RATE_LIMITS,
        at_okta="Okta's limits count for the whole organization.",
        retry_after=seconds,
    )


def _retry_after(text: str, now: float) -> float | None:
    if _DIGITS.fullmatch(text):
        return float(text)
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return None


def _reset(text: str, now: float) -> float | None:
    return float(text) - now if _DIGITS.fullmatch(text) else None
