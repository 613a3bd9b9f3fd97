"""What crosses the areas' door: departments, service points with distances, and the reach of an item; frozen."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from services.catalogue.codes import Coded
from services.catalogue.types import Code, Cursor, Limit

Division = Annotated[str, Meta(max_length=12)]


class Way(Coded):
    """通办方式: how an application gets to the body that decides it; NONE where it may not be filed."""

    LOCAL = "local", "属地办理"
    ONLINE = "online", "全程网办"
    FORWARDED = "forwarded", "异地代收代办"
    JOINT = "joint", "多地联办"
    NONE = "none", "不可办理"


class DepartmentQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Departments of an area and of those above and below it."""

    division: Division = ""
    limit: Limit = 100
    cursor: Cursor = ""


class DepartmentView(Struct, frozen=True, kw_only=True):
    """A department with the number of its items."""

    code: str
    name: str
    short_name: str
    division_code: str
    phone: str
    address: str
    item_count: int


class DepartmentPage(Struct, frozen=True):
    """One page of departments."""

    data: tuple[DepartmentView, ...]
    next_cursor: str | None


class PointQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Service points of an area, for a topic or an item; nearest first when a position (degrees, WGS-84) is given."""

    division: Division = ""
    topic: Annotated[str, Meta(max_length=32)] = ""
    item_code: Code = ""
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class WindowView(Struct, frozen=True):
    """A window (窗口) and the topics it takes."""

    no: str
    name: str
    topics: tuple[str, ...]


class PointView(Struct, frozen=True, kw_only=True):
    """A service point; distance and `open_now` are null where no position was given or hours are told in words."""

    code: str
    name: str
    kind: str
    kind_text: str
    division_code: str
    address: str
    phone: str
    longitude: float
    latitude: float
    hours: str
    open_now: bool | None
    distance_km: float | None
    distance_text: str
    windows: tuple[WindowView, ...]


class PointPage(Struct, frozen=True):
    """One page of service points."""

    data: tuple[PointView, ...]
    next_cursor: str | None


class ReachQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From where somebody would file."""

    division: Annotated[str, Meta(min_length=1, max_length=12)]


class OwnOffer(Struct, frozen=True):
    """The item with which a body of the citizen's own area offers the same thing."""

    item_code: str
    name: str
    division_code: str


class ReachView(Struct, frozen=True, kw_only=True):
    """Whether an item may be filed from a division, who decides it, and in which way it gets there."""

    item_code: str
    division_code: str
    may_be_filed: bool
    reach: str
    reach_text: str
    way: str
    way_text: str
    decided_by_department_code: str
    decided_by_department_name: str
    decided_in_division_code: str
    decided_in_division_name: str
    handled_elsewhere: bool
    note: str
    own: OwnOffer | None
