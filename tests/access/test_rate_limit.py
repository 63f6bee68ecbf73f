from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from surtitle.access.rate_limit import RateLimiter, get_network, is_in, is_loopback


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_and_then_as_it_fills() -> None:
    clock = Clock()
    rates = RateLimiter(6, clock)
    assert [rates.take("192.0.2.1") for _ in range(7)] == [True] * 6 + [False]
    assert rates.take("192.0.2.2")
    clock.now = 10.0
    assert [rates.take("192.0.2.1") for _ in range(2)] == [True, False]


@given(st.lists(st.floats(0, 100), max_size=100))
def test_never_more_than_it_fills(pauses: list[float]) -> None:
    clock = Clock()
    rates = RateLimiter(10, clock)
    allowed = 0
    for pause in pauses:
        clock.now += pause
        allowed += rates.take("one")
    assert allowed <= 10 + clock.now * 10 / 60 + 1e-6


def test_addresses() -> None:
    assert get_network("2001:db8:1:2:3::4") == get_network("2001:db8:1:2:ffff::") != get_network("2001:db8:1:3::")
    assert get_network("::ffff:192.0.2.1") == get_network("192.0.2.1")
    assert get_network("fe80::1%eth0") == get_network("fe80::2")
    assert get_network("testclient") == "testclient"
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("::2")
    assert not is_loopback("192.0.2.1")
    assert not is_loopback("unknown")


def test_it_does_not_remember_everybody() -> None:
    rates = RateLimiter(1, Clock())
    for number in range(30_000):
        rates.take(f"host{number}")
    assert len(rates._buckets) <= 10_000


def test_networks() -> None:
    assert is_in("10.0.0.2", ["10.0.0.2"])
    assert is_in("10.0.0.2", ["not an address", "10.0.0.0/8"])
    assert is_in("fd00::1", ["fd00::/64"])
    assert is_in("10.0.0.2", ["*"])
    assert not is_in("10.0.0.2", ["10.0.0.3", "fd00::/64"])
    assert not is_in("testclient", ["*"])
    assert not is_in("10.0.0.2", [])
