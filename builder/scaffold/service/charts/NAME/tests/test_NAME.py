"""What the chart promises, tried in its own pod; no cluster is needed."""


def test_the_service_answers(client, facts):
    assert "$title works" in client(facts["url"]).get("/").text
