"""Which of two sources is captioned, with a clock that the tests set."""

from __future__ import annotations

from surtitle.channels.backup import BackupSwitch

AFTER = 5.0
BLOCK = 0.1


class Stage:
    """A main source and a backup whose audio arrives in blocks; ``changes`` are the times at which one takes over."""

    def __init__(self) -> None:
        self.switch = BackupSwitch()
        self.now = 0.0
        self.changes: list[tuple[float, bool, float]] = []  # when, whether the backup is active, where it begins

    def go(
        self, seconds: float, *, main: bool | None, backup: bool | None, paused: bool = False, waiting: float = 0.4
    ) -> None:
        """Let time pass; for each source whether it has sound, and None while it sends nothing."""
        for _ in range(round(seconds / BLOCK)):
            self.now = round(self.now + BLOCK, 3)
            before = self.switch.active
            if main is not None:
                self.switch.hear_main(self.now, sound=main)
            if backup is not None:
                self.switch.hear_backup(self.now, BLOCK, AFTER, waiting, sound=backup, paused=paused)
            if self.switch.active != before:
                self.changes.append((self.now, self.switch.active, round(self.switch.start, 3)))


def test_the_backup_takes_over_where_the_main_source_fell_silent_and_gives_back_in_a_pause() -> None:
    stage = Stage()
    stage.go(20, main=True, backup=True)
    stage.go(10, main=False, backup=True)
    stage.go(4, main=True, backup=True)  # long enough, but somebody speaks
    stage.go(1, main=True, backup=True, paused=True)
    assert stage.changes == [(24.9, True, 20.0), (34.1, False, 33.7)]
    assert stage.switch.at_pause


def test_without_a_pause_the_main_source_takes_over_all_the_same() -> None:
    stage = Stage()
    stage.go(20, main=True, backup=True)
    stage.go(10, main=None, backup=True)
    stage.go(20, main=True, backup=True)
    assert [change[1] for change in stage.changes] == [True, False]
    assert stage.changes[1][0] == stage.changes[1][2] == 48.1
    assert not stage.switch.at_pause


def test_silence_on_both_and_short_noises_change_nothing() -> None:
    stage = Stage()
    stage.go(10, main=True, backup=True)
    for _ in range(20):
        stage.go(15, main=False, backup=False)
        stage.go(0.5, main=False, backup=True)
    assert stage.changes == []
    stage.go(60, main=False, backup=False)
    stage.go(10, main=False, backup=True)
    assert len(stage.changes) == 1


def test_a_main_source_that_clicks_does_not_come_back() -> None:
    stage = Stage()
    stage.go(10, main=False, backup=True)
    for _ in range(10):
        stage.go(0.2, main=True, backup=True, paused=True)
        stage.go(5, main=False, backup=True, paused=True)
    assert [change[1] for change in stage.changes] == [True]


def test_a_backup_without_a_main_source_is_captioned_from_its_first_word_and_one_that_is_gone_gives_back() -> None:
    stage = Stage()
    stage.go(3, main=None, backup=False)
    stage.go(20, main=None, backup=True)
    stage.go(10, main=None, backup=None)
    stage.go(5, main=True, backup=None)
    assert stage.changes == [(8.0, True, 2.7), (36.1, False, 32.8)]
