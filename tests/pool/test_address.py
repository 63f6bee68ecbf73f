"""Where the pool is."""

from __future__ import annotations

import pytest

from surtitle.core.errors import ModelError
from surtitle.pool.address import TOKEN_VARIABLE, URL_VARIABLE, check_url, read_address


@pytest.mark.parametrize("url", ["http://pool:8000", "https://gpu.example/surtitle", "http://[::1]:8000"])
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert check_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    ["pool:8000", "ftp://pool", "http://", "http://pool:0", "http://me:secret@pool", "http://pool?x=1", "http://po ol"],
)
def test_what_is_no_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ModelError, match="not a complete one") as caught:
        check_url(url)
    assert "secret" not in caught.value.message


def test_an_address_of_ray_is_answered_with_the_one_to_give() -> None:
    with pytest.raises(ModelError, match="such as http://head:8000"):
        check_url("ray://head:10001")


def test_the_secret_is_read_and_never_shown() -> None:
    address = read_address({URL_VARIABLE: "http://pool:8000/", TOKEN_VARIABLE: " abc "})
    assert (address.url, address.token) == ("http://pool:8000", "abc")
    assert "abc" not in repr(address)
    with pytest.raises(ModelError, match=TOKEN_VARIABLE) as caught:
        read_address({URL_VARIABLE: "http://pool:8000", TOKEN_VARIABLE: "two words"})
    assert "two" not in caught.value.message


def test_without_an_address_the_error_says_where_to_give_it() -> None:
    with pytest.raises(ModelError, match="--inference"):
        read_address({})
