"""What the chart promises, tried in its own pod; no cluster is needed."""


def test_the_page_is_served(client, facts):
    assert "builder weekly" in client(facts["url"]).get("/").text
