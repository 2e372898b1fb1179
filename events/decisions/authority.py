"""Who may ask for what. Checked before anything else about a command."""

from collections.abc import Mapping

from events.commands import EMITTABLE, Command
from events.decisions.facts import Facts
from events.envelope import ActorType
from events.refusals import Refusal

_SETUP = frozenset(
    {
        "DomainAdded",
        "DomainRemoved",
        "DomainVerified",
        "JitEnabled",
        "JitDisabled",
        "ProviderLogoutEnabled",
        "ProviderLogoutDisabled",
        "CredentialsSet",
        "CredentialsStaged",
        "CredentialsDiscarded",
        "SsoEnabled",
        "SetupLinkUsed",
    }
)
_PEOPLE = frozenset(
    {
        "MemberInvited",
        "InvitationRevoked",
        "MemberRoleChanged",
        "MemberDeactivated",
        "MemberReactivated",
        "MemberErased",
    }
)
# What a person's own sign-in or test causes; the service gives these commands, never a request's content.
_BY_SIGN_IN = frozenset({"MemberJoined", "IdentityRelinked", "ConnectionProven", "EnforcementConfirmed"})
_STAFF = EMITTABLE | _PEOPLE | {"WorkspaceRegistered", "SetupLinkIssued", "IdentityRelinked"}
_OWNER = (
    (EMITTABLE - {"WorkspacePlanChanged", "WorkspaceClosed"})
    | _PEOPLE
    | _BY_SIGN_IN
    | {"SetupLinkIssued", "RecoveryCodesIssued", "RecoveryCodeUsed"}
)
_RECOVERY = _BY_SIGN_IN | {
    "RecoveryCodeUsed",
    "CredentialsStaged",
    "CredentialsDiscarded",
    "CredentialsPromoted",
    "EnforcementDisabled",
}

_BY_ACTOR: Mapping[ActorType, frozenset[str]] = {
    "staff": _STAFF,
    "token": _STAFF,
    "operator": _STAFF | {"SecretsShredded", "RecoveryCodesRevoked"},
    "setup": _SETUP | {"ConnectionProven"},
}

_NEEDS_OWNER = (
    "This decides who gets in and needs an owner of the workspace, signed in, or support. "
    "A set-up link configures and tests, and leaves this to them."
)


def authorise(command: Command, facts: Facts) -> None:
    """Refuse a command that this actor may not give.

    Raises:
        Refusal: ``forbidden``.
    """
    kind = facts.actor.type
    if kind == "system" or command.emits in (_of_member(facts) if kind == "member" else _BY_ACTOR[kind]):
        return
    sentence = _NEEDS_OWNER if command.emits in _OWNER else "This is recorded by the service itself."
    raise Refusal("forbidden", sentence, type=command.emits)


def is_staff(facts: Facts) -> bool:
    """Whether somebody asks who is not of the workspace."""
    return facts.actor.type in {"staff", "token", "operator"}


def _of_member(facts: Facts) -> frozenset[str]:
    if facts.acting_role == "owner":
        return _OWNER
    return _RECOVERY if facts.acting_role == "recovery" else _BY_SIGN_IN
