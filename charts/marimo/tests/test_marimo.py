"""marimo as its chart starts it: the chart's password opens it, and nothing else does."""

import time

import pytest
import requests


class Client:
    """A browser without JavaScript. It trusts no proxy of this machine."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def request(self, method, path, **options):
        options = {"allow_redirects": False, "timeout": 30, **options}
        return self.session.request(method, f"{self.url}{path}", **options)

    def login(self, password):
        return self.request("POST", "/auth/login", data={"password": password})


@pytest.fixture(scope="session")
def marimo(facts):
    """A stranger, once the server answers."""
    client = Client(facts["url"])
    end = time.monotonic() + 120
    while True:
        try:
            if client.request("GET", "/health").ok:
                return client
        except requests.ConnectionError:
            pass
        if time.monotonic() > end:
            pytest.fail(f"marimo does not answer at {facts['url']}")
        time.sleep(0.5)


def test_the_password_of_the_chart_opens_it(marimo, facts):
    user = Client(marimo.url)
    assert user.login(facts["password"]).status_code == 302
    page = user.request("GET", "/")
    assert page.status_code == 200
    assert "<marimo-" in page.text


def test_a_wrong_password_does_not(marimo, facts):
    for password in ("", f"{facts['password']}x"):
        stranger = Client(marimo.url)
        assert stranger.login(password).status_code == 200
        assert stranger.request("GET", "/").headers["location"].startswith("/auth/login")
        assert stranger.request("GET", "/api/status").status_code == 401


def test_the_page_loads(marimo, facts, browser, picture):
    browser.open(f"{marimo.url}/auth/login")
    browser.wait("document.querySelector('input[type=password]')", seconds=60)
    browser.evaluate("document.querySelector('input[type=password]').focus()")
    browser.type(facts["password"])
    browser.press("Enter", code=13)
    try:
        browser.wait("document.querySelector('#root') && !location.pathname.includes('login')",
                     seconds=60)  # fmt: skip
        browser.wait("document.querySelector('#root').textContent.length > 20", seconds=120)
    finally:
        browser.screenshot(picture("marimo"))
