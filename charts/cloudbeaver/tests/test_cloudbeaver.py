"""CloudBeaver as its chart starts it."""


def test_its_page_is_there(client):
    assert client.get("/").status_code == 200
