"""What the demonstration tells whoever started it: what to open, and what to try."""

import shlex
import sys
from pathlib import Path

from service.demo.cast import GLOBEX, PEOPLE, WORKSPACES


def guide(service: str, issuer: str, token_file: Path, data: Path) -> str:
    """Return the text."""
    lines = [
        "",
        "Keyledger is running, with an OpenID provider that behaves like an Okta org.",
        "",
        f"  Open first   {issuer}/",
        "               the dashboard of a customer's organisation, with a tile for each workspace",
        f"  Login page   {service}/login",
        "               the e-mail's domain decides what is offered; the links that it mails are under Mails",
        f"  Start page   {service}/",
        f"  Mails        {issuer}/mail",
        f"  API          {service}/api/v1/openapi.json",
        "  Commands     in another terminal:",
        f"               export KEYLEDGER_URL={service} KEYLEDGER_TOKEN=$(cat {shlex.quote(str(token_file))})",
        f"               {shlex.quote(_command())} history acme",
        "",
    ]
    for workspace in WORKSPACES:
        lines += [f"  Try at {workspace.name}: {service}/api/sso/initiate/{workspace.slug}"]
        lines += [f"    {PEOPLE[key].name:<10} {story.line}" for key, story in workspace.stories.items()]
        lines += [""]
    lines += [
        f"  Try a link by mail: {service}/login with {PEOPLE[GLOBEX.owner].email}, who was invited to {GLOBEX.name}",
        f"    and then {issuer}/mail, where the link is.",
        "",
    ]
    lines += [
        f"Everything is kept in {data}, also who has signed in; delete that directory to begin anew. Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)


def _command() -> str:
    """Return what starts the command line here: its name alone would be found in an active environment only."""
    beside = Path(sys.executable).with_name("keyledger")
    return str(beside) if beside.exists() else "keyledger"
