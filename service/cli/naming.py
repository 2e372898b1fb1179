"""Who did something, and who asked for it, as the command line names them."""

from collections.abc import Mapping
from typing import Any


def who(event: Mapping[str, Any]) -> str:
    """Return who did what an event of the API tells, and for whom: by name where there is one."""
    actor, asked = event["actor"], event["requested_by"]
    return f"{actor['type']} {actor['name'] or actor['id']}" + (f" for {asked['name'] or asked['id']}" if asked else "")
