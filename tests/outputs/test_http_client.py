"""Addresses that people enter must not reach what only this computer can reach."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from surtitle.outputs.http_client import HttpClient, Unanswered, is_public
from surtitle.outputs.state import TargetError, TargetRefused
from tests.outputs.fake_targets import FakeTarget, new_port, serving
from tests.support import need

PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


async def ask(url: str, *, allow_private: bool = False) -> str:
    client = HttpClient(url, known_host=False, allow_private=allow_private, timeout=0.4)
    try:
        return (await client.request("POST", body=b"text")).text
    finally:
        await client.close()


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"]])
async def test_a_name_of_a_private_address_is_refused(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(TargetRefused, match="not a public address"):
        await ask("https://captions.example.org/hook")


async def test_the_address_that_was_checked_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that has another address when it is asked for again would get around the check."""
    asked = []

    async def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr("surtitle.outputs.http_client.is_public", lambda address: True)
    port = new_port()
    with pytest.raises(Unanswered, match=r"captions\.example\.org cannot be reached"):
        await ask(f"https://captions.example.org:{port}/hook")
    assert asked == ["captions.example.org"]  # the connection was made to the address itself


async def test_the_certificate_must_be_for_the_name_although_the_connection_is_to_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    names = ["-addext", "subjectAltName=DNS:captions.example.org", "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, command + names, check=True, capture_output=True, timeout=60)
    monkeypatch.setattr("certifi.where", lambda: str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr("surtitle.outputs.http_client.is_public", lambda address: True)
    fake = FakeTarget(new_port())
    async with serving(fake, context):
        await ask(f"https://captions.example.org:{fake.port}/hook")
        with pytest.raises(Unanswered, match="cannot be reached"):
            await ask(f"https://other.example.org:{fake.port}/hook")
    assert [request.headers["host"] for request in fake.requests] == [f"captions.example.org:{fake.port}"]


async def test_an_answer_is_read_only_up_to_a_limit_and_only_for_a_while() -> None:
    class Endless(FakeTarget):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 X\r\n\r\n")
            while True:
                writer.write(b"x" * 1000)
                await writer.drain()

    endless = Endless(new_port())
    async with serving(endless):
        assert len(await ask(endless.url, allow_private=True)) == 4096

    class Slow(FakeTarget):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 X\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)

    slow = Slow(new_port())
    async with serving(slow):
        with pytest.raises(TargetError, match="does not answer in time"):
            await ask(slow.url, allow_private=True)
