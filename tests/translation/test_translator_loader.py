"""A channel's translation model: loaded, changed, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from surtitle.core.errors import ModelError
from surtitle.core.notifier import Notifier
from surtitle.translation import translator_loader
from surtitle.translation.translator_loader import NO_MODEL, TranslatorLoader


class Models:
    """Stands for `Translators`: each request is answered by the test."""

    def __init__(self) -> None:
        self.requests: dict[str, asyncio.Future[Any]] = {}
        self.changes = Notifier()
        self.retries = 0

    def progress(self, model: str) -> None:
        return None

    async def get(self, model: str) -> Any:
        self.requests[model] = asyncio.get_running_loop().create_future()
        self.changes.notify()
        return await self.requests[model]

    def retry(self) -> None:
        self.retries += 1

    async def request(self, model: str, seen: int) -> asyncio.Future[Any]:
        """The next request for a model after ``seen`` changes."""
        while model not in self.requests:
            assert await self.changes.wait(seen, 20)
            seen = self.changes.count
        return self.requests.pop(model)


@pytest.fixture
def models() -> Models:
    return Models()


@pytest_asyncio.fixture
async def loader(models: Models) -> AsyncIterator[TranslatorLoader]:
    translators: Any = models
    loader = TranslatorLoader(translators, models.retry, models.changes)
    yield loader
    await loader.close()


def state(loader: TranslatorLoader) -> tuple[Any, str]:
    return loader.loaded, loader.failure


async def changed(models: Models, seen: int) -> None:
    assert await models.changes.wait(seen, 20)


async def test_without_a_model_it_says_what_to_do(loader: TranslatorLoader) -> None:
    loader.select(None)
    assert state(loader) == (None, NO_MODEL)


async def test_the_selected_model_is_loaded_once(loader: TranslatorLoader, models: Models) -> None:
    loader.select("small")
    request = await models.request("small", 0)
    assert state(loader) == (None, "")
    seen = models.changes.count
    loader.select("small")
    assert models.changes.count == seen
    request.set_result("translator")
    await changed(models, seen)
    assert state(loader) == ("translator", "")


async def test_another_model_replaces_the_one_that_is_loading(loader: TranslatorLoader, models: Models) -> None:
    loader.select("small")
    small = await models.request("small", 0)
    loader.select("large")
    (await models.request("large", 0)).set_result("large translator")
    while loader.loaded is None:
        await changed(models, models.changes.count)
    assert small.cancelled()
    assert state(loader) == ("large translator", "")
    loader.select(None)
    assert state(loader) == (None, NO_MODEL)


async def test_a_model_that_failed_is_tried_again(
    loader: TranslatorLoader, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translator_loader, "_RETRY_DELAY", 0.01)
    loader.select("small")
    assert models.retries == 1  # what waited without a model is too old
    request = await models.request("small", 0)
    request.set_exception(ModelError("The disk is full."))
    again = await models.request("small", models.changes.count)
    assert models.retries == 2
    again.set_result("translator")
    while loader.loaded is None:
        await changed(models, models.changes.count)
    assert loader.failure == ""


async def test_why_a_model_failed_is_known_until_it_is_tried_again(loader: TranslatorLoader, models: Models) -> None:
    loader.select("small")
    request = await models.request("small", 0)
    seen = models.changes.count
    request.set_exception(ModelError("The disk is full."))
    await changed(models, seen)
    assert loader.failure == "The disk is full."
