"""Tenants: customers who share a service, told apart by the beginnings of their channels' names. Pure."""

from __future__ import annotations

from dataclasses import dataclass

SEPARATORS = ("-", ".", "_")
"""What may stand between the name of a tenant and the rest of a channel's name."""


@dataclass(frozen=True, slots=True)
class Tenants:
    """Finds the tenant of a channel: what is before the first ``separator`` in its name; "" if there are no tenants."""

    separator: str = ""

    def of(self, channel: str) -> str:
        """The tenant of the channel with that name, which is the whole name if it has no separator."""
        return channel.partition(self.separator)[0] if self.separator else ""
