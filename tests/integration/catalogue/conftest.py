"""The shipped catalogue, imported into a fresh database."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from services.catalogue.intake import importer, loader
from services.catalogue.service import CatalogueService
from tests.seeds import seeded

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="session")
def files() -> loader.CatalogueFiles:
    """The files of data/, read once."""
    return loader.load_catalogue(DATA)


@pytest.fixture
async def catalogue(database: str, files: loader.CatalogueFiles) -> CatalogueService:
    """The room's door over a database that holds the shipped catalogue."""
    await seeded("catalogue", database, partial(importer.import_files, files))
    return CatalogueService()
