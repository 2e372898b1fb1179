"""Set-up links by the API, and how many providers one request may have asked."""

import re

from support.management import Management

from service.identity.setup_link import find_link


async def test_a_set_up_link_is_told_once_and_the_history_holds_its_hash_alone(api: Management) -> None:
    await api.register()
    told = await api.post("/workspaces/acme/setup-links", {"hours": 2, "reason": "asked for"})
    token = told["url"].removeprefix("https://id.example.com/setup/")
    assert re.fullmatch(r"acme\.[A-Za-z0-9_-]{43}", token)
    assert [one["type"] for one in told["events"]] == ["SetupLinkIssued"]
    assert token.partition(".")[2] not in str(await api.pool.fetch("select canonical from ledger.events"))
    assert await find_link(api.pool, token, api.clock()) is not None
    assert await find_link(api.pool, token[:-1] + ("A" if token[-1] != "A" else "B"), api.clock()) is None
    await api.record("acme", "SetupLinkRevoked", {"link_id": told["id"]})
    assert await find_link(api.pool, token, api.clock()) is None


async def test_one_request_asks_at_most_three_providers(api: Management) -> None:
    """Refused before any of them is asked: these hosts do not exist."""
    await api.register()
    data = {"client_id": "0oa1", "client_secret": "s3cret"}
    many = [{"type": "CredentialsStaged", "data": data | {"issuer": f"https://id{n}.acme.example"}} for n in range(4)]
    refused = await api.post("/workspaces/acme/events", many, 422)
    assert refused["code"] == "data_invalid"
    assert "at most 3" in refused["detail"]
