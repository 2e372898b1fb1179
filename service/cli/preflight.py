"""Before single sign-on is switched on or required: what is missing, and whom it would affect."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.cli.client import open_client, segment
from service.cli.output import hint, say, say_json

AFFECTED: Final = {
    "outside_domains": "Members outside the allowed domains, whom SSO refuses",
    "never_by_sso": "Members who never signed in by SSO",
    "owners": "Owners among them",
    "open_invitations": "Open invitations",
    "invitations_outside_domains": "Open invitations outside the allowed domains",
}


def read_readiness(slug: str) -> Mapping[str, Any]:
    """Ask what is missing and who would be affected."""
    answer: Mapping[str, Any] = open_client().get(f"/workspaces/{segment(slug)}/readiness")
    return answer


def say_gate(title: str, gate: Mapping[str, Any]) -> None:
    """Print whether a workspace is ready for this, and what is missing."""
    say(f"{title}: {'ready' if gate['ready'] else 'not ready'}{' and on' if gate['enabled'] else ''}")
    for one in gate["missing"]:
        say(f"  - {one['sentence']}")


def say_affected(affected: Mapping[str, list[str]], into: Callable[[str], None] = say) -> None:
    """Print whom requiring SSO would affect, and why."""
    for name, people in affected.items():
        if people:
            into(f"  {AFFECTED[name]}: {', '.join(people)}")


def preview_enforcement(slug: str, *, as_json: bool) -> bool:
    """Print what requiring SSO would come to. Records nothing. Returns whether it would be granted."""
    answer = read_readiness(slug)
    gate = answer["enforcement"]
    if as_json:
        say_json({"enforcement": gate, "affected": answer["affected"]})
    else:
        say_gate("Enforcement", gate)
        say_affected(answer["affected"])
        hint("Nothing was recorded.")
    return bool(gate["ready"])


def warn_of_affected(slug: str) -> None:
    """Tell, beside what is recorded, who will have to sign in another way or not at all."""
    affected = read_readiness(slug)["affected"]
    if any(affected.values()):
        hint("Requiring SSO affects:")
        say_affected(affected, hint)
