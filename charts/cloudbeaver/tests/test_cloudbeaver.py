"""CloudBeaver as its chart starts it."""


def test_its_page_is_there(client, facts):
    assert client(facts["url"]).get("/").status_code == 200
