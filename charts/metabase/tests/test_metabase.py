"""Metabase as its chart starts it."""


def test_it_is_well(client, facts):
    assert client(facts["url"]).get("/api/health").json() == {"status": "ok"}


def test_a_stranger_reads_nothing(client, facts):
    assert client(facts["url"]).get("/api/database").status_code == 401
