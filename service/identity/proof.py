"""After a sign-in or a test has committed: what it proves about the connection is recorded, once.

The sign-in stands whatever happens here. A proof that could not be recorded is recorded by the next one.
"""

from functools import partial
from typing import Literal

import structlog

from events.commands import Command
from events.commands.access import ConfirmEnforcement
from events.commands.credentials import ProveConnection
from events.envelope import SYSTEM, Context
from events.refusals import Refusal
from events.workspace import Workspace
from service.identity.change import Change, change_workspace
from service.identity.outcome import Outcome
from service.identity.read_model import UnusableReadModel
from service.identity.resources import IdentityResources

log = structlog.get_logger("identity")


async def record_proof(
    resources: IdentityResources, judged: Workspace, credentials_id: str, outcome: Outcome, request_id: str
) -> None:
    """Record ``ConnectionProven`` and ``EnforcementConfirmed`` where the state that was judged lacks them.

    What goes wrong in recording is logged and never raised.
    """
    commands = _commands(judged, credentials_id, outcome)
    context = Context(SYSTEM, correlation_id=request_id)
    for command in commands:
        try:
            await change_workspace(resources, judged.slug, context, partial(_record, command))
        except (Refusal, UnusableReadModel) as reason:
            log.info("a proof was not recorded", workspace=judged.slug, wanted=command.emits, why=str(reason))
        except Exception:
            # The sign-in has committed and stands; whatever is wrong here must not take it away from the person.
            log.exception("a proof was not recorded", workspace=judged.slug, wanted=command.emits)


def _commands(judged: Workspace, credentials_id: str, outcome: Outcome) -> list[Command]:
    commands: list[Command] = []
    member_id = None if outcome.member_id is None else str(outcome.member_id)
    known = (judged.credentials, judged.staged)
    used = next((one for one in known if one is not None and one.credentials_id == credentials_id), None)
    if used is not None and not used.proven:
        by: Literal["test", "sign_in"] = "test" if outcome.status == "tested" else "sign_in"
        commands.append(ProveConnection(credentials_id=credentials_id, by=by, member_id=member_id))
    unconfirmed = judged.enforcement is not None and not judged.enforcement.confirmed
    if unconfirmed and outcome.status == "signed_in":
        commands.append(ConfirmEnforcement(member_id=member_id))
    return commands


async def _record(command: Command, change: Change) -> None:
    await change.decide(command)
