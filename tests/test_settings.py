"""The settings: what makes no sense is refused with the name of its variable, and what is made up on this machine is secret."""

from __future__ import annotations

import pytest

from app import settings
from app.kernel import files
from app.settings import BadSetting

STRIPE = {
    "LANYARD_BILLING": "stripe",
    "LANYARD_URL": "https://training.example.org",
    "LANYARD_MAIL": "smtp://mail.example.org:587",
    "LANYARD_MAIL_FROM": "Lanyard <hello@training.example.org>",
    "LANYARD_CONTACT_ADDRESS": "hello@training.example.org",
    "LANYARD_COMPANY_NAME": "Example Training Ltd",
    "LANYARD_COMPANY_ADDRESS": "1 High Street, Exampleton",
    "LANYARD_HOSTING": "Example Hosting Ltd, in London",
    "LANYARD_COMPANY_VAT_NUMBER": "GB 123 4567 89",
    "STRIPE_SECRET_KEY": "sk_test_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
}


@pytest.fixture
def read(tmp_path):
    """Give a reader of settings with a data folder of their own."""
    return lambda **env: settings.from_environment({"LANYARD_DATA": str(tmp_path / "data"), **env})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANYARD_URL", "http://["),
        ("LANYARD_URL", "http://example.org:99999"),
        ("LANYARD_URL", "http://example.org:0"),
        ("LANYARD_URL", "http://example.org:x"),
        ("LANYARD_URL", "http://ruth@example.org"),
        ("LANYARD_URL", "http://ruth:secret@example.org"),
        ("LANYARD_URL", "http://example.org/#top"),
        ("LANYARD_URL", "http://example.org#"),
        ("LANYARD_URL", "http://example.org?"),
        ("LANYARD_URL", "http://example.org/shop"),
        ("LANYARD_URL", "http://two words.org"),
        ("LANYARD_URL", "http://a..b"),
        ("LANYARD_URL", "example.org"),
        ("LANYARD_URL", "ftp://example.org"),
        ("LANYARD_MAIL", "smtp://["),
        ("LANYARD_MAIL", "smtp://"),
        ("LANYARD_MAIL", "smtp://mail.example.org:99999"),
        ("LANYARD_MAIL", "smtp://mail.example.org:x"),
        ("LANYARD_MAIL", "mail.example.org"),
        ("LANYARD_MAIL_FROM", "Lanyard"),
        ("LANYARD_MAIL_FROM", "Lanyard <hello>"),
        ("LANYARD_MAIL_FROM", "Lanyard <hello@>"),
        ("LANYARD_MAIL_FROM", "Lanyard\n<hello@example.org>"),
        ("LANYARD_CONTACT_ADDRESS", "hello"),
        ("LANYARD_CONTACT_ADDRESS", "@example.org"),
        ("LANYARD_CONTACT_ADDRESS", "Lanyard <hello@example.org>"),
        ("LANYARD_COMPANY_NAME", "two\nlines"),
        ("LANYARD_COMPANY_ADDRESS", "x" * 201),
        ("LANYARD_DATA_CONTACT", "Data <data@example.org>"),
        ("LANYARD_RENEWAL_NOTICE_DAYS", "soon"),
        ("LANYARD_RENEWAL_NOTICE_DAYS", "0"),
        ("LANYARD_RENEWAL_NOTICE_DAYS", "30,91"),
        ("LANYARD_RENEWAL_NOTICE_DAYS", "30;7"),
        ("LANYARD_EXIT_URL", "www.bbc.co.uk"),
        ("LANYARD_EXIT_URL", "javascript:alert(1)"),
        ("LANYARD_EXIT_URL", "ftp://example.org"),
        ("LANYARD_EXIT_URL", "https://"),
        ("LANYARD_EXIT_URL", "https://["),
        ("LANYARD_EXIT_URL", "https://ruth@example.org"),
        ("LANYARD_EXIT_URL", "https://example.org/two words"),
        ("LANYARD_EXIT_URL", "https://example.org/';url='https://example.net"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://localhost"),
        ("DATABASE_URL", "postgresql:///name"),
        ("DATABASE_URL", "postgresql://["),
        ("DATABASE_URL", "postgresql://localhost:99999/name"),
        ("DATABASE_URL", "mysql://localhost/name"),
        ("DATABASE_URL", "sqlite:///relative"),
        ("DATABASE_URL", "sqlite:////no/such/folder/shop.sqlite3"),
        ("LANYARD_BILLING", "paypal"),
        ("LANYARD_VAT_PERCENT", "twenty"),
        ("LANYARD_GRACE_DAYS", "-1"),
        ("LANYARD_TRUSTED_PROXIES", "٢"),
        ("LANYARD_LOG_FORMAT", "xml"),
        ("STRIPE_SECRET_KEY", "sk_live_1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(read, name, value):
    with pytest.raises(BadSetting, match=f"^{name}: ") as refusal:
        read(**{name: value})
    assert "secret@" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "field", "kept"),
    [
        ("LANYARD_URL", "https://training.example.org/", "url", "https://training.example.org"),
        ("LANYARD_URL", "http://[::1]:8000", "url", "http://[::1]:8000"),
        ("LANYARD_URL", "https://bücher.example", "url", "https://bücher.example"),
        ("LANYARD_MAIL", "smtps://ruth:pass@mail.example.org", "mail_url", "smtps://ruth:pass@mail.example.org"),
        ("LANYARD_MAIL_FROM", "hello@example.org", "mail_from", "hello@example.org"),
        ("DATABASE_URL", "postgres://ruth:pass@db/shop", "database_url", "postgresql+psycopg://ruth:pass@db/shop"),
        ("DATABASE_URL", "postgresql:///shop?host=/tmp", "database_url", "postgresql+psycopg:///shop?host=/tmp"),
        ("DATABASE_URL", "sqlite:////shop.sqlite3", "database_url", "sqlite:////shop.sqlite3"),
        ("LANYARD_EXIT_URL", "", "exit_url", "https://www.bbc.co.uk/weather"),
        ("LANYARD_EXIT_URL", "http://example.org/a?b=c#d", "exit_url", "http://example.org/a?b=c#d"),
        ("LANYARD_VAT_PERCENT", "none", "vat_percent", None),
    ],
)
def test_what_makes_sense_is_kept(read, name, value, field, kept):
    assert getattr(read(**{name: value}), field) == kept


