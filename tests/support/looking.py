"""Looks at a page as a reviewer does: is it accessible, and what does it look like, narrow and wide, light and dark."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page
from support.node_provider import PROVIDERS

AXE: Final = PROVIDERS / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# 320 is what a window 1280 wide has left at four times the size (WCAG 2.2, 1.4.10).
WIDTHS: Final = {"zoomed": 320, "narrow": 360, "wide": 1280}

LookAt = Callable[[Page, str], Awaitable[None]]


async def look_at(page: Page, name: str, pictures: Path | None) -> None:
    """Check the page in both colour schemes; keep pictures of it where a directory is named."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width, pixels in WIDTHS.items():
            await page.set_viewport_size({"width": pixels, "height": 800})
            assert await _fits(page), f"{name} has to be scrolled sideways at {pixels} pixels"
            if pictures is not None:
                await page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png", full_page=True)
        found = await violations(page)
        assert not found, "\n".join([f"{name}, {scheme}:", *found])


async def violations(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA, one line for each rule with the elements that break it."""
    assert AXE.exists(), f"{AXE} is missing; install it by: make providers"
    # Evaluated by the debugger, so that the page's own policy stays as it is.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await page.evaluate(
        "rules => axe.run({runOnly: {type: 'tag', values: rules}}).then(result => result.violations)", RULES
    )
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]


async def _fits(page: Page) -> bool:
    fits: bool = await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return fits
