"""The order of tokens in which a forced prefix is a part of the prompt."""

from __future__ import annotations

import pytest

from surtitle.speech.whisper.token_order import TokenOrder

TEXT = [f"t{number}" for number in range(20)]
START, ENGLISH, TASK, BEFORE, NO_TIMESTAMPS = 21, 22, 23, 24, 25
VOCABULARY = [
    *TEXT,
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|transcribe|>",
    "<|startofprev|>",
    "<|notimestamps|>",
    *(f"<|{0.02 * number:.2f}|>" for number in range(6)),
]
COPIED = range(4)
"""The text tokens for which the places of six timestamps, less the first, have room beside "no timestamps"."""


@pytest.fixture
def order() -> TokenOrder:
    return TokenOrder.from_vocabulary(VOCABULARY)


def is_prompt(order: TokenOrder, prompt: list[int]) -> int:
    """Where CTranslate2 ends the prompt: as its ``get_prompt_length`` does."""
    start, end = order.reorder([START, NO_TIMESTAMPS])
    length = prompt.index(start)
    while length < len(prompt) and start <= prompt[length] <= end:
        length += 1
    return length


def test_every_token_has_one_number_and_some_have_a_copy(order: TokenOrder) -> None:
    assert len(order.order) == len(VOCABULARY)
    tokens = [*range(NO_TIMESTAMPS + 1)]
    assert order.restore(order.reorder(tokens)) == tokens
    assert sorted(order.reorder(tokens)) == list(range(order.copy_count, len(VOCABULARY) - 1))
    assert order.order[: order.copy_count] == (NO_TIMESTAMPS, *COPIED)
    assert VOCABULARY[order.timestamp_token] == "<|0.00|>"


@pytest.mark.parametrize("prefix", [(), (1,), (9,), (1, 9), (9, 1), (9, 10, 11), (1, 2, 3, 9, 9), (3, 9, 2)])
def test_a_prompt_keeps_its_meaning(order: TokenOrder, prefix: tuple[int, ...]) -> None:
    before = (BEFORE, 7, START, ENGLISH, TASK)
    prompt = order.build_prompt(before, prefix, order.find_prompt_end([prefix]))
    assert order.restore(prompt) == [*before, NO_TIMESTAMPS, *prefix]


@pytest.mark.parametrize(
    ("prefix", "steps"), [((1,), 1), ((9,), 2), ((1, 9), 2), ((9, 1), 1), ((9, 10, 11), 4), ((1, 9, 2), 1)]
)
def test_only_what_follows_the_last_copy_is_read_step_by_step(
    order: TokenOrder, prefix: tuple[int, ...], steps: int
) -> None:
    prompt = order.build_prompt((START, ENGLISH, TASK), prefix, order.find_prompt_end([prefix]))
    assert len(prompt) - is_prompt(order, prompt) == steps


def test_without_a_prefix_the_prompt_ends_with_no_timestamps(order: TokenOrder) -> None:
    prompt = order.build_prompt((START, ENGLISH, TASK), (), order.find_prompt_end([(), ()]))
    assert is_prompt(order, prompt) == len(prompt) == 4
    assert prompt[-1] == order.reorder([NO_TIMESTAMPS])[0]


@pytest.mark.parametrize("prefixes", [[(1, 2, 9), (9, 3)], [(1, 2, 3), (9,)], [(1, 2), ()], [(9, 1, 9), (3, 9, 9)]])
def test_prompts_of_windows_that_are_decoded_together_have_one_length(
    order: TokenOrder, prefixes: list[tuple[int, ...]]
) -> None:
    cut = order.find_prompt_end(prefixes)
    prompts = [order.build_prompt((START, ENGLISH, TASK), prefix, cut) for prefix in prefixes]
    assert len({is_prompt(order, prompt) for prompt in prompts}) == 1
    assert all(is_prompt(order, prompt) < len(prompt) for prompt in prompts)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="not Whisper's"):
        TokenOrder.from_vocabulary(["<|notimestamps|>", "a", "<|startoftranscript|>", "b"])
    with pytest.raises(ValueError, match="is not in"):
        TokenOrder.from_vocabulary(["a", "b"])
