"""A shop with its provider and the owner's browser, and kills that stay in one process."""

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the kills on one kind of database together: what they go back to takes a while to make."""
    for item in items:
        if item.path.name == "test_kill.py" and isinstance(item, pytest.Function):
            item.add_marker(pytest.mark.xdist_group(f"killed-{item.callspec.params['kept']}"))


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
