"""What people read when the provider, or how it is set up, is in the way of a sign-in.

Whoever administers the provider finds the precise cause and the setting's name below these words, on the same page.
"""

from collections.abc import Mapping
from typing import Final

from service.web.notice import Notice

PROVIDER_NOTICES: Final[Mapping[str, Notice]] = {
    "issuer_mismatch": Notice(
        400,
        "administrator",
        "This sign-in came from {another}",
        "The sign-in names another address than that of {companys} which this workspace is connected to, so we "
        "stopped it.",
        "Start again from this page. If it keeps happening, the {domain} in the workspace’s settings and the address "
        "that {provider} uses for this app have to be made the same.",
    ),
    "provider_denied": Notice(
        403,
        "administrator",
        "{Provider} didn’t let you through",
        "{Provider} answered that you may not use this app.",
        "Ask your {administrator} to assign you to the app, then start again.",
    ),
    "provider_error": Notice(
        400,
        "administrator",
        "{Provider} couldn’t complete the sign-in",
        "{Provider} came back with an error instead of a sign-in.",
        "Try once more. If it fails again, send your {administrator} the reference below: {sees_cause}.",
    ),
    "provider_misconfigured": Notice(
        400,
        "administrator",
        "The app’s setup needs a change",
        "{Provider} answered in a way that shows a setting of the app is not as it has to be.",
        "Send this page to your {administrator}. Once the setting is changed, start again.",
    ),
    "provider_unreachable": Notice(
        502,
        "administrator",
        "{Provider} doesn’t answer",
        "We couldn’t reach {companys} just now.",
        "Wait a minute and start again. If it goes on, your {administrator} can check {status}.",
    ),
    "code_rejected": Notice(
        400,
        "you",
        "{Provider} didn’t accept the sign-in",
        "{Provider} no longer knows the sign-in that it sent us. That happens when coming back took over a minute, or "
        "the page was loaded twice.",
        "Start again. If it fails each time, send your {administrator} the reference below.",
    ),
    "id_token_invalid": Notice(
        400,
        "administrator",
        "We couldn’t trust the answer",
        "What {provider} answered did not pass our checks, so nobody was signed in.",
        "Start again. If it fails each time, send your {administrator} this page.",
    ),
    "userinfo_invalid": Notice(
        400,
        "administrator",
        "We couldn’t trust the answer",
        "What {provider} told us about you did not pass our checks, so nobody was signed in.",
        "Start again. If it fails each time, send your {administrator} this page.",
    ),
    "email_missing": Notice(
        403,
        "administrator",
        "We weren’t told your e-mail address",
        "Your {profile} has no e-mail address that we can use, or the app does not share it.",
        "Ask your {administrator} to fill in the e-mail address in your profile, then start again.",
    ),
    "email_unverified": Notice(
        403,
        "administrator",
        "Your e-mail address isn’t verified",
        "This workspace takes verified e-mail addresses only, and {provider} does not mark yours as verified.",
        "Ask your {administrator} to verify it, then start again.",
    ),
}

PROVIDER_CASES: Final[Mapping[tuple[str, str], Notice]] = {
    ("attempt_expired", "credentials_replaced"): Notice(
        400,
        "you",
        "The connection was just changed",
        "While you were signing in, the workspace’s connection to {companys} was replaced.",
        "Start again to use the new one.",
    ),
    ("issuer_mismatch", "discovery_issuer_mismatch"): Notice(
        400,
        "administrator",
        "{Provider} goes by another address",
        "{Provider} names itself by another address than the one that this workspace is connected to. That happens "
        "when a custom domain was switched on or off.",
        "Send this page to your {administrator}. Once both addresses are the same, start again.",
    ),
    ("issuer_mismatch", "id_token_issuer_mismatch"): Notice(
        400,
        "administrator",
        "{Provider} goes by another address",
        "{Provider} signed you in under another address than the one that this workspace is connected to. That "
        "happens when a custom domain was switched on or off.",
        "Send this page to your {administrator}. Once both addresses are the same, start again.",
    ),
    ("provider_denied", "canceled"): Notice(
        403,
        "you",
        "You stopped the sign-in",
        "{Provider} says that the sign-in was cancelled.",
        "Start again whenever you like.",
    ),
    ("provider_denied", "policy"): Notice(
        403,
        "administrator",
        "{Provider} didn’t let you through",
        "A sign-on policy of your company does not allow this sign-in from here.",
        "Try from a network or device that your company allows, or ask your {administrator}.",
    ),
    ("provider_denied", "not_assigned"): Notice(
        403,
        "administrator",
        "You’re not assigned to this app",
        "{Provider} knows you, but this app has not been assigned to you there.",
        "Ask your {administrator} to assign you, or a group that you are in, then start again.",
    ),
    ("provider_error", "login_required"): Notice(
        400,
        "you",
        "{Provider} asks you to sign in",
        "Your session at {provider} has ended.",
        "Start again and sign in there.",
    ),
    ("provider_misconfigured", "client_secret_wrong"): Notice(
        400,
        "administrator",
        "The client secret doesn’t work any more",
        "{Provider} refuses the client secret of this workspace’s connection: it is wrong, expired or switched off.",
        "Send this page to your {administrator}: support needs a new client secret. Then start again.",
    ),
    ("provider_misconfigured", "dpop_required"): Notice(
        400,
        "administrator",
        "One setting of the app is in the way",
        "{Provider} demands proof of possession (DPoP), which this app must not demand.",
        "Send this page to your {administrator}, who can switch it off. Then start again.",
    ),
    ("provider_misconfigured", "id_token_posted"): Notice(
        400,
        "administrator",
        "The app’s tile starts the sign-in in another way",
        "{Provider} sent you here with a finished sign-in that nobody asked for. To keep you safe, we don’t take "
        "those.",
        "Start again from this page for now, and send it to your {administrator}, who can change how the tile starts.",
    ),
    ("provider_unreachable", "rate_limited"): Notice(
        503,
        "you",
        "Too many sign-ins at once",
        "{Provider} answers only so many requests a minute, and your company used them up just now.",
        "Wait a minute and start again. If it happens often, send your {administrator} this page.",
    ),
    ("provider_unreachable", "temporarily_unavailable"): Notice(
        503,
        "administrator",
        "{Provider} is busy",
        "{Provider} answered that it can’t sign anybody in at the moment.",
        "Wait a minute and start again.",
    ),
}
"""Cases of a reason that deserve words of their own, by reason and detail."""
