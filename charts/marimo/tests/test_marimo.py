"""marimo as its chart starts it: the chart's password opens it, and nothing else does."""

import re

import pytest
from playwright.sync_api import expect


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


def test_the_page_loads(marimo, facts, page, picture):
    page.goto(f"{marimo.url}/auth/login")
    page.fill("input[type=password]", facts["password"])
    page.keyboard.press("Enter")
    try:
        expect(page).not_to_have_url(re.compile("/login"), timeout=60_000)
        expect(page.locator("#root")).to_have_text(re.compile(".{20}", re.DOTALL), timeout=120_000)
    finally:
        page.screenshot(path=picture("marimo"))
