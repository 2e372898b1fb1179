"""One change to a workspace by the API: why it is made, and what is said about it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from service.cli.client import open_client, segment
from service.cli.output import hint, say, say_json, say_table, short


@dataclass(frozen=True)
class Why:
    """What goes along with a change: the reason, who asked, the ticket, and the version it builds on."""

    reason: Annotated[
        str | None,
        typer.Option(
            help="Why; kept for ever, in clear, and shown to auditors: name nobody in it.", show_default=False
        ),
    ] = None
    requested_by: Annotated[
        str | None,
        typer.Option(
            help="Who asked for it, such as the customer's address; kept sealed, and can be forgotten.",
            show_default=False,
        ),
    ] = None
    ticket: Annotated[
        str | None,
        typer.Option(help="The support ticket that this belongs to; kept for ever, in clear.", show_default=False),
    ] = None
    if_version: Annotated[
        int | None, typer.Option(min=0, help="Refuse unless the workspace is at this version.", show_default=False)
    ] = None

    def members(self) -> dict[str, str]:
        """Return the members of the request body, without those that were not given."""
        given = {"reason": self.reason, "requested_by": self.requested_by, "ticket": self.ticket}
        return {name: value for name, value in given.items() if value is not None}


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes ``why: Why`` the options that make one up."""
    hints = get_type_hints(command, include_extras=True)
    own = [parameter for parameter in inspect.signature(command).parameters.values() if parameter.name != "why"]
    added = get_type_hints(Why, include_extras=True)
    names = [field.name for field in fields(Why)]

    @wraps(command)
    def run(**given: Any) -> None:
        why = Why(**{name: given.pop(name) for name in names})
        command(why=why, **given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [parameter.replace(annotation=hints[parameter.name]) for parameter in own]
    parameters += [inspect.Parameter(name, keyword, default=None, annotation=added[name]) for name in names]
    ordered = sorted(parameters, key=lambda parameter: parameter.kind)
    run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]  # what inspect.signature looks for
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
    return run


def record(
    slug: str, type_: str, data: Mapping[str, object], why: Why, *, as_json: bool, then: str | None = None
) -> None:
    """Ask for one event, and print what came of it; ``then`` says what could be done next."""
    body = {"type": type_, "data": dict(data), **why.members()}
    answer = open_client().send("POST", f"/workspaces/{segment(slug)}/events", body, why.if_version)
    tell(slug, answer, as_json=as_json, then=then)


def tell(slug: str, answer: Mapping[str, Any], *, as_json: bool, then: str | None = None) -> None:
    """Print what a change recorded."""
    if as_json:
        say_json(answer)
        return
    events = answer["events"]
    if not events:
        say(f"Nothing to change: {slug} has it so already, at version {answer['version']}.")
    else:
        say_table(["version", "event", "data"], [[e["version"], e["type"], short(e["data"])] for e in events])
    if then:
        hint(f"Next: {then}")
