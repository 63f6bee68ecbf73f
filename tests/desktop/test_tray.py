"""The tray's menu does what it says; the library that draws it is replaced, because each system has its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from surtitle.desktop.tray import NoTray, Tray, TrayActions


class FakeItem:
    def __init__(self, text: Any, action: Callable[[], None] | None, **options: Any) -> None:
        self.text, self.action, self.options = text, action, options


class FakeMenu:
    SEPARATOR = FakeItem("-", None)

    def __init__(self, *items: FakeItem) -> None:
        self.items = items

    @property
    def labels(self) -> list[str]:
        return [item.text(item) if callable(item.text) else item.text for item in self.items]

    def click(self, label: str) -> None:
        action = self.items[self.labels.index(label)].action
        assert action is not None
        action()


class FakeIcon:
    HAS_MENU = True

    def __init__(self, name: str, image: Any, title: str, menu: FakeMenu) -> None:
        self.title, self.menu, self.updates, self.runs = title, menu, 0, False
        self.size = image.size

    def run(self) -> None:
        self.runs = True

    def stop(self) -> None:
        self.runs = False

    def update_menu(self) -> None:
        self.updates += 1


def speak(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """Let the system have a language."""
    monkeypatch.setattr("surtitle.desktop.tray.locale", SimpleNamespace(getlocale=lambda: (language, "UTF-8")))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stands for pystray."""
    module: Any = ModuleType("pystray")
    module.Icon, module.Menu, module.MenuItem = FakeIcon, FakeMenu, FakeItem
    monkeypatch.setitem(sys.modules, "pystray", module)
    speak(monkeypatch, "en_US")
    return module


def make_actions(done: list[str], *, updates: bool = True) -> TrayActions:
    def note(name: str) -> Callable[[], None]:
        return lambda: done.append(name)

    return TrayActions(
        open_dashboard=note("open"),
        status=lambda: "Running on whisper (base)",
        autostart=lambda: "autostart" in done,
        toggle_autostart=note("autostart"),
        open_logs=note("logs"),
        check_for_updates=note("updates") if updates else None,
        quit=note("quit"),
    )


def menu_of(tray: Tray) -> FakeMenu:
    menu: FakeMenu = tray._icon.menu
    return menu


def test_each_entry_does_what_it_says(library: Any) -> None:
    done: list[str] = []
    menu = menu_of(Tray(make_actions(done)))
    assert menu.labels == [
        *("Running on whisper (base)", "Open the dashboard", "-", "Start with the computer"),
        *("Open the folder of the log", "Check for updates", "-", "Quit"),
    ]
    checked = menu.items[3].options["checked"]
    assert not checked(menu.items[3])
    for label in menu.labels[1:]:
        if label != "-":
            menu.click(label)
    assert done == ["open", "autostart", "logs", "updates", "quit"]
    assert checked(menu.items[3])
    assert menu.items[1].options["default"]  # a click on the icon, where a system has that


def test_a_package_offers_no_updates(library: Any) -> None:
    assert "Check for updates" not in menu_of(Tray(make_actions([], updates=False))).labels


def test_the_menu_speaks_the_language_of_the_system(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(monkeypatch, "German_Germany")  # as on Windows
    assert "Beenden" in menu_of(Tray(make_actions([]))).labels


def test_the_icon_shows_the_status_until_it_is_stopped(library: Any) -> None:
    tray = Tray(make_actions([]))
    tray.run()
    tray.update("Running on whisper (base)")
    icon: Any = tray._icon
    assert (icon.title, icon.updates, icon.runs, icon.size) == (
        "Surtitle: Running on whisper (base)",
        1,
        True,
        (192, 192),
    )
    tray.stop()
    assert not icon.runs


def test_a_system_without_menus_has_no_tray(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeIcon, "HAS_MENU", False)
    with pytest.raises(NoTray, match="no menus"):
        Tray(make_actions([]))


def test_a_system_without_a_desktop_has_no_tray(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no display")

    monkeypatch.setattr(library, "Icon", fail)
    library.Icon.HAS_MENU = True
    with pytest.raises(NoTray, match="RuntimeError: no display"):
        Tray(make_actions([]))
    monkeypatch.setitem(sys.modules, "pystray", None)
    with pytest.raises(NoTray, match="ModuleNotFoundError"):
        Tray(make_actions([]))
