"""The settings, read once from the environment and refused as a whole when one of them makes no sense."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

SANDBOX_KEY_PREFIX = "sk_test_sandbox"
DEFAULT_URL = "http://127.0.0.1:8000"
LONGEST_WORDS = 200
LONGEST_NOTICE_DAYS = 90
DEFAULT_EXIT_URL = "https://www.bbc.co.uk/weather"
# What a shop that takes real money cannot leave to the defaults.
NEEDED_FOR_MONEY = {
    "LANYARD_URL": "give the address visitors use, such as https://training.example.org",
    "LANYARD_MAIL_FROM": "give the sender of every mail, such as Lanyard <hello@training.example.org>",
    "LANYARD_CONTACT_ADDRESS": "give the address customers write to, such as hello@training.example.org",
    "LANYARD_COMPANY_NAME": "give the legal name of whoever sells the training, such as Example Training Ltd",
    "LANYARD_COMPANY_ADDRESS": "give its postal address on one line, such as 1 High Street, Exampleton, EX1 1EX",
    "LANYARD_HOSTING": "say who hosts the shop and where, such as Example Hosting Ltd, in London",
}


class BadSetting(Exception):
    """A setting that makes no sense; the message begins with the name of the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can set; see docs/configure.md for the variables."""

    data: Path
    url: str
    database_url: str
    secret_key: str
    billing: Literal["sandbox", "stripe"]
    stripe_secret_key: str
    stripe_webhook_secret: str
    mail_url: str | None
    mail_from: str
    vat_percent: int | None
    grace_days: int
    renewal_notice_days: tuple[int, ...]
    keeps_used_days: bool
    invitation_days: int
    evidence_years: int
    quote_days: int
    contact_address: str
    company_name: str
    company_address: str
    company_phone: str
    company_vat_number: str
    bank_details: str
    data_contact: str
    hosting: str
    exit_url: str
    trusted_proxies: int
    log_format: Literal["text", "json"]

    @property
    def is_sandbox(self) -> bool:
        """Whether no money moves."""
        return self.billing == "sandbox"

    @property
    def is_https(self) -> bool:
        """Whether visitors reach the shop over https, so that cookies are marked Secure."""
        return self.url.startswith("https://")


def from_environment(environ: Mapping[str, str] | None = None, *, data: Path | None = None, url: str = DEFAULT_URL) -> Settings:
    """Read the settings; raises BadSetting with the name of the variable that makes no sense.

    `data` is the folder that the command line names; `url` the address when LANYARD_URL does not say.
    """
    env = os.environ if environ is None else environ
    data = (data or Path(env.get("LANYARD_DATA") or "var")).absolute()
    url = _url(env.get("LANYARD_URL") or url)
    billing = cast("Literal['sandbox', 'stripe']", _choice(env, "LANYARD_BILLING", ("sandbox", "stripe"), "sandbox"))
    if billing == "stripe":
        _demand_what_money_needs(env, url)
    _make_folder(data)
    secret_key = _secret_key(data)
    stripe_secret_key, stripe_webhook_secret = _stripe_keys(env, billing, secret_key)
    return Settings(
        data=data,
        url=url,
        database_url=_database_url(env, data),
        secret_key=secret_key,
        billing=billing,
        stripe_secret_key=stripe_secret_key,
        stripe_webhook_secret=stripe_webhook_secret,
        mail_url=_mail_url(env, billing),
        mail_from=_mail_address(env, "LANYARD_MAIL_FROM", "Lanyard <hello@lanyard.example>"),
        vat_percent=_vat_percent(env),
        grace_days=_whole(env, "LANYARD_GRACE_DAYS", 14, 0, 90),
        renewal_notice_days=_notice_days(env),
        keeps_used_days=_choice(env, "LANYARD_REFUND_DAYS_USED", ("kept", "refunded"), "kept") == "kept",
        invitation_days=_whole(env, "LANYARD_INVITATION_DAYS", 14, 1, 365),
        evidence_years=_whole(env, "LANYARD_EVIDENCE_YEARS", 6, 1, 100),
        quote_days=_whole(env, "LANYARD_QUOTE_DAYS", 30, 1, 365),
        contact_address=_contact_address(env, "LANYARD_CONTACT_ADDRESS", "hello@lanyard.example"),
        company_name=_words(env, "LANYARD_COMPANY_NAME", "Sample Training Ltd (a made-up company)"),
        company_address=_words(env, "LANYARD_COMPANY_ADDRESS", "1 Sample Street, Exampleton, EX1 1EX (a made-up address)"),
        company_phone=_words(env, "LANYARD_COMPANY_PHONE", ""),
        company_vat_number=_words(env, "LANYARD_COMPANY_VAT_NUMBER", "GB 000 0000 00 (made up)" if billing == "sandbox" else ""),
        bank_details=_words(env, "LANYARD_BANK_DETAILS", ""),
        data_contact=_contact_address(env, "LANYARD_DATA_CONTACT", env.get("LANYARD_CONTACT_ADDRESS") or "hello@lanyard.example"),
        hosting=_words(env, "LANYARD_HOSTING", "this demonstration runs wherever it was started, and nowhere else"),
        exit_url=_exit_url(env),
        trusted_proxies=_whole(env, "LANYARD_TRUSTED_PROXIES", 0, 0, 5),
        log_format=cast("Literal['text', 'json']", _choice(env, "LANYARD_LOG_FORMAT", ("text", "json"), "text")),
    )


def named_browser() -> str | None:
    """Give the browser that CHROMIUM names, for the tools that need one."""
    return os.environ.get("CHROMIUM")


def stripe_test_key() -> str:
    """Give the key of the Stripe account in test mode on which scenarios run; raises BadSetting for none and for a real one."""
    key = os.environ.get("STRIPE_TEST_KEY", "")
    if not key.startswith(("sk_test_", "rk_test_")) or key.startswith(SANDBOX_KEY_PREFIX):
        message = "STRIPE_TEST_KEY: scenarios run with a test key only (it begins sk_test_ or rk_test_), never with a live one."
        raise BadSetting(message)
    return key


def environment_with(**more: str) -> dict[str, str]:
    """Give the environment of this process and something more, for a tool that is started from here."""
    return os.environ | more


def _url(typed: str) -> str:
    """Give the address visitors use, without a slash at its end."""
    url = typed.rstrip("/")
    parts = _split(url)
    is_bare = parts is not None and not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if parts is None or not is_bare or parts.scheme not in {"http", "https"} or any(mark in url for mark in "?# "):
        message = "LANYARD_URL: give the address visitors use and nothing more, such as https://training.example.org."
        raise BadSetting(message)
    return url


def _split(url: str) -> SplitResult | None:
    """Take an address with a host apart; None when that cannot be done or its port is none."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        is_good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_good else None


