"""Products, prices, tax rates, customers and their cards through the API."""

import pytest
import stripe


def test_a_price_has_its_bands_only_when_they_are_asked_for(shop, v1):
    plain = v1.prices.retrieve(shop.year.id)
    assert "tiers" not in plain
    tiers = v1.prices.retrieve(shop.year.id, {"expand": ["tiers"]}).tiers
    assert [(tier.up_to, tier.unit_amount) for tier in tiers][:2] == [(4, 9000), (9, 3600)]
    assert (tiers[-1].up_to, tiers[-1].unit_amount) == (None, 225)


def test_a_lookup_key_finds_one_price_and_is_handed_on_only_when_told(shop, v1):
    first = shop.price(lookup_key="lanyard_year")
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        shop.price(lookup_key="lanyard_year")
    second = shop.price(lookup_key="lanyard_year", transfer_lookup_key=True)
    assert [price.id for price in v1.prices.list({"lookup_keys": ["lanyard_year", "other"]}).data] == [second.id]
    assert v1.prices.retrieve(first.id).lookup_key is None
    assert v1.prices.update(first.id, {"lookup_key": "old"}).lookup_key == "old"


@pytest.mark.parametrize(
    ("bands", "param"),
    [
        ([(4, 1), (9, 1)], "tiers[1][up_to]"),
        ([("inf", 1), (9, 1)], "tiers[0][up_to]"),
        ([(9, 1), (9, 1), ("inf", 1)], "tiers[1][up_to]"),
        ([(4, -1), ("inf", 1)], "tiers[0][unit_amount]"),
    ],
)
def test_bands_that_make_no_price_are_refused(shop, bands, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.price(bands=bands)
    assert caught.value.param == param


def test_a_price_that_is_not_sold_any_more_cannot_be_bought(shop, v1):
    v1.prices.update(shop.year.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.session()
    assert [price.id for price in v1.prices.list({"active": False}).data] == [shop.year.id]


def test_a_price_can_bring_its_product(v1):
    price = v1.prices.create(
        {
            "product_data": {"name": "Extra"},
            "currency": "gbp",
            "recurring": {"interval": "month"},
            "unit_amount": 250,
            "expand": ["product"],
        }
    )
    assert (price.product.name, price.unit_amount, price.recurring.interval_count) == ("Extra", 250, 1)


def test_metadata_is_merged_and_an_empty_value_removes_a_key(v1):
    product = v1.products.create({"name": "Lanyard", "metadata": {"a": "1", "b": "2"}})
    assert v1.products.update(product.id, {"metadata": {"a": "", "c": "3"}}).metadata.to_dict() == {"b": "2", "c": "3"}
    assert v1.products.update(product.id, {"metadata": ""}).metadata.to_dict() == {}


def test_a_customer_is_found_by_e_mail_and_changed(v1):
    customer = v1.customers.create({"email": "ruth@example.org", "address": {"line1": "1 High Street", "country": "GB"}})
    v1.customers.create({"email": "ann@example.org"})
    changed = v1.customers.update(customer.id, {"name": "St Anselm", "address": {"city": "Leeds"}, "email": ""})
    assert (changed.name, changed.address.line1, changed.address.city, changed.email) == (
        *("St Anselm", "1 High Street", "Leeds", None),
    )
    assert [found.email for found in v1.customers.list({"email": "ann@example.org"}).data] == ["ann@example.org"]
    event = v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.previous_attributes.to_dict() == {
        "address": {"city": None},
        "email": "ruth@example.org",
        "name": None,
    }


@pytest.mark.parametrize("ready_made", ["pm_card_visa", "pm_card_createDispute", "pm_card_chargeCustomerFail"])
def test_a_ready_made_card_becomes_the_customers_own(v1, ready_made):
    customer = v1.customers.create({})
    card = v1.payment_methods.attach(ready_made, {"customer": customer.id})
    assert card.id != ready_made
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert [found.id for found in v1.payment_methods.list({"customer": customer.id}).data] == [card.id]
    other = v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        v1.payment_methods.attach(card.id, {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        v1.customers.update(other.id, {"invoice_settings": {"default_payment_method": card.id}})


@pytest.mark.parametrize("percentage", [-1, 101])
def test_a_tax_rate_is_a_percentage(v1, percentage):
    with pytest.raises(stripe.InvalidRequestError, match="between 0 and 100"):
        v1.tax_rates.create({"display_name": "VAT", "percentage": percentage, "inclusive": False})


def test_inclusive_tax_is_refused_rather_than_charged_wrongly(v1):
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": True})


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"customer": "cus_none", "customer_email": None}, "customer"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"expires_at": 1}, "expires_at"),
        ({"subscription_data": {"default_tax_rates": ["txr_none"]}}, "subscription_data[default_tax_rates][0]"),
        ({"subscription_data": {"trial_period_days": 3}}, "subscription_data[trial_period_days]"),
        ({"mode": "payment"}, "mode=payment"),
        ({"ui_mode": "elements"}, "ui_mode=elements"),
        ({"success_url": None}, "success_url"),
        ({"customer": "cus_none"}, "customer_email"),
    ],
)
def test_a_session_that_could_not_be_bought_is_refused(shop, more, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.session(**more)
    assert caught.value.param == param


def test_a_session_needs_at_least_one_unit(shop):
    with pytest.raises(stripe.InvalidRequestError, match="greater than or equal to 1"):
        shop.session(0)


def test_a_deleted_customer_is_gone_and_pays_for_nothing_any_more(shop, v1):
    subscription = shop.bought().subscription
    customer = subscription.customer
    assert v1.customers.delete(customer).deleted
    assert v1.customers.retrieve(customer).to_dict() == {"id": customer, "object": "customer", "deleted": True}
    assert v1.subscriptions.retrieve(subscription.id, {"expand": ["customer"]}).customer.deleted
    assert v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert v1.customers.list().data == []
    told = v1.events.list({"type": "customer.deleted"}).data
    assert [event.data.object.email for event in told] == ["ruth@example.org"]
    for act in (
        lambda: v1.customers.delete(customer),
        lambda: v1.customers.update(customer, {"name": "Again"}),
        lambda: shop.session(customer=customer, customer_email=None),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            act()
