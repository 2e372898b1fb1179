"""What people read when a sign-in does not work: what happened, whose turn it is, what to do.

One notice per reason. A page is refused at start when a reason has none.
"""

from collections.abc import Mapping
from typing import Final

from service.web.login_notices import LOGIN_CASES
from service.web.notice import Notice
from service.web.provider_notices import PROVIDER_CASES, PROVIDER_NOTICES

SIGN_IN_REASONS: Final = frozenset(
    {
        "workspace_unavailable", "issuer_mismatch", "attempt_missing", "attempt_expired", "attempt_used",
        "attempt_foreign", "provider_denied", "provider_error", "provider_misconfigured", "provider_unreachable",
        "code_rejected", "id_token_invalid", "userinfo_invalid", "email_missing", "email_unverified",
        "domain_not_allowed", "invitation_required", "member_deactivated", "identity_conflict", "method_not_allowed",
    }
)  # fmt: skip
"""Every reason in the sign-in log but ``ok``."""

PAGE_REASONS: Final = frozenset(
    {
        "not_found", "wrong_method", "request_malformed", "request_too_large", "media_type_unsupported",
        "foreign_origin", "rate_limited", "link_invalid", "link_used", "switch_expired", "unauthenticated", "internal",
        "busy",
    }
)  # fmt: skip
"""Reasons that are no sign-in's outcome: a request that we do not take."""

NOTICES: Final[Mapping[str, Notice]] = {
    **PROVIDER_NOTICES,
    "workspace_unavailable": Notice(
        404,
        "you",
        "Single sign-on isn’t available here",
        "There is no workspace at this address that takes single sign-on.",
        "Check the address, or ask the person who gave it to you. If it worked before, your workspace’s owner can tell "
        "whether single sign-on was switched off.",
    ),
    "attempt_missing": Notice(
        400,
        "you",
        "This browser doesn’t know of the sign-in",
        "The sign-in that came back was begun in another browser or a private window, or this browser didn’t keep the "
        "cookie for it.",
        "Start again here, and finish in the same browser. If cookies are blocked for this site, allow them.",
    ),
    "attempt_expired": Notice(
        400,
        "you",
        "The sign-in took too long",
        "More than thirty minutes passed between starting the sign-in and coming back from {provider}.",
        "Start again. Nothing was lost.",
    ),
    "attempt_used": Notice(
        400,
        "you",
        "This sign-in was already used",
        "Each sign-in works once, and this one has been completed or turned down. That happens after reloading the "
        "page or using the back button.",
        "Start again. If you are still signed in at {provider}, it takes a second.",
    ),
    "attempt_foreign": Notice(
        400,
        "you",
        "This sign-in belongs somewhere else",
        "The sign-in that came back was begun for another workspace or under other settings, so we didn’t use it.",
        "Start again for the workspace that you want.",
    ),
    "domain_not_allowed": Notice(
        403,
        "you",
        "This e-mail address can’t sign in here",
        "The workspace takes sign-ins from certain e-mail domains only, and yours is not among them.",
        "Start again with your work account. If this is it, ask the workspace’s owner to have your domain added.",
    ),
    "invitation_required": Notice(
        403,
        "you",
        "Ask for an invitation",
        "You are who you say you are, but you are not yet a member of this workspace, and it takes new people by "
        "invitation.",
        "Ask an owner or admin of the workspace to invite the e-mail address that you use at {provider}. Then "
        "start again.",
    ),
    "member_deactivated": Notice(
        403,
        "you",
        "Your access was switched off",
        "Your membership of this workspace is deactivated.",
        "Ask an owner or admin of the workspace to switch it on again.",
    ),
    "identity_conflict": Notice(
        403,
        "support",
        "This address belongs to another account",
        "A member with your e-mail address is already linked to another {account}, so we did not let this one in.",
        "Ask the workspace’s owner to contact support with the reference below. They will find out which account is "
        "yours.",
    ),
    "method_not_allowed": Notice(
        403,
        "you",
        "Use single sign-on",
        "This workspace asks everybody to sign in through its own provider.",
        "Start again with single sign-on.",
        "Sign in with SSO",
    ),
    "not_found": Notice(
        404, "you", "There’s nothing here", "No page has this address.", "Check it, or go to the start."
    ),
    "wrong_method": Notice(
        405, "you", "That isn’t possible here", "This address doesn’t take that kind of request.", "Go to the start."
    ),
    "request_malformed": Notice(
        400,
        "you",
        "We can’t read this request",
        "The address holds something twice, or something that doesn’t belong in it.",
        "Open the link again from where you found it.",
    ),
    "request_too_large": Notice(413, "you", "That was too much", "The request is larger than we take.", "Start again."),
    "media_type_unsupported": Notice(
        415,
        "administrator",
        "We can’t read this request",
        "A sign-in comes back as an address or as a form, and this was neither.",
        "Start again. If it fails each time, send your {administrator} the reference below.",
    ),
    "foreign_origin": Notice(
        403,
        "you",
        "This request came from elsewhere",
        "To keep you safe, this works only from our own pages, in a current browser.",
        "Go to the start and do it from there.",
    ),
    "rate_limited": Notice(
        429,
        "you",
        "That was a lot at once",
        "Too many sign-ins were tried in a short time.",
        "Wait a little, then go on.",
    ),
    "link_invalid": Notice(
        410,
        "you",
        "This link doesn’t work any more",
        "It has expired, or a newer one replaced it.",
        "Sign in again, and we will send you a new one.",
    ),
    "link_used": Notice(
        410,
        "you",
        "This link was already used",
        "Each link works once.",
        "If you confirmed the link yourself, sign in now. If you did not, tell support.",
    ),
    "switch_expired": Notice(
        400,
        "you",
        "Too much time has passed",
        "You didn’t choose which account to use in time, so nothing changed.",
        "Sign in again if you want to change accounts.",
    ),
    "internal": Notice(
        500,
        "support",
        "Something went wrong on our side",
        "It isn’t your fault, and nothing was changed.",
        "Try again in a moment. If it goes on, send support the reference below.",
    ),
    "unauthenticated": Notice(401, "you", "You’re not signed in", "Nobody is signed in here.", "Sign in first."),
    "busy": Notice(
        503,
        "you",
        "Somebody else was faster",
        "The workspace was being changed while you signed in, so nothing happened.",
        "Start again in a moment.",
    ),
}