def _demand_what_money_needs(env: Mapping[str, str], url: str) -> None:
    for name, advice in NEEDED_FOR_MONEY.items():
        if not env.get(name):
            message = f"{name}: LANYARD_BILLING=stripe needs it: {advice}."
            raise BadSetting(message)
    if _vat_percent(env) is not None and not env.get("LANYARD_COMPANY_VAT_NUMBER"):
        message = "LANYARD_COMPANY_VAT_NUMBER: whoever charges VAT names their number on each invoice, such as GB 123 4567 89."
        raise BadSetting(message)
    if not url.startswith("https://"):
        message = "LANYARD_URL: LANYARD_BILLING=stripe needs an https address, so that nobody reads along."
        raise BadSetting(message)


def _mail_address(env: Mapping[str, str], name: str, default: str) -> str:
    """Give an e-mail address, perhaps with a name before it."""
    value = env.get(name) or default
    before, at, domain = parseaddr(value)[1].rpartition("@")
    if not (before and at and domain) or not value.isprintable():
        message = f"{name}: give an e-mail address, such as {default}, not {value!r}."
        raise BadSetting(message)
    return value


def _contact_address(env: Mapping[str, str], name: str, default: str) -> str:
    """Give an address that stands alone, because pages link to it."""
    value = _mail_address(env, name, default)
    if parseaddr(value)[1] != value:
        message = f"{name}: give the e-mail address alone, such as hello@lanyard.example, not {value!r}."
        raise BadSetting(message)
    return value


def _words(env: Mapping[str, str], name: str, default: str) -> str:
    """Give words that pages show as they are: one line."""
    value = (env.get(name) or default).strip()
    if not (value.isprintable() and len(value) <= LONGEST_WORDS):
        message = f"{name}: give one line of at most {LONGEST_WORDS} characters."
        raise BadSetting(message)
    return value


def _exit_url(env: Mapping[str, str]) -> str:
    """Give the address of the harmless page that the quick exit leads to."""
    url = env.get("LANYARD_EXIT_URL") or DEFAULT_EXIT_URL
    parts = _split(url)
    is_plain = url.isprintable() and not any(mark in url for mark in " ;'\"<>")
    if parts is None or parts.scheme not in {"http", "https"} or "@" in parts.netloc or not is_plain:
        message = f"LANYARD_EXIT_URL: give the whole address of a page, such as {DEFAULT_EXIT_URL}."
        raise BadSetting(message)
    return url


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = env.get(name) or default
    if value not in choices:
        message = f"{name}: choose {' or '.join(choices)}, not {value!r}."
        raise BadSetting(message)
    return value


