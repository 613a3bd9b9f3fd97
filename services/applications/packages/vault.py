"""The merged answers of a package at rest: masked values in the open part, the sensitive ones encrypted as one.

The only place of the package cases that holds the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.crypto import FieldCipher
from app.db import Row
from services.applications import forms
from services.applications.repository import Answers
from services.catalogue.types import PackageTerms

_COLUMN = "package_case.form"


class PackageVault:
    """Parts merged answers for storage and puts them together again."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def close(self, answers: Mapping[str, Any], terms: PackageTerms) -> Answers:
        """Make merged answers ready to be stored."""
        shown, hidden = forms.part_sensitive(answers, terms.sensitive)
        sealed = self._cipher.encrypt_json(_COLUMN, hidden) if hidden else None
        return Answers(msgspec.json.encode(shown).decode(), sealed)

    def open(self, row: Row) -> dict[str, Any]:
        """Return the whole merged answers of a package case."""
        answers: dict[str, Any] = msgspec.json.decode(row["form"])
        if row["form_cipher"] is None:
            return answers
        return forms.join_sensitive(answers, self._cipher.decrypt_json(_COLUMN, row["form_cipher"]))
