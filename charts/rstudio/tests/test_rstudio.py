"""RStudio as its chart starts it: it asks for a name and a password."""

import time

import pytest
import requests


@pytest.fixture(scope="session")
def rstudio(facts):
    """A client that trusts no proxy of this machine, once the server answers."""
    session = requests.Session()
    session.trust_env = False
    end = time.monotonic() + 120
    while True:
        try:
            if session.get(f"{facts['url']}/auth-sign-in", timeout=10).ok:
                return session
        except requests.ConnectionError:
            pass
        if time.monotonic() > end:
            pytest.fail(f"RStudio does not answer at {facts['url']}")
        time.sleep(0.5)


def test_the_page_of_the_sign_in_is_there(rstudio, facts):
    assert "RStudio" in rstudio.get(f"{facts['url']}/auth-sign-in", timeout=30).text


def test_a_stranger_is_sent_to_sign_in(rstudio, facts):
    answer = rstudio.get(f"{facts['url']}/", timeout=30, allow_redirects=False)
    assert answer.status_code == 302
    assert "auth-sign-in" in answer.headers["Location"]
