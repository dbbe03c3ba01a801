"""Commands that do one thing and end: migrate, load, content check, reconcile."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import factory, settings
from app.cli.content import FOLDER
from app.kernel import schema
from app.kernel.errors import Invalid, Unavailable
from app.kernel.transaction import transaction
from app.web import logs
from billing import price_cards, reconciliation
from catalog.shelf import importing

if TYPE_CHECKING:
    import argparse

    from flask import Flask


def add_commands(commands: Any) -> None:
    """Add the subcommands of upkeep."""
    for name, help_text, do in (
        ("migrate", "bring the database up to date", migrate),
        ("load", "put the courses of catalog/content on the shelf and publish the first price card", load),
        ("reconcile", "ask the payment provider about every order and subscription and report what differs", reconcile),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("--data", type=Path, help="the folder that holds all data (./var)")
        command.set_defaults(do=do)
        if name == "migrate":
            command.add_argument("--draft", metavar="WHY", help="for developers: draft the next migration from the models")


def migrate(options: argparse.Namespace) -> int:
    """Bring the database up to date, or draft the migration that would bring it up to the models."""
    with _app(options).app_context():
        schema.bring_up_to_date()
        if options.draft:
            schema.draft(options.draft)
            return 0
    print("The database is up to date.")
    return 0


def load(options: argparse.Namespace) -> int:
    """Load the shelf, whole or not at all."""
    app = _app(options)
    demand_schema(app)
    with app.app_context():
        try:
            files = importing.read(FOLDER)
        except Invalid as refusal:
            print(refusal.message, file=sys.stderr)
            print("Nothing was loaded.", file=sys.stderr)
            return 1
        with transaction():
            price_cards.publish_seed()
            report = importing.load(files)
    for slug in report.published:
        print(f"published  {slug}")
    for slug in report.withdrawn:
        print(f"withdrawn  {slug}")
    print(f"{len(report.published)} published, {report.unchanged} unchanged, {len(report.withdrawn)} withdrawn.")
    return 0


def reconcile(options: argparse.Namespace) -> int:
    """Reconcile with the payment provider; exit status 1 when something differs."""
    app = _app(options)
    demand_schema(app)
    factory.open_gateway(app, app.config["SETTINGS"])
    print("Asking the payment provider …", flush=True)
    with app.app_context():
        report = reconciliation.run(app.extensions["gateway"])
    for difference in report.differences:
        print(difference, file=sys.stderr)
    print(f"{report.checkouts} orders and {report.subscriptions} subscriptions asked about, {len(report.differences)} differ.")
    return 1 if report.differences else 0


def migrate_and_load() -> None:
    """Bring the database and the shelf up to date, as the shop does at each start."""
    try:
        schema.check()
    except Unavailable:
        schema.bring_up_to_date()
    files = importing.read(FOLDER)
    with transaction():
        price_cards.publish_seed()
        importing.load(files)


def demand_schema(app: Flask) -> None:
    """Raise Unavailable when the database lacks a migration."""
    with app.app_context():
        schema.check()


def _app(options: argparse.Namespace) -> Flask:
    chosen = settings.from_environment(data=options.data)
    logs.configure(chosen.log_format)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return factory.create_app(chosen)
