from surtitle.speech.endpoint import Edge, Endpointer, EndpointRules

CHUNK = 0.032


def run(probabilities: list[float], rules: EndpointRules = EndpointRules()) -> list[tuple[Edge, int]]:
    endpointer = Endpointer(CHUNK, rules)
    edges = [(endpointer.feed(probability), index) for index, probability in enumerate(probabilities)]
    return [(edge, index) for edge, index in edges if edge is not Edge.NONE]


def seconds(value: float) -> int:
    return round(value / CHUNK)


def test_silence_has_no_edges() -> None:
    assert run([0.1] * 1000) == []


def test_a_click_is_not_speech() -> None:
    assert run([0.1, 0.9, 0.1] * 50) == []


def test_an_endpoint_comes_when_silence_is_long_enough_not_when_speech_resumes() -> None:
    spoken = seconds(1.0)
    edges = run([0.9] * spoken + [0.05] * 200)
    assert [edge for edge, _ in edges] == [Edge.SPEECH, Edge.ENDPOINT]
    assert abs(edges[1][1] - spoken - seconds(0.6)) <= 1


def test_a_short_pause_does_not_end_an_utterance() -> None:
    edges = run([0.9] * 30 + [0.05] * seconds(0.4) + [0.9] * 30)
    assert [edge for edge, _ in edges] == [Edge.SPEECH]


def test_without_long_pauses_a_short_pause_ends_the_utterance() -> None:
    edges = run([0.9] * seconds(10) + [0.05] * seconds(0.35) + [0.9] * 30)
    assert [edge for edge, _ in edges] == [Edge.SPEECH, Edge.ENDPOINT, Edge.SPEECH]


def test_the_length_of_an_utterance_is_limited() -> None:
    edges = run([0.9] * seconds(60))
    assert [edge for edge, _ in edges].count(Edge.ENDPOINT) == 2


def test_doubtful_chunks_do_not_start_silence() -> None:
    rules = EndpointRules(on=0.5, off=0.35)
    assert [edge for edge, _ in run([0.9] * 10 + [0.4] * 100, rules)] == [Edge.SPEECH]
