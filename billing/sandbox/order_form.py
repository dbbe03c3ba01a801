"""What a buyer types on the checkout page: the card, and for whom and to which address the invoice is made out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from billing.sandbox import card_form
from billing.sandbox.card_form import CardForm
from billing.sandbox.engine import debits
from billing.sandbox.engine.customers import Holder, read_vat_number
from billing.sandbox.store import JSON

BILLED = ("business_name", "vat_number", "line1", "line2", "city")
DEBIT = ("method", "sort_code", "account", "account_name")
LONGEST = 200
SORT_CODE = "Enter the sort code of the test accounts: 10-88-00."
NOT_A_TEST_ACCOUNT = "Enter one of the test account numbers on this page. The sandbox debits no real account."
NO_VAT_NUMBER = "Enter the VAT number as GB and nine digits, like GB123456789, or leave it empty."


@dataclass
class OrderForm(CardForm):
    """The fields as typed with those of the invoice, and the problems by field in the order of the page."""

    typed: dict[str, str] = field(default_factory=lambda: dict.fromkeys((*card_form.SHOWN_AGAIN, *BILLED, *DEBIT), ""))
    account: debits.Account | None = None


def read(sent: Mapping[str, str], session: JSON, *, known_email: str | None, now: int) -> OrderForm:
    """Read a submitted form; what the session does not ask for is left out."""
    typed = {name: sent.get(name, "").strip()[:LONGEST] for name in (*BILLED, *DEBIT)}
    is_debit = takes_debits(session) and typed["method"] == "bacs_debit"
    card = card_form.read(sent, known_email=known_email, now=now)
    problems: dict[str, str] = {}
    vat_number = None
    if asks_for_tax_id(session) and typed["vat_number"]:
        vat_number = read_vat_number(typed["vat_number"])
        if vat_number is None:
            problems["vat_number"] = NO_VAT_NUMBER
    if asks_for_address(session):
        wanted = {"line1": "Enter the first line of the billing address.", "city": "Enter the town or city."}
        problems |= {name: problem for name, problem in wanted.items() if not typed[name]}
    account = None
    if is_debit:
        account = debits.BY_NUMBER.get(typed["account"].replace(" ", ""))
        kept = ("email", "postcode")
        problems |= {name: problem for name, problem in card.problems.items() if name in kept} | _debit_problems(typed, account)
    else:
        problems |= card.problems
    if problems:
        return OrderForm(card.typed | typed, problems)
    holder = replace(card.holder, vat_number=vat_number)
    if is_debit:
        holder = replace(holder, email=card.typed["email"], name=typed["account_name"], postcode=card.typed["postcode"])
    if asks_for_tax_id(session):
        holder = replace(holder, business_name=typed["business_name"] or None)
    if asks_for_address(session):
        holder = replace(holder, line1=typed["line1"], line2=typed["line2"] or None, city=typed["city"])
    return OrderForm(card.typed | typed, {}, None if is_debit else card.card, holder, account)


def _debit_problems(typed: dict[str, str], account: debits.Account | None) -> dict[str, str]:
    """Say what is wrong with an account as it was typed."""
    is_sort_code = typed["sort_code"].replace("-", "").replace(" ", "") == debits.SORT_CODE
    checks = {
        "sort_code": "" if is_sort_code else SORT_CODE,
        "account": "" if account else NOT_A_TEST_ACCOUNT,
        "account_name": "" if typed["account_name"] else "Enter the name of the account holder.",
    }
    return {name: problem for name, problem in checks.items() if problem}


def typed_again(number: str, holder: Holder) -> dict[str, str]:
    """Return the fields as they may be shown again after the bank's question."""
    return card_form.typed_again(number, holder) | {name: getattr(holder, name) or "" for name in BILLED}


def takes_debits(session: JSON) -> bool:
    """Say whether the order can be paid by Direct Debit."""
    return "bacs_debit" in session["payment_method_types"]


def asks_for_address(session: JSON) -> bool:
    """Say whether the whole billing address is asked for."""
    return bool(session["billing_address_collection"] == "required")


def asks_for_tax_id(session: JSON) -> bool:
    """Say whether a business may give its name and VAT number."""
    return bool(session.get("tax_id_collection", {}).get("enabled"))
