"""A complaint's body as it is posted."""

import pytest

from services.supervision.judged import ComplaintBody


@pytest.mark.parametrize(
    "more",
    [
        {"name": "周小兰", "number": "13800009999"},
        {"complainant": {"name": "周小兰", "number": "13800009999"}},
        {"name": "周小兰", "complainant": {"number": "13800009999"}},
    ],
)
def test_who_complains_is_kept_however_it_is_said(more: dict[str, object]) -> None:
    """Beside the rest or as an object of its own: nothing of it is dropped."""
    body = ComplaintBody.model_validate({"agency": "nanxian-water", "text": "停水两天没有人管"} | more)
    assert body.who == "周小兰 13800009999"
