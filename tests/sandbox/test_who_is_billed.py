"""The sandbox asks on its payment page who the invoice is for, checks a VAT number, and keeps both with the customer."""

import pytest
import requests
import stripe

ASKED = {
    "billing_address_collection": "required",
    "tax_id_collection": {"enabled": True},
    "customer_update": {"name": "auto", "address": "auto"},
}
GIVEN = {"business_name": "St Anselm PCC", "vat_number": "gb 123 4567 89", "line1": "1 High Street", "city": "Exampleton"}


@pytest.fixture
def session(shop, v1):
    customer = v1.customers.create({"name": "Ruth", "email": "ruth@example.org"})
    return shop.session(customer=customer.id, customer_email=None, **ASKED)


def test_name_address_and_vat_number_are_kept_with_the_customer_and_stand_on_the_invoice(shop, v1, session):
    assert shop.pay(session, **GIVEN).status_code == 303
    customer = v1.customers.retrieve(session.customer, {"expand": ["tax_ids"]})
    assert (customer.name, customer.business_name) == ("St Anselm PCC", "St Anselm PCC")
    assert (customer.address.line1, customer.address.city, customer.address.country) == ("1 High Street", "Exampleton", "GB")
    assert [(number.type, number.value) for number in customer.tax_ids.data] == [("gb_vat", "GB123456789")]
    invoice = v1.invoices.list({"customer": customer.id}).data[0]
    assert (invoice.customer_name, invoice.customer_address.line1) == ("St Anselm PCC", "1 High Street")
    assert invoice.customer_tax_ids[0].value == "GB123456789"
    told = {event.type for event in v1.events.list({"limit": 100}).data}
    assert {"customer.updated", "customer.tax_id.created"} <= told


@pytest.mark.parametrize("number", ["GB12345678", "GB12345678X", "DE123456789", "12"])
def test_a_vat_number_that_is_none_is_named_and_the_form_comes_back_filled_in(shop, session, number):
    answer = shop.pay(session, **GIVEN | {"vat_number": number})
    assert answer.status_code == 422
    assert "Enter the VAT number as GB and nine digits" in answer.text
    assert 'href="#vat_number"' in answer.text
    for typed in (number, "St Anselm PCC", "1 High Street", "Exampleton"):
        assert f'value="{typed}"' in answer.text


@pytest.mark.parametrize("left_out", ["line1", "city"])
def test_the_address_is_asked_for(shop, session, left_out):
    answer = shop.pay(session, **GIVEN | {left_out: " "})
    assert (answer.status_code, f'href="#{left_out}"' in answer.text) == (422, True)


def test_after_the_banks_question_what_was_given_is_still_there(shop, v1, session):
    question = shop.base + shop.pay(session, number="4000 0025 0000 3155", **GIVEN).headers["Location"]
    failed = requests.post(question, data={"outcome": "fail"}, allow_redirects=False, timeout=10)
    assert 'value="GB123456789"' in failed.text
    requests.post(question, data={"outcome": "complete"}, allow_redirects=False, timeout=10)
    assert v1.customers.tax_ids.list(session.customer).data[0].value == "GB123456789"


def test_a_session_that_does_not_ask_shows_no_such_fields(shop):
    text = shop.page(shop.session()).text
    assert "VAT number" not in text
    assert "Town or city" not in text


def test_a_number_is_kept_once_and_refused_when_it_is_none(v1):
    customer = v1.customers.create({})
    for _ in range(2):
        v1.customers.tax_ids.create(customer.id, {"type": "gb_vat", "value": "GB123456789"})
    assert len(v1.customers.tax_ids.list(customer.id).data) == 1
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.customers.tax_ids.create(customer.id, {"type": "gb_vat", "value": "GB1"})
    assert caught.value.code == "tax_id_invalid"


def test_collecting_a_number_needs_leave_to_change_the_customer(shop, v1):
    customer = v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.session(customer=customer.id, customer_email=None, tax_id_collection={"enabled": True})
    assert caught.value.param == "customer_update"
