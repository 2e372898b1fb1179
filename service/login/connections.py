"""What the flow needs to know of workspaces and their secrets, whoever provides it."""

from typing import Protocol

from pydantic import SecretStr

from events.workspace import Workspace
from events.workspace_values import Credentials


class Connections(Protocol):
    """The connections as recorded, fresh within a bound. Admission looks at them anew, on committed state."""

    async def get(self, slug: str) -> Workspace | None:
        """Return the workspace's state, ``None`` when there is no such workspace."""

    def at_hand(self, slug: str) -> Workspace | None:
        """Return what :meth:`get` would, if that takes no waiting."""

    def peek(self, slug: str) -> Workspace | None:
        """Return the state if it is at hand, without waiting for anything."""


class Secrets(Protocol):
    """The client secrets, sealed at rest."""

    async def open(self, workspace: Workspace, credentials: Credentials) -> SecretStr | None:
        """Return the client secret of these credentials, ``None`` when it was deleted."""
