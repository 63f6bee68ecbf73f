"""The queue of captions that wait to be sent, step by step."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.outputs.caption_queue import CaptionQueue, QueueRules

STEPS = ("open", "finish", "finish", "correct", "correct", "send", "restart", "wait")


def caption(name: str, text: str = "word", rev: int = 1, *, final: bool = True) -> Caption:
    return Caption(name, rev, "Host", "en", tuple(Word(one, 0, 1) for one in text.split()), final=final)


def sent(queue: CaptionQueue, now: float = 0.0) -> list[str]:
    """Send all that is due."""
    texts = []
    while (waiting := queue.next(now)) is not None:
        texts.append(waiting.caption.text)
        queue.done(waiting)
    return texts


def test_captions_are_sent_once_when_they_are_final_and_in_the_order_in_which_they_became_so() -> None:
    queue = CaptionQueue(QueueRules())
    queue.put(caption("a", "one", final=False), 1, 0)
    queue.put(caption("b", "two"), 2, 0)
    queue.put(caption("a", "one more", 2), 3, 0)
    assert sent(queue) == ["two", "one more"]
    queue.put(caption("a", "one corrected", 3), 4, 0)
    assert sent(queue) == []
    assert (queue.cursor, queue.due()) == (4, math.inf)


def test_corrections_are_sent_where_they_are_wanted() -> None:
    queue = CaptionQueue(QueueRules(corrections=True))
    queue.put(caption("a", "one"), 1, 0)
    waiting = queue.next(0)
    assert waiting is not None
    queue.put(caption("a", "one, corrected while it is sent", 2), 2, 0)
    queue.done(waiting)
    assert sent(queue) == ["one, corrected while it is sent"]
    queue.put(caption("a", "one, corrected again", 3), 3, 0)
    queue.put(caption("a", "an older revision", 2), 4, 0)
    assert sent(queue) == ["one, corrected again"]


def test_a_correction_of_a_caption_that_waits_takes_its_place_and_a_withdrawn_one_is_not_sent() -> None:
    queue = CaptionQueue(QueueRules(delay=5))
    queue.put(caption("a", "wrong"), 1, 0)
    queue.put(caption("b", "after it"), 2, 0)
    queue.put(caption("c", "withdrawn"), 3, 0)
    queue.put(caption("a", "right", 2), 4, 3)
    queue.put(caption("c", "", 2), 5, 3)
    assert sent(queue, 4.9) == []
    assert queue.cursor == 1
    assert sent(queue, 5) == ["right", "after it"]
    assert queue.cursor == 5


def test_what_is_too_old_or_too_much_is_skipped_and_counted() -> None:
    queue = CaptionQueue(QueueRules(max_age=30, max_waiting=2))
    for number, name in enumerate("abc", start=1):
        queue.put(caption(name, name), number, 0)
    assert (len(queue), queue.skipped) == (2, 1)
    queue.put(caption("d", "d"), 4, 20)
    assert sent(queue, 31) == ["d"]
    assert queue.skipped == 3


def test_another_queue_continues_where_one_has_stopped() -> None:
    """As after a restart, when the same events, or newer revisions of them, come again."""
    before = CaptionQueue(QueueRules(delay=5))
    before.put(caption("a", "sent"), 1, 0)
    before.put(caption("b", "waits"), 2, 2)
    before.put(caption("c", "waits, too"), 3, 2)
    before.put(caption("a", "sent, then corrected", 2), 4, 4)
    assert sent(before, 5) == ["sent, then corrected"]
    before.put(caption("a", "corrected again", 3), 5, 6)
    assert before.cursor == 1
    after = CaptionQueue(QueueRules(delay=5), before.cursor, before.recent)
    for name, text, rev, number in (("b", "waits", 1, 2), ("c", "waits, too", 1, 3), ("a", "corrected again", 3, 5)):
        after.put(caption(name, text, rev), number, 10, age=8)
    assert sent(after, 10) == ["waits", "waits, too"]
    assert (after.cursor, after.recent) == (5, {"a": 3, "b": 1, "c": 1})


def test_a_caption_that_was_sent_but_not_stored_is_not_sent_again_as_it_was_stored() -> None:
    """After a crash, it comes again in an earlier state, as a new event with a high revision."""
    before = CaptionQueue(QueueRules())
    before.put(caption("a", "half a sentence, and the rest", 2), 1, 0)
    assert sent(before) == ["half a sentence, and the rest"]
    after = CaptionQueue(QueueRules(), before.cursor, before.recent)
    after.put(caption("a", "half a sentence", 1_000_001), 1_000_001, 1)
    after.put(caption("b", "the next one"), 1_000_002, 1)
    assert sent(after, 1) == ["the next one"]


def test_the_age_of_a_caption_counts_from_when_it_was_final() -> None:
    queue = CaptionQueue(QueueRules(delay=10, max_age=5))
    queue.put(caption("a", "fresh"), 1, 100, age=4)
    queue.put(caption("b", "stale"), 2, 100, age=16)
    assert queue.due() == 106
    assert sent(queue, 106) == ["fresh"]
    assert queue.skipped == 1


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), min_size=20, max_size=50),
    st.booleans(),
    st.sampled_from([0.0, 3.0]),
)
def test_whatever_happens_each_caption_is_sent_once(
    steps: list[tuple[str, int]], corrections: bool, delay: float
) -> None:
    """Captions of several sources are opened, finished and corrected while some wait, and the service is restarted."""
    rules = QueueRules(delay=delay, max_age=math.inf, corrections=corrections)
    queue, now, number = CaptionQueue(rules), 0.0, 0
    feed: dict[str, tuple[int, Caption]] = {}  # the newest event of each caption
    taken: list[tuple[str, int]] = []

    def publish(name: str, final: bool) -> None:
        nonlocal number
        number += 1
        rev = feed[name][1].rev + 1 if name in feed else 1
        feed[name] = number, caption(name, f"{name} {rev}", rev, final=final)
        queue.put(feed[name][1], number, now)

    def send() -> None:
        if (waiting := queue.next(now)) is not None:
            queue.done(waiting)
            taken.append((waiting.caption.id, waiting.caption.rev))

    for step, which in [*steps, *[("finish", one) for one in range(4)]]:
        name = "abcd"[which]
        final = name in feed and feed[name][1].final
        match step:
            case "open" | "finish" if not final:
                publish(name, step == "finish")
            case "correct" if final:
                publish(name, True)
            case "send":
                send()
            case "wait":
                now += which
            case "restart":
                cursor = queue.cursor
                queue = CaptionQueue(rules, cursor, queue.recent)
                queue.know(one for at, one in feed.values() if at <= cursor and one.final)
                for at, one in sorted(feed.values(), key=lambda found: found[0]):
                    if at > cursor:
                        queue.put(one, at, now)
                now += delay
    now += delay
    for _ in range(len(queue)):
        send()
    assert len(taken) == len(set(taken))
    if corrections:
        assert {(name, one.rev) for name, (_, one) in feed.items()} <= set(taken)
    else:
        assert sorted(name for name, _ in taken) == sorted(feed)
