"""What the factory hands to the pages: settings, the payment provider and the jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from app.kernel.jobs import Jobs
    from app.settings import Settings
    from billing.gateway import Gateway


def settings() -> Settings:
    """Give the settings of this shop."""
    return cast("Settings", current_app.config["SETTINGS"])


def gateway() -> Gateway:
    """Give the payment provider."""
    return cast("Gateway", current_app.extensions["gateway"])


def jobs() -> Jobs:
    """Give the background jobs."""
    return cast("Jobs", current_app.extensions["jobs"])


def grace() -> timedelta:
    """Give for how long an unpaid renewal leaves the courses open."""
    return timedelta(days=settings().grace_days)
