"""Trino as its chart starts it: its password opens it, and it counts."""

import pytest

PROXY = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module", autouse=True)
def started(client, facts, wait_for):
    """Its page is there before its catalogs are."""
    page = client(facts["url"])
    wait_for("Trino", lambda: not page.get("/v1/info").json()["starting"], seconds=120)


def ask(client, facts, query, password):
    """What Trino says to the first page of a query, as a proxy that ended TLS asks it."""
    trino = client(facts["url"], auth=("trino", password), headers=PROXY)
    return trino.post("/v1/statement", data=query)


def test_the_password_of_the_chart_opens_it(client, facts):
    answer = ask(client, facts, "select count(*) from tpch.tiny.orders", facts["password"])
    assert answer.status_code == 200, answer.text
    trino = client(facts["url"], auth=("trino", facts["password"]), headers=PROXY)
    page, rows = answer.json(), []
    while "nextUri" in page:
        path = "/" + page["nextUri"].split("/", 3)[3]
        page = trino.get(path).json()
        rows += page.get("data", [])
    assert rows == [[15000]], page.get("error")


@pytest.mark.parametrize("password", ["", "changeme", "trino"])
def test_another_password_does_not(client, facts, password):
    assert ask(client, facts, "select 1", password).status_code == 401


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/trino/x").rc != 0
    assert host.run("touch /tmp/x /home/onyxia/x").rc == 0
