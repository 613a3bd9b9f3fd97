"""The pages of case work together: queues, lists, one case, its materials, correction, acts."""

from __future__ import annotations

from handlers.staff import act_pages, case_list_pages, case_pages, correction_pages, material_pages, queue_pages

ROUTES = (
    *queue_pages.ROUTES,
    *case_list_pages.ROUTES,
    *case_pages.ROUTES,
    *material_pages.ROUTES,
    *correction_pages.ROUTES,
    *act_pages.ROUTES,
)
