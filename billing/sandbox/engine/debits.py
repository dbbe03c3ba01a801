"""Bacs Direct Debit: test accounts, and how many business days a debit takes until it is known whether it was paid."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing.sandbox.engine.customers import Holder
from billing.sandbox.store import JSON, Work, new_id

SORT_CODE = "108800"
NEW_MANDATE_DAYS = 7
USUAL_DAYS = 4
SATURDAY = 5


@dataclass(frozen=True)
class Account:
    """A test account: its number, and whether a debit from it is paid."""

    number: str
    pays: bool

    @property
    def last4(self) -> str:
        """Return the digits that may be shown."""
        return self.number[-4:]


PAYS = Account("00012345", pays=True)
HAS_TOO_LITTLE = Account("22222227", pays=False)
NOT_AUTHORISED = Account("33333335", pays=False)
BY_NUMBER = {account.number: account for account in (PAYS, HAS_TOO_LITTLE, NOT_AUTHORISED)}


def is_debit(method: JSON | None) -> bool:
    """Say whether a payment method is a bank debit."""
    return method is not None and bool(method["type"] == "bacs_debit")


def pays(method: JSON) -> bool:
    """Say whether debits from this account are paid."""
    return BY_NUMBER[method["_number"]].pays


def make_method(work: Work, account: Account, holder: Holder) -> JSON:
    """Create the payment method for an account; it belongs to nobody yet."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "bacs_debit": {"fingerprint": f"sandbox{account.last4}", "last4": account.last4, "sort_code": SORT_CODE},
        "billing_details": {
            "address": holder.address,
            "email": holder.email,
            "name": holder.name,
            "phone": None,
            "tax_id": None,
        },
        "created": work.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "bacs_debit",
        "_number": account.number,
    }


def business_days_after(moment: int, days: int) -> int:
    """Return the same time some days on, Saturdays and Sundays left out; bank holidays are not known here."""
    at = datetime.fromtimestamp(moment, UTC)
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < SATURDAY
    return int(at.timestamp())
