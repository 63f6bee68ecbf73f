"""The icon in the tray (on macOS in the menu bar) and its menu, where the system has one."""

from __future__ import annotations

import locale
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surtitle.web import i18n

log = logging.getLogger("surtitle.desktop")

_ICON = Path(__file__).parents[1] / "web" / "static" / "icon-192.png"


@dataclass(frozen=True, slots=True)
class TrayActions:
    """What the menu does and shows. The functions are called in the tray's thread."""

    open_dashboard: Callable[[], None]
    status: Callable[[], str]
    autostart: Callable[[], bool]
    toggle_autostart: Callable[[], None]
    open_logs: Callable[[], None]
    check_for_updates: Callable[[], None] | None
    quit: Callable[[], None]


class Tray:
    """The constructor raises `NoTray`."""

    def __init__(self, actions: TrayActions) -> None:
        try:
            import pystray
            from PIL import Image

            if not pystray.Icon.HAS_MENU:
                raise NoTray("icons have no menus here")
            with Image.open(_ICON) as image:
                image.load()
            self._icon: Any = pystray.Icon("surtitle", image, "Surtitle", _menu(pystray, actions))
        except NoTray:
            raise
        except Exception as error:  # each system fails in another way: no library, no display, no desktop
            raise NoTray(f"{type(error).__name__}: {error}") from error

    def run(self) -> None:
        """Show the icon until `stop`. For the main thread."""
        self._icon.run()

    def stop(self) -> None:
        """End `run`. From any thread."""
        self._icon.stop()

    def update(self, status: str) -> None:
        """Show the status now. From any thread."""
        self._icon.title = f"Surtitle: {status}"
        self._icon.update_menu()


class NoTray(Exception):
    """This system shows no icons of programs."""


def translate(text: str) -> str:
    """A text in the language of the system."""
    return i18n.messages(_language()).get(text, text)


def _language() -> str:
    tag = (locale.getlocale()[0] or "").lower()
    names = {"german": "de", "spanish": "es", "french": "fr"}  # as Windows calls them
    code = names.get(tag.partition("_")[0], tag[:2])
    return code if code in i18n.LANGUAGES else i18n.SOURCE


def _menu(pystray: Any, actions: TrayActions) -> Any:
    t, item = translate, pystray.MenuItem
    entries = [
        item(lambda _: actions.status(), None, enabled=False),
        item(t("Open the dashboard"), lambda: actions.open_dashboard(), default=True),
        pystray.Menu.SEPARATOR,
        item(t("Start with the computer"), lambda: actions.toggle_autostart(), checked=lambda _: actions.autostart()),
        item(t("Open the folder of the log"), lambda: actions.open_logs()),
    ]
    if actions.check_for_updates is not None:
        check = actions.check_for_updates
        entries.append(item(t("Check for updates"), lambda: check()))
    return pystray.Menu(*entries, pystray.Menu.SEPARATOR, item(t("Quit"), lambda: actions.quit()))
