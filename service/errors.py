"""What the service refuses beyond the decisions about a workspace: who may ask, what exists, what was asked before.

Every refusal, from here or from the decisions, is one type with a stable ``code``, a sentence that a person can act on,
and details that are safe to show. None of them repeats what the caller sent.
"""

from events.refusals import Refusal
from events.workspace import UnreadableEvent


class Unauthenticated(Refusal):
    """No bearer token, or one that is unknown, revoked or expired. The answer does not tell which."""

    def __init__(self) -> None:
        super().__init__("unauthenticated", "Send a valid token as: Authorization: Bearer klt_...")


class Forbidden(Refusal):
    """The token is good but its role may not do this."""

    def __init__(self, role: str, needed: str) -> None:
        super().__init__(
            "forbidden",
            f"This token has the role {role}, which may not do this. It takes a token with the role {needed}.",
            {"role": role, "needed": needed},
        )


class WorkspaceUnknown(Refusal):
    """No workspace has this slug; it is repeated only if it could be one."""

    def __init__(self, slug: str | None = None) -> None:
        named = "such workspace" if slug is None else f"workspace {slug}"
        super().__init__("workspace_unknown", f"There is no {named}.", {} if slug is None else {"slug": slug})


class WorkspaceParked(Refusal):
    """The workspace has an event that this program cannot read. Nobody else's is affected."""

    def __init__(self, unreadable: UnreadableEvent) -> None:
        message = (
            f"The workspace {unreadable.stream_id} is parked: this version of Keyledger cannot read its event at "
            f"position {unreadable.position}, {unreadable.type} in schema version {unreadable.schema_version}. Its "
            "history can still be read. Install the version that wrote the event; no other workspace is affected."
        )
        details = {"slug": unreadable.stream_id, "position": unreadable.position, "event_type": unreadable.type}
        super().__init__("workspace_parked", message, details)


class SlugTaken(Refusal):
    """The slug belongs to a workspace, or did once; slugs are never given a second time."""

    def __init__(self, slug: str) -> None:
        message = (
            f"The slug {slug} is taken. Slugs are never used again, even after a workspace closed; choose another."
        )
        super().__init__("slug_taken", message, {"slug": slug})


class VersionStale(Refusal):
    """The caller named a version, and the workspace has moved on (HTTP If-Match, RFC 9110 13.1.1)."""

    def __init__(self, expected: int, actual: int) -> None:
        message = (
            f"The workspace is at version {actual}, not {expected}: somebody changed it meanwhile. "
            "Read it again, and repeat the change if it still makes sense."
        )
        super().__init__("version_conflict", message, {"expected": expected, "version": actual})


class IdempotencyConflict(Refusal):
    """The idempotency key was used before, with another request."""

    def __init__(self) -> None:
        message = "This Idempotency-Key was used before with another request. Use a new key for a new request."
        super().__init__("idempotency_conflict", message)


class Busy(Refusal):
    """Writers kept getting in each other's way; nothing was recorded."""

    def __init__(self) -> None:
        super().__init__("busy", "Other changes to this workspace got in the way each time. Try again in a moment.")


class RateLimited(Refusal):
    """Too many requests. ``retry_after`` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        message = f"Too many requests that failed to authenticate. Try again in {retry_after} seconds."
        super().__init__("rate_limited", message, {"retry_after": retry_after})
        self.retry_after = retry_after


def invalid(detail: str, pointer: str = "", where: str = "body") -> Refusal:
    """Return a ``data_invalid`` refusal for one place: a JSON pointer into the body, the query or a header."""
    return data_invalid([{"in": where, "pointer": pointer, "detail": detail}])


def data_invalid(errors: list[dict[str, str]]) -> Refusal:
    """Return a ``data_invalid`` refusal for several places; each error has ``in``, ``pointer`` and ``detail``."""
    first = errors[0]
    place = f"{first['in']} {first['pointer']}: " if first["pointer"] else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refusal("data_invalid", f"{place}{first['detail']}{more}", {"errors": errors})
