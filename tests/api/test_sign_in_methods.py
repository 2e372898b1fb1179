"""What a host application's own login page asks: the same answer as our page gives."""

from support.database import Pool
from support.identity_world import World
from support.management import Management, managed

from events.catalogue.access import EnforcementEnabled


async def offered(api: Management, query: str) -> tuple[list[str], list[str]]:
    told = await api.get(f"/sign-in-methods?{query}")
    return told["methods"], [one["workspace"] for one in told["sso"]]


async def test_the_domain_or_the_workspace_decides(api: Management) -> None:
    world = World(api.pool)
    await world.register()
    for query in ("email=ada@acme.example", "email=nobody@ACME.example", "workspace=acme"):
        assert await offered(api, query) == (["sso", "magic_link"], ["acme"])
    for query in ("email=ada@globex.example", "workspace=nobody"):
        assert await offered(api, query) == (["magic_link"], [])
    told = await api.get("/sign-in-methods?workspace=acme")
    assert told["sso"] == [
        {
            "workspace": "acme",
            "name": "Acme",
            "required": False,
            "initiate_uri": "https://id.example.com/api/sso/initiate/acme",
        }
    ]
    assert told["login_uri"] == "https://id.example.com/login?workspace=acme"


async def test_where_sso_is_required_it_is_all_that_is_offered(pool: Pool) -> None:
    async with managed(pool, google_client_id="keyledger", google_client_secret="secret") as api:
        world = World(api.pool)
        await world.register()
        assert (await offered(api, "email=ada@acme.example"))[0] == ["sso", "google", "magic_link"]
        await world.append("acme", [EnforcementEnabled()])
        assert (await offered(api, "email=ada@acme.example"))[0] == ["sso"]
        assert (await api.get("/sign-in-methods?workspace=acme"))["sso"][0]["required"]
        assert (await offered(api, "email=ada@globex.example"))[0] == ["google", "magic_link"]


async def test_a_question_that_cannot_be_one_is_refused_with_what_to_do(api: Management) -> None:
    for query in (
        "",
        "?email=ada",
        "?workspace=No",
        "?email=ada@acme.example&workspace=acme",
        "?e-mail=ada@acme.example",
    ):
        told = await api.get(f"/sign-in-methods{query}", 422)
        assert told["code"] == "data_invalid"


async def test_an_auditors_token_may_ask_and_nobody_may(api: Management) -> None:
    auditor = await api.new_token("ada", "auditor")
    assert (await api.call("GET", "/sign-in-methods?email=ada@acme.example", **auditor)).status == 200
    nobody = {"Authorization": "Bearer klt_none"}
    assert (await api.call("GET", "/sign-in-methods?email=ada@acme.example", **nobody)).status == 401