CASES: Final[Mapping[tuple[str, str], Notice]] = {
    ("workspace_unavailable", "read_model_unusable"): Notice(
        503,
        "support",
        "This workspace is parked for the moment",
        "Its settings hold something that the running version of this service can’t read, so nobody is let in by them. "
        "Other workspaces are not affected, and nothing was changed.",
        "Try again in a while. If it goes on, send support the reference below.",
        "Try again",
    ),
    **PROVIDER_CASES,
    **LOGIN_CASES,
    ("busy", "database_away"): Notice(
        503,
        "you",
        "We can’t work at the moment",
        "A part of our service is away for a moment, so we did not finish this.",
        "Wait a few seconds, then load the page again. If that does not help, start again.",
    ),
    ("invitation_required", "invitation_accepted"): Notice(
        410,
        "you",
        "You have accepted already",
        "This invitation was accepted, and its link works once.",
        "Sign in with the address that was invited. If it wasn’t you who accepted, tell the workspace’s owner.",
        "Sign in",
    ),
    ("invitation_required", "invitation_overtaken"): Notice(
        409,
        "you",
        "The invitation can’t be accepted like this",
        "You are a member already, or the invitation or the workspace’s ways to sign in were changed a moment ago.",
        "Open the link in the mail once more. If that doesn’t help, sign in.",
    ),
    ("domain_not_allowed", "invited_outside_domains"): Notice(
        403,
        "you",
        "This invitation can’t be used yet",
        "The workspace requires single sign-on, and your address is of a domain that its single sign-on doesn’t take.",
        "Ask whoever invited you to invite your work address, or to have your domain added.",
    ),
    ("link_invalid", "setup"): Notice(
        410,
        "you",
        "This set-up link doesn’t work here",
        "It was used in another browser, has ended, was withdrawn, or its address is not complete.",
        "Ask whoever sent it for a new one.",
    ),
    ("link_invalid", "recovery"): Notice(
        410,
        "you",
        "This recovery has ended",
        "A recovery lasts a quarter of an hour, and its mailed link and code work once.",
        "Begin again with another of your codes.",
        "Use another code",
    ),
    ("link_invalid", "invitation"): Notice(
        410,
        "you",
        "This link doesn’t work any more",
        "The invitation was withdrawn or sent again, or the link is not complete.",
        "Open the link in the latest mail, or ask whoever invited you for a new one.",
    ),
    ("invitation_required", "invitation_ended"): Notice(
        403,
        "you",
        "Your invitation has ended",
        "You were invited to this workspace, but the invitation was withdrawn or has expired.",
        "Ask an owner or admin of the workspace for a new one. Then start again.",
    ),
}
"""Cases of a reason that deserve words of their own, by reason and detail."""


def notice_for(reason: str, detail: str | None = None, provider_kind: str | None = None) -> Notice:
    """Return the words for a reason, or for the case of it where it has some, as the kind of provider has them."""
    return CASES.get((reason, detail or ""), NOTICES[reason]).at(provider_kind)


def missing_notices() -> frozenset[str]:
    """Return the reasons that have no words, or words without a reason."""
    return (SIGN_IN_REASONS | PAGE_REASONS) ^ (set(NOTICES) | {reason for reason, _ in CASES})
