"""The endpoints that help with testing and connecting: test clocks and webhook endpoints."""

from billing.sandbox.coverage import parameters
from billing.sandbox.engine import test_clocks, webhook_endpoints
from billing.sandbox.operations import PAGING, Operation, changer, lister, maker, reader
from billing.sandbox.rendering import API_VERSION

ADDRESS = "/v1/test_helpers/test_clocks"
NOUN = "test clock"
HOOKS = "/v1/webhook_endpoints"
OPERATIONS = (
    Operation("POST", ADDRESS, maker(test_clocks.create), parameters("frozen_time", "name")),
    Operation("GET", ADDRESS, lister(test_clocks.KIND, ADDRESS), parameters(*PAGING)),
    Operation("GET", f"{ADDRESS}/{{id}}", reader(test_clocks.KIND, NOUN)),
    Operation(
        "POST", f"{ADDRESS}/{{id}}/advance", changer(test_clocks.KIND, NOUN, test_clocks.advance), parameters("frozen_time")
    ),
    Operation(
        "DELETE", f"{ADDRESS}/{{id}}", changer(test_clocks.KIND, NOUN, lambda work, body, _: test_clocks.delete(work, body))
    ),
    Operation(
        "POST",
        HOOKS,
        maker(webhook_endpoints.create),
        parameters("description", "enabled_events", "metadata", "url", api_version=[API_VERSION]),
    ),
    Operation("GET", HOOKS, lister(webhook_endpoints.KIND, HOOKS), parameters(*PAGING)),
    Operation("GET", f"{HOOKS}/{{id}}", reader(webhook_endpoints.KIND, "webhook endpoint")),
    Operation(
        "POST",
        f"{HOOKS}/{{id}}",
        changer(webhook_endpoints.KIND, "webhook endpoint", webhook_endpoints.update),
        parameters("description", "disabled", "enabled_events", "metadata", "url"),
    ),
    Operation(
        "DELETE",
        f"{HOOKS}/{{id}}",
        changer(webhook_endpoints.KIND, "webhook endpoint", lambda work, body, _: webhook_endpoints.delete(work, body)),
    ),
)
