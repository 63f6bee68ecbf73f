"""By which rules utterances end that are sent to another computer. None is longer than the link can keep."""

from __future__ import annotations

from surtitle.speech.cloud.access import CloudAccess
from surtitle.speech.endpoint import EndpointRules

_PAID = EndpointRules(
    silence=0.8,
    hurried_after=12.0,
    hurried_silence=0.5,
    pressed_after=18.0,
    pressed_silence=0.2,
    longest=25.0,
    lead_in=0.4,
)
"""Each second before and after speech costs money, and each utterance that is divided costs words."""

_PAID_AFTER_TURNS = EndpointRules(
    silence=0.6,
    hurried_after=4.0,
    hurried_silence=0.3,
    pressed_after=8.0,
    pressed_silence=0.1,
    longest=14.0,
    lead_in=0.4,
)
"""For models whose words only come when the utterance is over."""

_FREE = EndpointRules(
    silence=1.6,
    hurried_after=12.0,
    hurried_silence=0.8,
    pressed_after=18.0,
    pressed_silence=0.3,
    longest=25.0,
    lead_in=1.0,
)
"""For another Surtitle, whose Whisper misses a word at the beginning, and needs those after a pause."""


def choose_rules(access: CloudAccess, company: str, *, after_turns: bool = False) -> EndpointRules:
    """The rules for a service; ``company`` is the address at which minutes cost money.

    ``after_turns`` is whether the model only transcribes utterances that are over.
    """
    if after_turns:
        return _PAID_AFTER_TURNS
    return _PAID if access.is_at(company) else _FREE
