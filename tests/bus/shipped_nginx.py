"""The configuration of nginx that is shipped for several services, as it runs without TLS and without its names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_SHIPPED = Path(__file__).parents[2] / "deploy" / "cluster" / "nginx.conf"


def read_shipped_nginx(listen: str, access_log: Path, services: Mapping[str, str], more: Mapping[str, str] = {}) -> str:
    """The contents of nginx's `http` block.

    ``listen`` is its address, and ``services`` are the addresses in place of those such as `surtitle-1:8000`. ``more``
    has other texts to replace. All that is replaced has to be there.
    """
    shared, _, servers = _SHIPPED.read_text().partition("server {\n    listen 80;")
    _, secure, server = servers.partition("server {\n    listen 443 ssl;")
    text = shared + secure + server
    replaced = {
        "listen 443 ssl;": f"listen {listen};",
        "listen [::]:443 ssl;": "",
        "    ssl_certificate     /etc/nginx/tls/fullchain.pem;\n": "",
        "    ssl_certificate_key /etc/nginx/tls/privkey.pem;\n": "",
        "    ssl_protocols       TLSv1.2 TLSv1.3;\n": "",
        "    ssl_session_cache   shared:surtitle_tls:5m;\n": "",
        "/var/log/nginx/access.log": str(access_log),
        **services,
        **more,
    }
    for shipped, ours in replaced.items():
        assert shipped in text, shipped
        text = text.replace(shipped, ours)
    return text