def test_real_money_is_taken_with_everything_it_needs(read):
    assert not read(**STRIPE).is_sandbox


@pytest.mark.parametrize("name", sorted(STRIPE.keys() - {"LANYARD_BILLING"}))
def test_real_money_needs_settings_that_a_trial_does_not(read, name):
    with pytest.raises(BadSetting, match=f"^{name}: "):
        read(**{key: value for key, value in STRIPE.items() if key != name})


def test_real_money_needs_https(read):
    with pytest.raises(BadSetting, match=r"^LANYARD_URL: .*https"):
        read(**STRIPE | {"LANYARD_URL": "http://training.example.org"})


def test_the_keys_of_the_sandbox_hold_no_part_of_the_secret_and_stay_the_same(read):
    chosen = read()
    made = chosen.stripe_secret_key + chosen.stripe_webhook_secret
    pieces = {chosen.secret_key[start : start + 8] for start in range(len(chosen.secret_key) - 7)}
    assert not any(piece in made for piece in pieces)
    assert chosen.stripe_secret_key.startswith("sk_test_sandbox_")
    assert chosen.stripe_webhook_secret.startswith("whsec_")
    assert read().stripe_secret_key == chosen.stripe_secret_key


def test_the_folder_its_secret_and_what_is_written_there_are_for_their_owner_alone(read):
    chosen = read()
    files.write(chosen.data / "demo_password", b"three odd words")
    found = [path.stat().st_mode & 0o777 for path in (chosen.data, chosen.data / "secret_key", chosen.data / "demo_password")]
    assert found == [0o700, 0o600, 0o600]


@pytest.mark.parametrize(("value", "days"), [("", (30, 7)), ("7, 30,7", (30, 7)), ("14", (14,)), ("none", ())])
def test_renewals_are_announced_as_many_days_before_as_is_said(read, value, days):
    assert read(LANYARD_RENEWAL_NOTICE_DAYS=value).renewal_notice_days == days
