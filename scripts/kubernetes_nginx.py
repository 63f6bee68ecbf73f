"""Write nginx's configuration for Kubernetes from the one for compose: `python scripts/kubernetes_nginx.py`.

Kustomize reads no files from outside of its folder, and there are more services. A test fails when the file is out of
date.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "deploy" / "cluster" / "nginx.conf"
TARGET = ROOT / "deploy" / "kubernetes" / "services" / "nginx.conf"
SERVICES = 6
"""How many services the autoscaler may run."""

_HEADER = "# Written by scripts/kubernetes_nginx.py from deploy/cluster/nginx.conf: do not edit.\n\n"
_SERVERS = re.compile(r"(?:^ *server surtitle-\d+:8000 .*;\n)+", re.MULTILINE)


def build() -> str:
    """The configuration with `SERVICES` services."""

    def repeat(servers: re.Match[str]) -> str:
        first = servers[0].splitlines(keepends=True)[0]
        return "".join(first.replace("surtitle-1:", f"surtitle-{number}:") for number in range(1, SERVICES + 1))

    return _HEADER + _SERVERS.sub(repeat, SOURCE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
