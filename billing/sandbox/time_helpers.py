"""The endpoints of test clocks."""

from billing.sandbox.coverage import parameters
from billing.sandbox.engine import test_clocks
from billing.sandbox.operations import PAGING, Operation, changer, lister, maker, reader

ADDRESS = "/v1/test_helpers/test_clocks"
NOUN = "test clock"
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
)
