"""Qdrant as its chart starts it: the key of the chart opens it, and no other."""


def test_the_key_of_the_chart_opens_it(client, facts):
    answer = client(facts["url"]).get("/collections", headers={"api-key": facts["password"]})
    assert answer.status_code == 200


def test_another_key_does_not(client, facts):
    assert (
        client(facts["url"]).get("/collections", headers={"api-key": "changeme"}).status_code == 401
    )
