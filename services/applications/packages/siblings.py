"""The parts of a case's package for the desk: names, bodies and statuses, no answers and no files. Reads only."""

from __future__ import annotations

from services.applications.packages import repository, views
from services.applications.ports import Catalogue
from services.applications.types import Sibling


async def siblings_of(catalogue: Catalogue, application_no: str) -> list[Sibling]:
    """Return the parts of the package that a case is one of, itself among them; none where it is no part."""
    package_no = await repository.find_of_case(application_no)
    row = await repository.find(package_no) if package_no else None
    if row is None:
        return []
    terms = await catalogue.package_terms(row["package_code"], row["package_version"])
    return [views.sibling(part, terms) for part in await repository.list_parts(row["id"])]
