"""Model and request classes of alipay-sdk-python, each loaded with the first call that it is for, in a thread.

The method modules ask for them. All of ours together are 0.1 s of a start and four MiB, of which no process uses more
than a part; one pair takes 10 to 25 ms. Source: alipay-sdk-python, packages alipay.aop.api.domain and .request.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

_loaded: dict[str, tuple[Any, Any]] = {}


async def blank(name: str) -> tuple[Any, Any]:
    """Return an empty model of a method and what makes its request, by the name they share, as `AlipayTradeCreate`."""
    found = _loaded.get(name)
    if found is None:
        found = _loaded[name] = await asyncio.to_thread(_load, name)
    model_of, request_of = found
    return model_of(), request_of


def _load(name: str) -> tuple[Any, Any]:
    model, request = f"{name}Model", f"{name}Request"
    return (
        getattr(import_module(f"alipay.aop.api.domain.{model}"), model),
        getattr(import_module(f"alipay.aop.api.request.{request}"), request),
    )
