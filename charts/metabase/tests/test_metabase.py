"""Metabase as its chart starts it."""


def test_it_is_well(client):
    assert client.get("/api/health").json() == {"status": "ok"}


def test_a_stranger_reads_nothing(client):
    assert client.get("/api/database").status_code == 401
