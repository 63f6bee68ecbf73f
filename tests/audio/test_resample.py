import numpy as np
import pytest

from surtitle.audio import RATE, Samples, to_mono
from surtitle.audio.pcm import PcmDecoder, to_pcm
from surtitle.audio.resample import Resampler

HOUR = 3600


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_click_after_an_hour_keeps_its_time(rate: int) -> None:
    """One hour in uneven pieces: the position of a click at 59:59.5 and the length are exact within 10 ms."""
    decoder, resampler = PcmDecoder(1), Resampler(rate)
    click = np.zeros(rate, dtype=np.float32)
    click[rate // 2] = 0.9
    quiet = to_pcm(np.zeros(rate, dtype=np.float32))
    total, where = 0, None
    for second in range(HOUR):
        data = quiet if second < HOUR - 1 else to_pcm(click)
        cut = 1 + (second * 7919) % (len(data) - 1)  # often in the middle of a sample
        for piece in (data[:cut], data[cut:]):
            total, where = _find_click(resampler.feed(to_mono(decoder.decode_frames(piece))), total, where)
    total, where = _find_click(resampler.finish(), total, where)
    assert where is not None
    assert abs(where / RATE - (HOUR - 0.5)) < 0.010
    assert abs(total / RATE - HOUR) < 0.010


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_speech_frequencies_pass_and_others_do_not_fold_back(rate: int) -> None:
    time = np.arange(rate) / rate
    passed = _resample(np.sin(2 * np.pi * 1000 * time).astype(np.float32), rate)
    assert len(passed) == pytest.approx(RATE, abs=2)
    assert _level(passed) == pytest.approx(_level(np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)), abs=0.1)
    if rate > 2 * 10_000:
        folded = _resample(np.sin(2 * np.pi * 10_000 * time).astype(np.float32), rate)
        assert _level(folded) < -80


def test_pieces_give_the_same_samples_as_the_whole() -> None:
    noise = np.random.default_rng(7).uniform(-0.5, 0.5, 44_100).astype(np.float32)
    whole = _resample(noise, 44_100)
    resampler = Resampler(44_100)
    pieces = [resampler.feed(piece) for piece in np.split(noise, [1, 100, 1537, 20_000])]
    assert np.allclose(np.concatenate([*pieces, resampler.finish()]), whole, atol=1e-6)


def _find_click(samples: Samples, total: int, where: int | None) -> tuple[int, int | None]:
    if samples.size and np.abs(samples).max() > 0.1:
        where = total + int(np.abs(samples).argmax())
    return total + len(samples), where


def _resample(samples: Samples, rate: int) -> Samples:
    resampler = Resampler(rate)
    return np.concatenate([resampler.feed(samples), resampler.finish()])


def _level(samples: Samples) -> float:
    """The level in decibels of the middle half."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
    return float(10 * np.log10(np.mean(middle**2) + 1e-20))
