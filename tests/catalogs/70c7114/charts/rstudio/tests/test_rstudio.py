"""RStudio as its chart starts it: it asks for a name and a password."""

import pytest


@pytest.fixture(scope="session")
def rstudio(client, facts):
    """A stranger, once the server answers."""
    return client(facts["url"]).wait("/auth-sign-in")


def test_the_page_of_the_sign_in_is_there(rstudio):
    assert "RStudio" in rstudio.get("/auth-sign-in", allow_redirects=True).text


def test_a_stranger_is_sent_to_sign_in(rstudio):
    answer = rstudio.get("/")
    assert answer.status_code == 302
    assert "auth-sign-in" in answer.headers["Location"]
