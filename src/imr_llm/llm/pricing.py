"""What a call costs, from the price list that comes inside genai-prices; it is never fetched."""

from __future__ import annotations

from decimal import Decimal

import genai_prices


def price_tokens(
    model: str, base_url: str, *, input_tokens: int, cached_tokens: int, output_tokens: int
) -> float | None:
    """US dollars for these tokens; None where the endpoint or the model is not on the price list.

    A server of the user's own (a loopback address, a company's gateway) is not on it, whatever its model is called.
    `cached_tokens` are the part of `input_tokens` that the provider's prefix cache answered.
    """
    usage = genai_prices.Usage(input_tokens=input_tokens, cache_read_tokens=cached_tokens, output_tokens=output_tokens)
    try:
        price: Decimal = genai_prices.calc_price(usage, model, provider_api_url=base_url).total_price
    except LookupError:
        return None
    return float(price)
