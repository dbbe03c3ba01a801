"""The endpoints of the customer portal: how it is set up, and a visit to it."""

from billing.sandbox.coverage import parameters
from billing.sandbox.engine import portal
from billing.sandbox.operations import PAGING, Operation, lister, maker, reader

OPERATIONS = (
    Operation(
        "POST",
        "/v1/billing_portal/configurations",
        maker(portal.create_configuration),
        parameters(
            *("business_profile", "default_return_url", "metadata", "name"),
            *("features.customer_update", "features.payment_method_update.enabled"),
            *("features.subscription_cancel.enabled",),
            features__invoice_history__enabled=[False],
            features__subscription_cancel__mode=["at_period_end"],
            features__subscription_update__enabled=[False],
        ),
    ),
    Operation(
        "GET",
        "/v1/billing_portal/configurations",
        lister("billing_portal.configuration", "/v1/billing_portal/configurations", "active"),
        parameters(*PAGING, "active"),
    ),
    Operation(
        "GET",
        "/v1/billing_portal/configurations/{id}",
        reader("billing_portal.configuration", "configuration"),
    ),
    Operation(
        "POST",
        "/v1/billing_portal/sessions",
        maker(portal.create_session),
        parameters("configuration", "customer", "return_url"),
    ),
)
