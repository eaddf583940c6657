"""VS Code as its chart starts it: the chart's password opens it, and nothing else does."""

import time

import pytest
import requests

ENTER, F1 = 13, 112  # their numbers, as browsers have them
FILES = "document.querySelector('.explorer-folders-view')"


class Client:
    """A browser without JavaScript. It trusts no proxy of this machine."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path, **options):
        options = {"allow_redirects": False, "timeout": 60, **options}
        return self.session.get(f"{self.url}{path}", **options)

    def login(self, password):
        return self.session.post(
            f"{self.url}/login", data={"password": password}, timeout=60, allow_redirects=False
        )


@pytest.fixture(scope="session")
def vscode(facts):
    """A stranger, once the server answers."""
    client = Client(facts["url"])
    end = time.monotonic() + 120
    while True:
        try:
            if client.get("/healthz").ok:
                return client
        except requests.ConnectionError:
            pass
        if time.monotonic() > end:
            pytest.fail(f"VS Code does not answer at {facts['url']}")
        time.sleep(0.5)


def test_the_password_of_the_chart_opens_it(vscode, facts):
    user = Client(vscode.url)
    assert user.login(facts["password"]).status_code == 302
    assert "vscode-workbench-web-configuration" in user.get("/", allow_redirects=True).text


def test_a_wrong_password_does_not(vscode, facts):
    stranger = Client(vscode.url)
    assert stranger.login(f"not-{facts['password']}").status_code == 200
    assert stranger.login("").status_code == 200
    assert stranger.get("/").headers["location"].startswith("./login")


def test_a_terminal_works_in_the_mounted_directory(vscode, facts, browser, picture):
    """What a command in it makes is seen in the list of files: the volume belongs to the user."""
    browser.open(f"{vscode.url}/")
    browser.wait("document.querySelector('input[name=password]')", seconds=60)
    browser.evaluate("document.querySelector('input[name=password]').focus()")
    browser.type(facts["password"])
    browser.press("Enter", code=ENTER)
    try:
        browser.wait(FILES, seconds=180)
        browser.wait("document.querySelector('.monaco-workbench .statusbar-item')", seconds=120)
        open_terminal(browser)
        browser.type("touch made-$((6*7)).txt")
        browser.press("Enter", code=ENTER)
        browser.wait(f"{FILES}.textContent.includes('made-42.txt')", seconds=60)
    finally:
        browser.screenshot(picture("workbench"))


def open_terminal(browser):
    """By the list of commands, as no layout of a keyboard changes that; then bash draws."""
    browser.press("F1", code=F1)
    browser.wait("document.activeElement.matches('.quick-input-widget input')", seconds=60)
    browser.type("Terminal: Create New Terminal")
    browser.wait(
        "document.querySelector('.quick-input-list .monaco-list-row').textContent"
        ".includes('Create New Terminal')",
        seconds=60,
    )
    browser.press("Enter", code=ENTER)
    browser.wait("document.activeElement.matches('.xterm-helper-textarea')", seconds=120)
    time.sleep(2)
