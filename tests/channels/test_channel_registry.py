"""Which channels exist and are listed."""

from __future__ import annotations

import pytest

from surtitle.channels.channel_registry import ChannelRegistry
from surtitle.core.errors import TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits


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


def test_the_first_channel_is_always_listed(registry: ChannelRegistry) -> None:
    registry.get_for_reading("main")
    assert names(registry) == ["main"]
