"""What people read when signing in by Google or by a mailed link does not work."""

from collections.abc import Mapping
from typing import Final

from service.web.notice import Notice

LOGIN_CASES: Final[Mapping[tuple[str, str], Notice]] = {
    ("rate_limited", "links"): Notice(
        429,
        "you",
        "That is enough links for now",
        "Several sign-in links were sent to this address in the last quarter of an hour.",
        "Use the newest one, and look in the spam folder too. In a few minutes you can ask for another.",
        "Back to sign-in",
    ),
    ("link_invalid", "sign_in"): Notice(
        410,
        "you",
        "This link doesn’t work any more",
        "A sign-in link works for a quarter of an hour, or the address of this one is not complete.",
        "Ask for a new one, and open it from the latest mail.",
        "Get a new link",
    ),
    ("link_used", "sign_in"): Notice(
        410,
        "you",
        "This link was already used",
        "Each link works once, and using one ends the others that were sent to the same address.",
        "Ask for a new one to sign in again. If you never used it, tell your workspace’s owner.",
        "Get a new link",
    ),
    ("invitation_required", "no_membership"): Notice(
        403,
        "you",
        "No workspace has this address",
        "You are who you say you are, but no workspace knows this address, and none has invited it.",
        "Try another address of yours, or ask an owner or admin of your workspace to invite this one.",
        "Use another address",
    ),
    ("identity_conflict", "made_by_sso"): Notice(
        403,
        "you",
        "Sign in with single sign-on first",
        "A workspace knows your address from its single sign-on, which alone doesn’t show that the account is yours.",
        "Sign in with single sign-on. If you then open a sign-in link in the same browser, both work from then on.",
        "Sign in with SSO",
    ),
    ("email_unverified", "not_verified"): Notice(
        403,
        "you",
        "Google hasn’t verified this address",
        "Google does not say that the address of your account is yours.",
        "Verify the address in your Google account, or sign in by a link that we send to it.",
        "Back to sign-in",
    ),
    ("email_unverified", "not_googles"): Notice(
        403,
        "you",
        "Google can’t vouch for this address",
        "Your Google account’s address is neither at gmail.com nor of an organisation at Google, so we can’t take "
        "Google’s word for it.",
        "Sign in by a link that we send to the address instead.",
        "Back to sign-in",
    ),
}
"""By reason and detail."""
