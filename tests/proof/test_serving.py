"""The real service, with two workers, makes checkpoints by itself; what it publishes and serves holds elsewhere."""

import asyncio
import time
from pathlib import Path

from support import stranger
from support.database import TestDatabase
from support.service import RunningService, running_service

from events.checkpoints import read_checkpoint
from events.notes import NoteKey, open_note

WITHIN_S = 60.0


async def test_checkpoints_appear_by_themselves_and_cover_what_was_recorded(
    database: TestDatabase, tmp_path: Path
) -> None:
    """One signer of two workers, one file for each checkpoint, signed by the served key, covering the newest event."""
    published = tmp_path / "published"
    more = {"CHECKPOINT_SECONDS": "1", "CHECKPOINT_DIR": str(published), "WORKERS": "2"}

    def run() -> None:
        with running_service(database, tmp_path, **more) as service:
            asyncio.run(use(service, published))

    await asyncio.to_thread(run)


async def use(service: RunningService, published: Path) -> None:
    """Record something, wait for the checkpoint that covers it, and check what is published and served."""
    await service.call("POST", "/workspaces", {"slug": "acme", "name": "Acme", "plan": "one"})
    position = (await service.call("GET", "/workspaces/acme"))["position"]
    newest = await asyncio.to_thread(covering, published, position)
    (key,) = (await service.call("GET", "/checkpoints/keys"))["items"]
    open_note(newest, [NoteKey.parse(key["key"])])
    assert (await service.call("GET", "/checkpoints/latest"))["note"] == newest
    notes = [one["note"] for one in (await service.call("GET", "/checkpoints"))["items"]]
    assert [file.read_text("utf-8") for file in sorted(published.glob("*.checkpoint"))] == notes
    export = await service.call("GET", "/workspaces/acme/export")
    assert export["checkpoint"] == newest
    stranger.check_document(export)


def covering(directory: Path, position: int) -> str:
    """Wait for a published note that covers this position."""
    late = time.monotonic() + WITHIN_S
    while time.monotonic() < late:
        for file in sorted(directory.glob("*.checkpoint"))[-1:]:
            note = file.read_text("utf-8")
            if read_checkpoint(note).position >= position:
                return note
        time.sleep(0.05)
    message = f"no checkpoint covers position {position}"
    raise AssertionError(message)
