"""A shop with its provider and the browser of the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app import factory
from tests.journeys import steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask import Flask

    from billing.gateway import Gateway


@pytest.fixture
def scene(app: Flask, connect: Callable[..., Gateway]) -> steps.Scene:
    """Give a shop that has prices and a provider, and two browsers."""
    connect()
    site = DispatcherMiddleware(app, {factory.SANDBOX_MOUNT: app.extensions["sandbox"].wsgi})
    made = steps.Scene(app, site)
    steps.open_shop(made)
    return made


@pytest.fixture
def signed_in(scene: steps.Scene, make_person: Callable[..., UUID]) -> steps.Scene:
    """Give the same with the owner of an organisation signed in."""
    make_person("Ruth Amadi", steps.OWNER, "St Mary")
    steps.sign_in(scene.owner, steps.OWNER, "/workspace/")
    return scene
