"""A posted answer goes round by GET to the very address that it was posted to, whatever stands in it."""

import pytest
from support.browser import shown_reason
from support.site import Site
from yarl import URL


@pytest.mark.parametrize(
    "slug",
    ["a%0D%0ASet-Cookie:%20planted=1", "a%2F..%2F..%2F..%2Faccount", "a%00b", "%E2%80%AE", "a%3Fcode=other%23"],
)
async def test_b05_a_posted_answer_stays_at_the_callback_it_came_to(site: Site, slug: str) -> None:
    """No line break becomes a header, no encoded slash becomes another path."""
    path = f"/api/sso/callback/{slug}"
    fields = {"state": "unknown", "code": "c-1"}
    answer = await site.client.post(URL(path, encoded=True), data=fields, allow_redirects=False)
    assert answer.status == 303
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Location"] == f"{path}?state=unknown&code=c-1"
    page = await site.client.get(URL(answer.headers["Location"], encoded=True), allow_redirects=False)
    assert page.status == 400
    assert await shown_reason(page) == "attempt_missing"
