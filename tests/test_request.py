"""The request: original, authorized and disputed kept apart."""

import pytest

from imr_llm.letters.request import read_request


@pytest.mark.parametrize(
    ("title", "original", "authorized", "disputed"),
    [
        ("Norco 10/325mg #120", None, None, "Norco 10/325mg #120"),
        ("Office visits is", None, None, "Office visits"),
        (
            "Massage times 8 was the original request. Massage times 2 was authorized by the Claims Administrator. "
            "The remaining IMR eligible portion of the original request, massage times 6 is",
            "Massage times 8", "Massage times 2", "massage times 6",
        ),
        (
            "Buying a cane was the original request. The Claims Administrator authorized a cane for half a year, leaving the "
            "original request IMR eligible. The original request, buying a cane is",
            "Buying a cane", "a cane for half a year", "buying a cane",
        ),
        (
            "Soma 350mg #60 were the original request. Soma 350mg #20 were authorized by the Claims Administrator. "
            "The remaining portion of the original request, Soma 350mg #40",
            "Soma 350mg #60", "Soma 350mg #20", "Soma 350mg #40",
        ),
        ("Six visits was the original request", "Six visits", None, "Six visits"),
        ("A request for original Medicare records", None, None, "A request for original Medicare records"),
    ],
)  # fmt: skip
def test_read_request(title: str, original: str | None, authorized: str | None, disputed: str) -> None:
    request = read_request(title)
    assert (request.original, request.authorized, request.disputed) == (original, authorized, disputed)
