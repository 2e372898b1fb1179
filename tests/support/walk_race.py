"""Steps of a walk that run at the same time: what came of them has to be what some order of them would have brought."""

import asyncio
import copy
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientResponse
from support.browser import Browser
from support.walk_cast import Letter, Person, Walk
from support.walk_state import differences, modelled, recorded

LONGEST_HEAD_START_S = 0.012
"""About what one of these requests takes here, so that they meet in all of their parts."""


@dataclass(frozen=True)
class Move:
    """One request of a race. ``means(walk, *about, answer)`` holds its answer to a model, as the same step does alone.

    ``person`` sends it, with the cookies that their browser had before the race.
    """

    told: str
    send: Callable[[Browser], Awaitable[ClientResponse]]
    means: Callable[..., Awaitable[object]]
    about: tuple[Any, ...]
    person: Person | None = None


@dataclass(frozen=True)
class _Race:
    """What was sent, what came back, in which order it did (``ended``), and the mails that came of it."""

    moves: Sequence[Move]
    answers: Sequence[ClientResponse]
    ended: Sequence[int]
    arrived: Sequence[Letter]


async def race(walk: Walk, moves: Sequence[Move]) -> None:
    """Make all moves at the same time, and go on in the order that explains what came of them.

    Raises:
        AssertionError: no order of them explains it.
    """
    walk.tell("at the same time: " + "; ".join(one.told for one in moves))
    ended: list[int] = []
    windows = [walk.site.browser() if one.person is None else one.person.browser.twin() for one in moves]

    async def go(number: int, head_start: float) -> ClientResponse:
        await asyncio.sleep(head_start)
        move = moves[number]
        answer = await move.send(windows[number])
        await answer.read()
        ended.append(number)
        if move.person is not None:
            move.person.browser.keep(answer)
        return answer

    starts = [walk.random.random() * LONGEST_HEAD_START_S for _ in moves]
    answers = await asyncio.gather(*(go(number, start) for number, start in enumerate(starts)))
    run = _Race(moves, answers, ended, await walk.delivered())
    seen, failed = await recorded(walk), []
    for order in itertools.permutations(range(len(moves))):
        try:
            twin = await _retold(walk, run, order)
            assert seen == modelled(twin), differences(seen, modelled(twin))
        except (AssertionError, LookupError, ValueError) as error:
            failed.append(f"{[moves[number].told for number in order]}: {error!r}")
        else:
            _go_on_as(walk, twin)
            walk.count("races")
            return
    told = "\n".join([f"answered {[one.status for one in answers]}, ended {ended}", *failed])
    message = f"no order explains what came of it:\n{told}"
    raise AssertionError(message)


async def _retold(walk: Walk, run: _Race, order: Sequence[int]) -> Walk:
    """Return a copy of the walk in which the moves have come one after the other."""
    twin, abouts, people = _copied(walk, run)
    came_with = {id(one): _held(one) for one in twin.people}
    led_to: dict[int, dict[str, Any]] = {}
    for number in order:
        person = people[number]
        if person is not None:
            vars(person).update(came_with[id(person)])
        await run.moves[number].means(twin, *abouts[number], run.answers[number])
        led_to[number] = {} if person is None else _held(person)
    for person in twin.people:
        vars(person).update(came_with[id(person)])
    # A browser keeps the cookie that came last, whichever request the service finished first.
    for number in run.ended:
        person = people[number]
        if person is not None:
            before = came_with[id(person)]
            vars(person).update({name: one for name, one in led_to[number].items() if one is not before[name]})
    assert not twin.arrived, [one.kind for one in twin.arrived or ()]
    twin.arrived = None
    return twin


def _held(person: Person) -> dict[str, Any]:
    """What the cookies of a browser stand for."""
    return {"session": person.session, "clicked": person.clicked, "desk": person.desk}


def _copied(walk: Walk, run: _Race) -> tuple[Walk, Sequence[tuple[Any, ...]], Sequence[Person | None]]:
    browsers: dict[int, Any] = {id(one.browser): one.browser for one in walk.people}
    kept = (walk.model, walk.people, walk.letters, walk.attempts, walk.invited, walk.known, list(run.arrived))
    own = [(one.about, one.person) for one in run.moves]
    (model, people, letters, attempts, invited, known, arrived), moved = copy.deepcopy((kept, own), browsers)
    twin = replace(
        walk,
        model=model,
        people=people,
        letters=letters,
        attempts=attempts,
        invited=invited,
        known=known,
        arrived=arrived,
        story=[*walk.story],
        done={**walk.done},
    )
    return twin, [about for about, _ in moved], [person for _, person in moved]


def _go_on_as(walk: Walk, twin: Walk) -> None:
    walk.model, walk.people, walk.letters = twin.model, twin.people, twin.letters
    walk.attempts, walk.invited, walk.known = twin.attempts, twin.invited, twin.known
    walk.story, walk.done = twin.story, twin.done
