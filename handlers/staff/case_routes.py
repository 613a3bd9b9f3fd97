"""The pages of case work together: lists, one case, its materials, correction, acts."""

from __future__ import annotations

from handlers.staff import act_pages, case_list_pages, case_pages, material_pages

ROUTES = (*case_list_pages.ROUTES, *case_pages.ROUTES, *material_pages.ROUTES, *act_pages.ROUTES)
