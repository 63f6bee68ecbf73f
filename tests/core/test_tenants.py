"""Which tenant a channel belongs to."""

from __future__ import annotations

import pytest

from surtitle.core.tenants import Tenants


@pytest.mark.parametrize(
    ("separator", "channel", "tenant"),
    [
        ("-", "acme-hall", "acme"),
        ("-", "acme-hall-2", "acme"),
        ("-", "main", "main"),
        (".", "acme-hall.left", "acme-hall"),
        ("", "acme-hall", ""),
    ],
)
def test_the_tenant_of_a_channel(separator: str, channel: str, tenant: str) -> None:
    assert Tenants(separator).of(channel) == tenant
