"""A workspace's whole history as one file that proves itself."""

from collections.abc import AsyncIterator
from typing import Annotated

from aiohttp import web
from pydantic import Field

from events.export import ExportBusy, open_export
from events.intake import LogDoesNotHold
from events.notes import NoteRefused
from events.refusals import Refusal
from events.tiles import TreeDamaged
from service.api.answers import named_workspace
from service.api.authentication import authenticate
from service.api.operation import JSON, Answer, Call, Operation, Query
from service.api.streaming import whole_or_broken_off
from service.errors import Busy, invalid
from service.keys import COMMANDS, NOTARY


class ExportQuery(Query):
    """From which earlier checkpoint the log is to be shown to have only grown, and whether names go along."""

    since: Annotated[
        int | None, Field(ge=0, lt=2**63, description="The size of the checkpoint in an earlier export.")
    ] = None
    names: Annotated[
        bool,
        Field(
            description="Give, for each id of a name in the events, the name and the key by which it can be checked. "
            "Whoever was forgotten is left out; from a file that was given out nobody can be."
        ),
    ] = False


async def export_workspace(call: Call) -> web.StreamResponse:
    """Stream the file."""
    slug, query = await named_workspace(call), call.query_as(ExportQuery)
    names = call.request.app[COMMANDS].resources.identity.names if query.names else None
    try:
        async with open_export(call.request.app[NOTARY], slug, query.since, names) as pieces:
            return await _write(call.request, slug, pieces)
    except LogDoesNotHold as refused:
        sentence = f"{refused} Tell the operator to run: keyledger verify"
        raise Refusal("log_broken", sentence, {"position": refused.fault.position}) from None
    except (TreeDamaged, NoteRefused) as error:
        raise Refusal("log_broken", f"{error} Tell the operator to run: keyledger verify") from None
    except ExportBusy:
        raise Busy from None
    except ValueError:
        sentence = (
            "The log has fewer events than that checkpoint covers. If it is a checkpoint of this log, the log was "
            "cut off or restored from an older backup."
        )
        raise invalid(sentence, "/since", "query") from None


async def _write(request: web.Request, slug: str, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    # The first piece is made before the status is out: what can be refused is refused as a problem.
    first = await anext(pieces)
    response = web.StreamResponse(
        headers={
            "Content-Type": JSON,
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{slug}.keyledger.json"',
        }
    )
    await response.prepare(request)
    with whole_or_broken_off(request):
        await response.write(first)
        async for piece in pieces:
            # Whoever reads slowly may have lost the right to read on.
            await authenticate(request)
            await response.write(piece)
        await response.write_eof()
    return response


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/export",
        identifier="export_workspace",
        summary="The workspace's whole history as one file that proves itself, to be checked without this service",
        access="read",
        handler=export_workspace,
        query=ExportQuery,
        answers={200: Answer("The file; it holds its own description.", {JSON: None})},
        refusals=("workspace_unknown", "log_broken"),
    ),
)
