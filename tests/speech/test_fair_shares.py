"""The order of turns, by a simulation of sources that share an engine."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.speech.fair_shares import FairQueue, Places, Shares


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.01, 2)), max_size=30), st.floats(0, 100))
def test_with_one_tenant_the_earliest_deadline_goes_first(items: list[tuple[float, float]], now: float) -> None:
    shares = Shares()
    queue: FairQueue[int] = FairQueue(shares)
    for number, (deadline, _) in enumerate(items):
        shares.enter("")
        queue.push("", deadline, number)
    assert len(queue) == len(items)
    order = []
    while len(queue):
        order.append(queue.pop(now))
        shares.leave("", items[order[-1]][1])
    assert order == sorted(range(len(items)), key=lambda number: (items[number][0], number))


def test_nothing_is_next_in_an_empty_queue() -> None:
    with pytest.raises(IndexError):
        FairQueue[int](Shares()).pop(0.0)


def test_what_is_due_goes_before_what_is_not() -> None:
    """A tenant's file does not delay live sources, although it has used less."""
    shares = Shares()
    queue: FairQueue[str] = FairQueue(shares)
    for tenant in ("live", "files", "live"):
        shares.enter(tenant)
    shares.leave("live", 50.0)
    queue.push("files", 100.0, "file")
    queue.push("live", 9.0, "speech")
    assert [queue.pop(10.0), queue.pop(10.0)] == ["speech", "file"]


def simulate(sources: dict[str, int], work: float, seconds: float, turns: int = 1) -> dict[str, float]:
    """The longest lag of each tenant's sources in the second half.

    Each source asks for its next turn when its audio of half a second has arrived after the last one; a turn takes
    ``work`` seconds, and recognizes all that has arrived.
    """
    shares = Shares()
    queue: FairQueue[tuple[str, int]] = FairQueue(shares)
    free = turns
    lags: dict[str, float] = {}
    oldest: dict[tuple[str, int], float] = {}  # the arrival of the oldest audio that waits
    events: list[tuple[float, int, tuple[str, int]]] = []  # time; 0: asks for a turn, 1: its turn ends; source
    for tenant, count in sources.items():
        for number in range(count):
            heapq.heappush(events, (0.1 * number, 0, (tenant, number)))
    while events and events[0][0] < seconds:
        now, kind, source = heapq.heappop(events)
        if kind == 0:
            oldest[source] = now
            shares.enter(source[0])
            queue.push(source[0], now, source)
        else:
            free += 1
            shares.leave(source[0], work)
            heapq.heappush(events, (now + 0.5, 0, source))
        while free and len(queue):
            chosen = queue.pop(now)
            free -= 1
            if now > seconds / 2:
                lags[chosen[0]] = max(lags.get(chosen[0], 0.0), now + work - oldest[chosen])
            heapq.heappush(events, (now + work, 1, chosen))
    return lags


@pytest.mark.parametrize("turns", [1, 2])
def test_a_tenant_with_many_sources_delays_its_own(turns: int) -> None:
    lags = simulate({"many": 30 * turns, "one": 1}, work=0.2, seconds=120, turns=turns)
    assert lags["one"] < 0.5  # the turn that runs, and its own
    assert lags["many"] > 4
    together = simulate({"": 30 * turns + 1}, work=0.2, seconds=120, turns=turns)
    assert together[""] > 4  # without tenants, all are late


def test_tenants_who_are_all_too_much_share_equally() -> None:
    lags = simulate({"a": 20, "b": 20, "c": 10}, work=0.2, seconds=200)
    assert lags["a"] == pytest.approx(lags["b"], rel=0.1)
    assert lags["c"] < 0.7 * lags["a"]


def test_a_tenant_that_was_away_gets_no_more_than_its_share() -> None:
    shares = Shares()
    shares.enter("here")
    for _ in range(100):
        shares.enter("here")
        shares.leave("here", 1.0)
    shares.enter("back")
    assert shares["back"] == shares["here"] == 100
    shares.leave("back", 5.0)
    shares.enter("back")  # at once, and so with what it has used
    assert shares["back"] == 105


def test_only_tenants_that_count_are_remembered() -> None:
    shares = Shares()
    for number in range(1000):
        shares.enter(f"tenant-{number}")
        shares.leave(f"tenant-{number}", 0.1)
    assert len(shares) < 3


def test_one_tenant_takes_all_places_and_several_equal_parts_of_half_of_them() -> None:
    places = Places(16)
    places.see("many", 0.0)
    for _ in range(16):
        assert places.has_room("many")
        places.take("many")
    assert not places.has_room("many")
    places.see("one", 1.0)
    assert places.has_room("one")
    for _ in range(12):
        assert not places.has_room("many")
        places.release("many")
    assert not places.has_room("many")
    places.release("many")
    assert places.has_room("many")  # it has three, of four
    places.see("many", 7.0)  # the other one has been away for long
    places.take("many")
    assert places.has_room("many")


def test_each_tenant_may_take_a_place() -> None:
    places = Places(2)
    for number in range(10):
        places.see(f"tenant-{number}", 0.0)
    assert all(places.has_room(f"tenant-{number}") for number in range(10))
    places.take("tenant-0")
    assert not places.has_room("tenant-0")


def test_a_tenant_that_may_not_go_is_passed_over() -> None:
    queue: FairQueue[str] = FairQueue(Shares())
    queue.push("full", 0.0, "first")
    queue.push("other", 1.0, "second")
    assert queue.pop(2.0, lambda tenant: tenant != "full") == "second"
    with pytest.raises(IndexError):
        queue.pop(2.0, lambda tenant: tenant != "full")
    assert queue.pop(2.0) == "first"
