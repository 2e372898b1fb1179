"""A refusal: what was asked for is understood and not done, with a stable code and a sentence a person can act on."""

from collections.abc import Mapping
from types import MappingProxyType

STATUS: Mapping[str, int] = MappingProxyType(
    {
        # Who asks, and where they ask.
        "unauthenticated": 401,
        "forbidden": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "not_acceptable": 406,
        "too_large": 413,
        "media_type_unsupported": 415,
        "rate_limited": 429,
        "internal": 500,
        "log_broken": 500,
        "busy": 503,
        "workspace_parked": 503,
        # What is asked about does not exist, or not any more.
        "workspace_unknown": 404,
        "member_unknown": 404,
        "invitation_unknown": 404,
        "sign_in_removed": 410,
        "workspace_closed": 409,
        "slug_taken": 409,
        # Two requests meet.
        "version_conflict": 412,
        "idempotency_conflict": 409,
        # The request itself is wrong, whatever the state.
        "data_invalid": 422,
        "event_type_unknown": 422,
        "domain_invalid": 422,
        "domain_generic": 422,
        "domain_disposable": 422,
        "provider_invalid": 422,
        "provider_unreachable": 502,
        # The request is sound and the state of the workspace forbids it.
        "plan_without_sso": 409,
        "not_ready": 409,
        "not_proven": 409,
        "would_lock_out": 409,
    }
)
"""Every code with the HTTP status it maps to. A code is stable: it is never renamed and never given a new meaning."""

CODES = frozenset(STATUS)


class Refusal(Exception):
    """What was asked for is not done, and nothing has changed.

    Attributes:
        code: one of ``CODES``; stable, for programs.
        message: a sentence for a person that says what to do about it.
        details: JSON-able members for programs; safe to show.
    """

    code: str
    message: str
    details: Mapping[str, object]

    def __init__(self, code: str, message: str, details: Mapping[str, object] | None = None, /, **more: object) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details = MappingProxyType({**(details or {}), **more})

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
