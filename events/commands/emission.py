"""From what support tooling emits, ``{"type": ..., "data": ...}``, to a command."""

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import ValidationError

from events.catalogue import CATALOGUE
from events.commands import access, configuration, credentials, people
from events.commands.command import Command
from events.mistakes import mistake
from events.refusals import Refusal

_MAXIMUM_ERRORS = 20
_MAXIMUM_NAME = 64

_EMITTED: tuple[type[Command], ...] = (
    configuration.ChangePlan,
    configuration.CloseWorkspace,
    configuration.AddDomain,
    configuration.RemoveDomain,
    configuration.VerifyDomain,
    configuration.EnableJit,
    configuration.DisableJit,
    configuration.EnableProviderLogout,
    configuration.DisableProviderLogout,
    credentials.SetCredentials,
    credentials.StageCredentials,
    credentials.PromoteCredentials,
    credentials.RollBackCredentials,
    credentials.DiscardCredentials,
    credentials.RemoveCredentials,
    access.EnableSso,
    access.DisableSso,
    access.EnableEnforcement,
    access.DisableEnforcement,
    access.GrantBypass,
    access.RevokeBypass,
    access.RevokeSetupLink,
)

_OWN: tuple[type[Command], ...] = (
    configuration.RegisterWorkspace,
    credentials.ProveConnection,
    credentials.ShredSecrets,
    access.ConfirmEnforcement,
    access.LapseEnforcement,
    access.IssueSetupLink,
    access.UseSetupLink,
    access.IssueRecoveryCodes,
    access.UseRecoveryCode,
    access.RevokeRecoveryCodes,
    people.InviteMember,
    people.RevokeInvitation,
    people.JoinMember,
    people.ChangeMember,
    people.DeactivateMember,
    people.ReactivateMember,
    people.EraseMember,
    people.RelinkIdentity,
)

COMMANDS: Mapping[str, type[Command]] = MappingProxyType({kind.emits: kind for kind in (*_EMITTED, *_OWN)})
"""Event type to the command that asks for it: all of them, those that only the service itself gives included."""

EMITTABLE: frozenset[str] = frozenset(kind.emits for kind in _EMITTED)
"""The types that support tooling may emit."""

_INSTEAD: Mapping[str, str] = {
    "WorkspaceRegistered": "A workspace is registered on its own, before anything is emitted into it.",
    "ConnectionProven": "Only a real sign-in proves a connection: sign in through it, or use the test button.",
    "EnforcementConfirmed": "Only a sign-in by SSO confirms enforcement.",
    "EnforcementLapsed": "Only the clock lets enforcement lapse. To lift it, emit EnforcementDisabled.",
    "SetupLinkIssued": "Ask for a set-up link instead; its address is shown only once, in the answer.",
    "SetupLinkUsed": "A set-up link is used in the browser of the person it was sent to.",
    "MemberJoined": "People join by signing in. Invite them instead.",
    "MemberInvited": "Send an invitation instead; an event carries no address.",
    "RecoveryCodesIssued": "Recovery codes are for an owner, who makes them when signed in.",
    "SecretsShredded": "Whoever runs the service shreds secrets, on the database: keyledger secrets shred.",
}


def parse_command(type_: str, data: object, pointer: str = "") -> Command:
    """Return the command that emitting this event asks for. ``pointer`` is where the event stands in the request.

    Raises:
        Refusal: ``event_type_unknown``, ``forbidden`` for a type that cannot be emitted, or ``data_invalid`` with
            ``details["errors"]``, one ``{"in", "pointer", "detail"}`` for each thing to mend. None repeats the input.
    """
    if type_ not in CATALOGUE:
        raise _unknown(type_)
    if type_ not in EMITTABLE:
        sentence = _INSTEAD.get(type_, "This is recorded by the service itself and cannot be emitted.")
        raise Refusal("forbidden", sentence, type=type_)
    kind = COMMANDS[type_]
    try:
        return kind.model_validate({} if data is None else data)
    except ValidationError as error:
        raise _invalid(error, f"{pointer}/data", list(kind.model_fields)) from None


def _unknown(type_: str) -> Refusal:
    close = difflib.get_close_matches(type_[:_MAXIMUM_NAME], EMITTABLE, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return Refusal("event_type_unknown", f"There is no such type of event.{hint}", known=sorted(EMITTABLE))


def _invalid(error: ValidationError, pointer: str, known: Sequence[str]) -> Refusal:
    found = error.errors(include_input=False, include_url=False)[:_MAXIMUM_ERRORS]
    errors = [
        {
            "in": "body",
            "pointer": pointer + "".join(_token(token) for token in item["loc"]),
            "detail": mistake(item, known),
        }
        for item in found
    ]
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refusal("data_invalid", f"{first['pointer']}: {first['detail']}{more}", errors=errors)


def _token(token: str | int) -> str:
    printable = str(token)[:_MAXIMUM_NAME].encode("utf-8", "replace").decode()
    return "/" + printable.replace("~", "~0").replace("/", "~1")
