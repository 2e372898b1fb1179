"""What the demonstration tells whoever started it: what to open, and what to try."""

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
        f"  Commands     export KEYLEDGER_URL={service} KEYLEDGER_TOKEN=$(cat {token_file})",
        "               keyledger history acme",
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
    lines += [f"Everything is kept in {data}. Ctrl-C ends it.", ""]
    return "\n".join(lines)
