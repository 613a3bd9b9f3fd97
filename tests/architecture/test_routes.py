"""Every door that a handler module lists is mounted: one left out would be missed by nobody but its users."""

from __future__ import annotations

import importlib
import pkgutil

import handlers
from app.settings import Settings
from handlers.routes import all_routes


def test_every_listed_route_is_mounted() -> None:
    mounted = {(route.method, route.path) for route in all_routes(Settings())}
    names = [found.name for found in pkgutil.walk_packages(handlers.__path__, "handlers.")]
    listed = [route for name in names for route in getattr(importlib.import_module(name), "ROUTES", ())]
    assert len(listed) > 100
    assert {(route.method, route.path) for route in listed} - mounted == set()
