"""What goes on beside the requests does not end unseen."""

from aiohttp import web

from service.background import keep_running


async def test_work_that_fails_is_begun_again_until_it_ends_by_itself() -> None:
    """An error that nobody thought of costs a pause, never the mails, the timeline or the tidying up for good."""
    begun: list[int] = []

    async def work(_app: web.Application) -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise KeyError("unforeseen")

    await keep_running(work, web.Application(), pause_s=0)
    assert begun == [0, 1, 2]
