"""The client of smoke tests, and how they wait."""

from __future__ import annotations

import pytest

from builder.common.errors import StepError
from builder.testing.http_client import Client, wait_for
from tests.integration.session.servers import Answer, Request, serve


def door(request: Request) -> Answer:
    """Lets in who has a cookie, which it gives to who asks for one."""
    if request.path == "/cookie":
        return Answer(headers={"Set-Cookie": "ticket=1"})
    if request.headers.get("Cookie") == "ticket=1":
        return Answer(body=request.headers.get("X-Name", "nobody").encode())
    return Answer(status=302, headers={"Location": "/cookie"})


def test_who_asks_is_a_stranger_until_it_has_a_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serve(door) as serving:
        user = Client(serving.url, headers={"X-Name": "ann"})
        assert user.get("/").headers["Location"] == "/cookie"
        assert user.get("/").status_code == 302
        assert user.get("/", allow_redirects=True).status_code == 200
        assert user.post("/").text == "ann"
        assert user.post("/", headers={}).text == "nobody"
        assert Client(serving.url).get("/").status_code == 302


def test_an_address_is_waited_for() -> None:
    answers = iter([503, 404, 200])
    with serve(lambda _: Answer(status=next(answers))) as serving:
        user = Client(serving.url)
        assert user.wait("/health") is user
        assert [request.path for request in serving.requests] == ["/health"] * 3
    with pytest.raises(StepError) as caught:
        user.wait("/health", seconds=0)
    assert str(caught.value) == f"condition not met after 0 s: {serving.url}/health answers"


def test_what_comes_late_is_waited_for() -> None:
    found = iter([0, "", None, "it"])
    wait_for("it is there", lambda: next(found))
    assert next(found, "no more") == "no more"
