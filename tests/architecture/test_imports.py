"""Who may import whom: the table of the design, walked over every file."""

from __future__ import annotations

from app.db import QUERIED
from tests.architecture.sources import Source, sources

COMPOSITION = {
    f"app.{name}"
    for name in (
        "wiring assembly notice_rooms tables worker factory serving loading start migrate providers adapters upkeep"
        " showcase cli consulting cli_calendar cli_items cli_merchants cli_payments merchant_desk"
        " cli_deliveries exchange_desk cli_exchange cli_staff campaign_parts delivery_parts"
    ).split()
}
"""The frame's front: it puts the house together and so may know every room."""

ROOM_RANK: dict[str, set[str]] = {
    "services.catalogue": set(),
    "services.delivery": set(),
    "services.audiences": set(),
    "services.operations": set(),
    "services.ratings": {"services.applications"},
    "services.consultations": set(),
    "services.exchange": {"services.applications", "services.catalogue"},
    "services.applications": {"services.accounts", "services.catalogue", "services.licences", "services.delivery"},
}


def _room(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "services" else parts[0]


def _offences(source: Source) -> list[str]:
    own = _room(source.module)
    return [f"{source.module} imports {name}" for name in sorted(source.imports) if not _allowed(source, own, name)]


def _allowed(source: Source, own: str, name: str) -> bool:
    target, last = _room(name), name.split(".")[-1]
    if own == target or name in ("services", "handlers", "clients", "models", "payments", "notify", "app"):
        return True
    if own == "run" or source.module in COMPOSITION:
        return target != "simulators"
    if own in ("simulators", "demo"):
        return False
    if own == "bench":
        return target != "simulators"
    if target == "app":
        return name not in COMPOSITION or _only_for_types(source, name)
    if own == "app":
        return False
    if own == "handlers":
        return _is_door(name) or target == "handlers"
    if own == "clients":
        return False
    if own in ("payments", "notify") or own.startswith("services."):
        return _room_may(source, own, target, name, last)
    return False


def _room_may(source: Source, own: str, target: str, name: str, last: str) -> bool:
    if target == "models":
        return "repository" in source.module.split(".")[-1]
    if target == "clients":
        return any(folder in source.module for folder in (".channels", ".couriers", ".identity", ".adapters"))
    if own in ("payments", "notify"):
        return False
    may = {"services.staff", *ROOM_RANK.get(own, ())} if own in ROOM_RANK else set()
    if own == "services.applications":
        may.add("payments")
    return target in may and _is_door(name)


def _is_door(name: str) -> bool:
    """A room is entered by its service and its types only; its parts by their types."""
    parts = name.split(".")
    depth = 2 if parts[0] == "services" else 1
    return len(parts) <= depth or parts[depth] in ("service", "types") or "types" in parts[depth:]


def _only_for_types(source: Source, name: str) -> bool:
    return "if TYPE_CHECKING:" in source.text and name.startswith("app.wiring")


def test_every_import_follows_the_plan_of_the_house() -> None:
    offences = [offence for source in sources() for offence in _offences(source)]
    assert offences == []


def test_simulators_and_demo_import_nothing_of_ours() -> None:
    for source in sources():
        room = source.module.split(".")[0]
        if room in ("simulators", "demo"):
            assert {name.split(".")[0] for name in source.imports} <= {room}, source.module


def test_service_knows_neither_querysets_nor_clients() -> None:
    for source in sources():
        if source.path.name == "service.py":
            assert not any(name.startswith(("models", "clients")) for name in source.imports), source.module


def test_states_are_pure() -> None:
    import ast

    for source in sources():
        if source.path.name == "states.py":
            assert not any(name.startswith("models") for name in source.imports), source.module
            assert not any(isinstance(node, ast.Await) for node in ast.walk(source.tree)), source.module


def test_models_that_rooms_ask_for_rows_are_those_that_every_process_loads() -> None:
    rooms = [source for source in sources() if not source.module.startswith("models")]
    asked = {".".join(name.split(".")[:2]) for source in rooms for name in source.imports if name.startswith("models.")}
    assert asked == set(QUERIED)
