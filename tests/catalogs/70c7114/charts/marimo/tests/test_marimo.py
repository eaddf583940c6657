"""marimo as its chart starts it: the chart's password opens it, and nothing else does."""

import pytest


@pytest.fixture(scope="session")
def marimo(client, facts):
    """A stranger, once the server answers."""
    return client(facts["url"]).wait("/health")


def login(user, password):
    """The status with which the form is answered."""
    return user.post("/auth/login", data={"password": password}).status_code


def test_the_password_of_the_chart_opens_it(client, marimo, facts):
    user = client(marimo.url)
    assert login(user, facts["password"]) == 302
    page = user.get("/")
    assert page.status_code == 200
    assert "<marimo-" in page.text


def test_a_wrong_password_does_not(client, marimo, facts):
    for password in ("", f"{facts['password']}x"):
        stranger = client(marimo.url)
        assert login(stranger, password) == 200
        assert stranger.get("/").headers["location"].startswith("/auth/login")
        assert stranger.get("/api/status").status_code == 401


def test_the_page_loads(marimo, facts, browser, picture):
    browser.open(f"{marimo.url}/auth/login")
    browser.fill("input[type=password]", facts["password"])
    browser.press("Enter", code=13)
    try:
        browser.wait("document.querySelector('#root') && !location.pathname.includes('login')",
                     seconds=60)  # fmt: skip
        browser.wait("document.querySelector('#root').textContent.length > 20", seconds=120)
    finally:
        browser.screenshot(picture("marimo"))
