"""Whether a service runs at an address."""

from __future__ import annotations

import json
import urllib.request


def is_running(url: str, timeout: float = 2.0) -> bool:
    """Whether a Surtitle service answers at ``url`` within ``timeout`` seconds, which one that is starting may need."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/healthz", timeout=timeout) as answer:
            return bool(json.load(answer)["status"] == "ok")
    except (OSError, ValueError, LookupError, TypeError):
        return False
