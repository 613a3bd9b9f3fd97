"""Configuration for tortoise's own command: `SJT_DATABASE_URL=… tortoise -c models.tortoise_config.CONFIG migrate`."""

from __future__ import annotations

import os

from app.db import tortoise_config

CONFIG = tortoise_config(os.environ.get("SJT_DATABASE_URL", "postgres://postgres@localhost/sanjintong"))
