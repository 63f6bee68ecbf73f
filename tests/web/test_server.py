"""Addresses to listen on."""

from __future__ import annotations

import pytest

from surtitle.web.server import BadHost, check_host


@pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1", "2001:db8::1", "a" * 64])
def test_an_address_of_another_computer_or_of_none(host: str) -> None:
    with pytest.raises(BadHost) as refusal:
        check_host(host, "--wyoming-host")
    assert refusal.value.message.startswith(f"{host!r} is not an address of this computer")
    assert refusal.value.message.endswith("with --wyoming-host.")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_addresses_of_this_computer(host: str) -> None:
    check_host(host)
