import pytest

from django_chatkit.management import failures
from django_chatkit.services.reports import Failure


def failure(error: str, *, noun: str = "thread") -> Failure:
    return Failure(noun=noun, id="a", error=error)


LASTING = failure("BadRequestError: Error code: 400 - no")
PASSING = failure("RateLimitError: Error code: 429 - less")


@pytest.mark.parametrize(
    ("what", "may_pass"),
    [
        pytest.param([LASTING], False, id="lasting"),
        pytest.param([PASSING], True, id="passing"),
        pytest.param([LASTING, PASSING], True, id="one-of-them"),
        pytest.param([failure("ValueError: user must not be '..'")], False, id="no-request-carries-it"),
        pytest.param([failure("Unmirrorable: no id")], False, id="no-row"),
        pytest.param([], False, id="none"),
    ],
)
def test_another_run_is_advised_only_where_it_may_help(what: list[Failure], may_pass: bool) -> None:
    assert failures.may_pass(what) is may_pass


@pytest.mark.parametrize(
    ("what", "starts"),
    [
        pytest.param([LASTING, PASSING], [], id="nothing-known"),
        pytest.param(
            [failure("NotFoundError: 404", noun="listing"), failure("NotFoundError: 404", noun="end user")],
            ["Check BASE_URL (it ends with /v1)"],
            id="said-once",
        ),
        pytest.param(
            [failure("NotFoundError: 404"), failure("PermissionDeniedError: 403")],
            ["Check the thread's id", "Use a key of the right project"],
            id="each-its-own",
        ),
        pytest.param([failure("APIConnectionError: GET /")], ["Check BASE_URL, the network"], id="network"),
        pytest.param(
            [failure("APIResponseValidationError: ?")], ["Check BASE_URL: it may name"], id="web-page"
        ),
    ],
)
def test_what_helps_is_said_once(what: list[Failure], starts: list[str]) -> None:
    found = failures.remedies_of(what)

    assert len(found) == len(starts)
    assert all(remedy.startswith(start) for remedy, start in zip(found, starts, strict=True))
