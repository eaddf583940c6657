"""marimo as its chart starts it: the chart's password opens it, and nothing else does."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="session")
def marimo(client, facts):
    """A stranger, once the server answers."""
    return client(facts["url"]).wait("/health")


def test_the_password_of_the_chart_opens_it(checks, client, marimo, facts):
    password, form = facts["password"], "/auth/login"
    checks.password_opens_it(client, marimo.url, password, form=form, shows="<marimo-")


def test_a_wrong_password_does_not(checks, client, marimo, facts):
    checks.other_passwords_do_not(client, marimo.url, facts["password"], form="/auth/login")
    assert client(marimo.url).get("/api/status").status_code == 401


def test_the_page_loads(marimo, facts, page, picture):
    page.goto(f"{marimo.url}/auth/login")
    page.fill("input[type=password]", facts["password"])
    page.keyboard.press("Enter")
    try:
        expect(page).not_to_have_url(re.compile("/login"), timeout=60_000)
        expect(page.locator("#root")).to_have_text(re.compile(".{20}", re.DOTALL), timeout=120_000)
    finally:
        page.screenshot(path=picture("marimo"))
