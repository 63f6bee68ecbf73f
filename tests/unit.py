"""Which tests are unit tests: those that start no service and no program, and load no model.

This is derived from the code of the tests, so that nobody has to mark them. A test is not a unit test if it, a helper
it calls, or a fixture it uses names something in `STARTERS`; nor if it is marked `slow`, `alone`, `torch` or `ray`. A
unit test that starts a process all the same fails, in every run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

STARTERS = frozenset(
    {
        "Diarizer",
        "Engines",
        "FileTranscriptions",
        "PocketsphinxEngine",
        "Popen",
        "WhisperEngine",
        "check_program",
        "create_subprocess_exec",
        "download",
        "fake_hub",
        "fake_package_index",
        "getfixturevalue",  # which fixture that is shows only when the test runs
        "half_busy",
        "lifespan_context",
        "need",
        "need_node",
        "need_package",
        "pool_server",
        "replace_program",
        "required_weights",
        "running",
        "s3_server",
        "subprocess",
        "untrained_whisper",
    }
)
"""What starts a service or a program, or makes or loads a model, by the name under which tests use it."""

_MARKERS = ("alone", "ray", "slow", "torch")
_PROCESSES = frozenset({"os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"})
"""Audit events of the start of a process."""

_running: list[str] = []  # the unit tests that run now: one, or none


def is_unit(item: pytest.Item) -> bool:
    """Whether nothing that a test of this project reaches in `tests` is in `STARTERS`."""
    if not isinstance(item, pytest.Function) or any(item.get_closest_marker(name) for name in _MARKERS):
        return False
    modules = _modules(item)
    fixtures = [
        next((vars(module)[name] for module in modules if name in vars(module)), None) for name in item.fixturenames
    ]
    return not _reaches_starter([item.function, *fixtures])


@contextmanager
def no_processes(test: str) -> Iterator[None]:
    """Let ``test`` fail if it starts a process."""
    _running.append(test)
    try:
        yield
    finally:
        _running.remove(test)


def _modules(item: pytest.Function) -> list[ModuleType]:
    """Where a test's fixtures are looked up: its module, then the conftest modules of its folders, nearest first."""
    plugins = [plugin for plugin in item.config.pluginmanager.get_plugins() if isinstance(plugin, ModuleType)]
    folders = {str(folder / "conftest.py"): depth for depth, folder in enumerate(item.path.parents)}
    conftests = [plugin for plugin in plugins if getattr(plugin, "__file__", None) in folders]
    return [item.module, *sorted(conftests, key=lambda module: folders[str(module.__file__)])]


def _reaches_starter(found: list[Any]) -> bool:
    """Whether functions, or classes and functions of `tests` that they name, name something in `STARTERS`."""
    seen: set[FunctionType] = set()
    while found:
        function = found.pop()
        function = getattr(function, "__wrapped__", function)
        if isinstance(function, type) and function.__module__.startswith("tests."):
            found += [value for value in vars(function).values() if isinstance(value, FunctionType)]
        if not isinstance(function, FunctionType) or function in seen or not function.__module__.startswith("tests."):
            continue
        seen.add(function)
        names = set(_names(function.__code__))
        if names & STARTERS:
            return True
        found += [value for name, value in function.__globals__.items() if name in names]
    return False


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function uses, and those that functions inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _watch(event: str, _arguments: tuple[Any, ...]) -> None:
    if _running and event in _PROCESSES:
        raise AssertionError(
            f"{_running[-1]} starts a process, so it is not a unit test: "
            "add the name of what starts it to STARTERS in tests/unit.py"
        )


sys.addaudithook(_watch)