def _whole(env: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    value = env.get(name) or str(default)
    if not value.isascii() or not value.isdecimal() or not lowest <= int(value) <= highest:
        message = f"{name}: give a whole number from {lowest} to {highest}, not {value!r}."
        raise BadSetting(message)
    return int(value)


def _notice_days(env: Mapping[str, str]) -> tuple[int, ...]:
    """Give how many days before a renewal it is announced, such as 30,7; none for never."""
    value = env.get("LANYARD_RENEWAL_NOTICE_DAYS") or "30,7"
    if value == "none":
        return ()
    days = [part.strip() for part in value.split(",")]
    if not all(
        part.isascii() and part.isdecimal() and len(part) < LONGEST_NOTICE_DAYS and 1 <= int(part) <= LONGEST_NOTICE_DAYS
        for part in days
    ):
        message = f"LANYARD_RENEWAL_NOTICE_DAYS: give whole numbers of days up to {LONGEST_NOTICE_DAYS}, such as 30,7, or none."
        raise BadSetting(message)
    return tuple(sorted({int(part) for part in days}, reverse=True))


def _vat_percent(env: Mapping[str, str]) -> int | None:
    """Give the VAT rate in whole per cent, or None for a supplier who charges none."""
    if env.get("LANYARD_VAT_PERCENT") == "none":
        return None
    return _whole(env, "LANYARD_VAT_PERCENT", 20, 1, 40)


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        message = f"LANYARD_DATA: cannot write to {data}: {error.strerror}. Choose a folder that this program may write to."
        raise BadSetting(message) from error


def _secret_key(data: Path) -> str:
    """Read the key that signs cookies and links, making it on the first start."""
    path = data / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    key = path.read_text().strip()
    if len(key) < 32:  # noqa: PLR2004 - 128 bits as hex
        message = (
            f"LANYARD_DATA: {path} is too short to be a secret. Remove it to have a new one made; everyone then signs in again."
        )
        raise BadSetting(message)
    return key


def _database_url(env: Mapping[str, str], data: Path) -> str:
    url = env.get("DATABASE_URL") or f"sqlite:///{data / 'lanyard.sqlite3'}"
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            url = "postgresql+psycopg://" + url.removeprefix(scheme)
    if url.startswith("sqlite:////"):
        folder = Path(url.removeprefix("sqlite:///").partition("?")[0]).parent
        if not folder.is_dir():
            message = f"DATABASE_URL: there is no folder {folder}. Make it, or choose another."
            raise BadSetting(message)
    elif not _names_postgresql(url):
        message = "DATABASE_URL: give postgresql://user:password@host/name, or sqlite:////full/path, or leave it out."
        raise BadSetting(message)
    return url


def _names_postgresql(url: str) -> bool:
    """Whether an address names a server, before the slash or as ?host= for a socket, and a database."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or parse_qs(parts.query).get("host")
        return parts.scheme == "postgresql+psycopg" and parts.port != 0 and bool(host and unquote(parts.path).strip("/"))
    except ValueError:
        return False


def _stripe_keys(env: Mapping[str, str], billing: str, secret_key: str) -> tuple[str, str]:
    """Give the provider's secret key and webhook secret; the sandbox makes its own from the shop's secret."""
    key, webhook_secret = env.get("STRIPE_SECRET_KEY", ""), env.get("STRIPE_WEBHOOK_SECRET", "")
    if billing == "sandbox":
        if key and not key.startswith(SANDBOX_KEY_PREFIX):
            message = (
                "STRIPE_SECRET_KEY: this is a real key, but LANYARD_BILLING is sandbox. Set that to stripe, or remove the key."
            )
            raise BadSetting(message)
        return (
            key or f"{SANDBOX_KEY_PREFIX}_{_derived(secret_key, 'sandbox key')[:24]}",
            webhook_secret or f"whsec_sandbox_{_derived(secret_key, 'sandbox webhook')[:32]}",
        )
    if not key.startswith(("sk_", "rk_")) or key.startswith(SANDBOX_KEY_PREFIX):
        message = "STRIPE_SECRET_KEY: LANYARD_BILLING=stripe needs a secret key of your Stripe account (it begins sk_ or rk_)."
        raise BadSetting(message)
    if not webhook_secret.startswith("whsec_"):
        message = (
            "STRIPE_WEBHOOK_SECRET: LANYARD_BILLING=stripe needs the signing secret of the webhook endpoint (it begins whsec_)."
        )
        raise BadSetting(message)
    return key, webhook_secret


def _derived(secret_key: str, label: str) -> str:
    """Give another secret that tells nothing about the shop's own."""
    return hmac.new(secret_key.encode(), label.encode(), hashlib.sha256).hexdigest()


def _mail_url(env: Mapping[str, str], billing: str) -> str | None:
    """Give the mail server, or None for the mailbox page of the sandbox."""
    url = env.get("LANYARD_MAIL") or "mailbox"
    if url == "mailbox":
        if billing != "sandbox":
            message = "LANYARD_MAIL: real customers need real mail: give smtp://user:password@host:587."
            raise BadSetting(message)
        return None
    parts = _split(url)
    if parts is None or parts.scheme not in {"smtp", "smtps"}:
        message = "LANYARD_MAIL: give mailbox, smtp://user:password@host:587 or smtps://user:password@host:465."
        raise BadSetting(message)
    return url
