"""Which channels exist and are listed."""

from __future__ import annotations

import pytest

from surtitle.channels.channel_registry import ChannelRegistry
from surtitle.core.errors import TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits
from surtitle.core.tenants import Tenants


@pytest.fixture
def read() -> set[str]:
    """The names of the channels that have readers."""
    return set()


@pytest.fixture
def registry(read: set[str]) -> ChannelRegistry:
    return ChannelRegistry(Limits(channels=3), None, Notifier(), lambda channel: channel.name in read)


def names(registry: ChannelRegistry) -> list[str]:
    return [channel.name for channel in registry]


def test_a_channel_that_is_only_read_is_not_listed(registry: ChannelRegistry, read: set[str]) -> None:
    read.add("early")
    early = registry.get_for_reading("early")
    registry.get("stage")
    assert names(registry) == ["stage"]
    assert registry.get("early") is early  # a publisher has come: the reader gets its captions
    assert registry.get_for_reading("early") is early
    assert names(registry) == ["early", "stage"]


def test_a_listed_channel_stays_listed_when_it_is_read(registry: ChannelRegistry) -> None:
    stage = registry.get("stage")
    assert registry.get_for_reading("stage") is stage
    registry.get("other")
    assert names(registry) == ["stage", "other"]


def test_mistyped_names_leave_room_for_others(registry: ChannelRegistry, read: set[str]) -> None:
    for number in range(10):
        registry.get_for_reading(f"typo-{number}")
    assert len(registry) == 1
    read.update(("typo-9", "typo-10", "typo-11"))
    registry.get_for_reading("typo-10")
    registry.get_for_reading("typo-11")
    with pytest.raises(TooMany):
        registry.get("stage")
    read.remove("typo-10")
    registry.get("stage")
    assert registry.find("typo-10") is None
    assert registry.find("typo-11") is not None


def test_a_tenant_has_a_limit_of_its_own(read: set[str]) -> None:
    limits, tenants = Limits(channels=9, channels_per_tenant=2), Tenants("-")
    registry = ChannelRegistry(limits, None, Notifier(), lambda channel: channel.name in read, tenants=tenants)
    read.update(("acme-1", "acme-2", "acme-3"))
    for name in ("acme-1", "acme-2", "globex-1", "main"):
        registry.get(name)
    for get in (registry.get, registry.get_for_reading):
        with pytest.raises(TooMany, match=r"acme already has 2 channels"):
            get("acme-3")
    assert registry.get("acme-1").name == "acme-1"
    registry.get("globex-2")
    read.discard("acme-1")  # which nobody uses from now on
    registry.get("acme-3")
    assert registry.find("acme-1") is None
    assert registry.find("globex-1") is not None


def test_without_tenants_their_limit_means_nothing(read: set[str]) -> None:
    registry = ChannelRegistry(Limits(channels_per_tenant=1), None, Notifier(), lambda channel: True)
    for name in ("acme-1", "acme-2", "globex-1"):
        registry.get(name)
    assert len(registry) == 3


def test_the_first_channel_is_always_listed(registry: ChannelRegistry) -> None:
    registry.get_for_reading("main")
    assert names(registry) == ["main"]
