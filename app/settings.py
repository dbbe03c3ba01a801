"""The settings, read once from the environment and refused as a whole when one of them makes no sense."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

LIVE_KEY_PREFIXES = ("sk_live_", "rk_live_")
SANDBOX_KEY_PREFIX = "sk_test_sandbox"
DEFAULT_URL = "http://127.0.0.1:8000"


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
    invitation_days: int
    contact_address: str
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
        mail_from=env.get("LANYARD_MAIL_FROM") or "Lanyard <hello@lanyard.example>",
        vat_percent=_vat_percent(env),
        grace_days=_whole(env, "LANYARD_GRACE_DAYS", 14, 0, 90),
        invitation_days=_whole(env, "LANYARD_INVITATION_DAYS", 14, 1, 365),
        contact_address=env.get("LANYARD_CONTACT_ADDRESS") or "hello@lanyard.example",
        trusted_proxies=_whole(env, "LANYARD_TRUSTED_PROXIES", 0, 0, 5),
        log_format=cast("Literal['text', 'json']", _choice(env, "LANYARD_LOG_FORMAT", ("text", "json"), "text")),
    )


def _url(typed: str) -> str:
    """Give the address visitors use, without a slash at its end."""
    url = typed.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        message = f"LANYARD_URL: give the address visitors use, such as https://training.example.org, not {url!r}."
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


def _vat_percent(env: Mapping[str, str]) -> int | None:
    """Give the VAT rate in whole per cent, or None for a supplier who charges none."""
    if env.get("LANYARD_VAT_PERCENT") == "none":
        return None
    return _whole(env, "LANYARD_VAT_PERCENT", 20, 1, 40)


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
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
    if not url.startswith(("sqlite:////", "postgresql+psycopg://")):
        message = "DATABASE_URL: give postgresql://user:password@host/name, or sqlite:////full/path, or leave it out."
        raise BadSetting(message)
    return url


def _stripe_keys(env: Mapping[str, str], billing: str, secret_key: str) -> tuple[str, str]:
    """Give the provider's secret key and webhook secret; the sandbox makes its own from the shop's secret."""
    key, webhook_secret = env.get("STRIPE_SECRET_KEY", ""), env.get("STRIPE_WEBHOOK_SECRET", "")
    if billing == "sandbox":
        if key and not key.startswith(SANDBOX_KEY_PREFIX):
            message = (
                "STRIPE_SECRET_KEY: this is a real key, but LANYARD_BILLING is sandbox. Set that to stripe, or remove the key."
            )
            raise BadSetting(message)
        return key or f"{SANDBOX_KEY_PREFIX}_{secret_key[:24]}", webhook_secret or f"whsec_sandbox_{secret_key[24:56]}"
    if not key.startswith(("sk_", "rk_")) or key.startswith(SANDBOX_KEY_PREFIX):
        message = "STRIPE_SECRET_KEY: LANYARD_BILLING=stripe needs a secret key of your Stripe account (it begins sk_ or rk_)."
        raise BadSetting(message)
    if not webhook_secret.startswith("whsec_"):
        message = (
            "STRIPE_WEBHOOK_SECRET: LANYARD_BILLING=stripe needs the signing secret of the webhook endpoint (it begins whsec_)."
        )
        raise BadSetting(message)
    return key, webhook_secret


def _mail_url(env: Mapping[str, str], billing: str) -> str | None:
    """Give the mail server, or None for the mailbox page of the sandbox."""
    url = env.get("LANYARD_MAIL") or "mailbox"
    if url == "mailbox":
        if billing != "sandbox":
            message = "LANYARD_MAIL: real customers need real mail: give smtp://user:password@host:587."
            raise BadSetting(message)
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        message = "LANYARD_MAIL: give mailbox, smtp://user:password@host:587 or smtps://user:password@host:465."
        raise BadSetting(message)
    return url
