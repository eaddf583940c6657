"""VS Code as its chart starts it: the chart's password opens it, and nothing else does."""

import pytest

ENTER = 13  # its number, as browsers have it
FILES = "document.querySelector('.explorer-folders-view')"


@pytest.fixture(scope="session")
def vscode(client, facts):
    """A stranger, once the server answers."""
    return client(facts["url"]).wait("/healthz")


def login(user, password):
    """The status with which the form is answered."""
    return user.post("/login", data={"password": password}).status_code


def test_the_password_of_the_chart_opens_it(client, vscode, facts):
    user = client(vscode.url)
    assert login(user, facts["password"]) == 302
    assert "vscode-workbench-web-configuration" in user.get("/", allow_redirects=True).text


def test_a_wrong_password_does_not(client, vscode, facts):
    stranger = client(vscode.url)
    assert login(stranger, f"not-{facts['password']}") == 200
    assert login(stranger, "") == 200
    assert stranger.get("/").headers["location"].startswith("./login")


def test_a_terminal_works_in_the_mounted_directory(vscode, facts, browser, open_terminal, picture):
    """What a command in it makes is seen in the list of files: the volume belongs to the user."""
    browser.open(f"{vscode.url}/")
    browser.fill("input[name=password]", facts["password"])
    browser.press("Enter", code=ENTER)
    try:
        browser.wait(FILES, seconds=180)
        browser.wait("document.querySelector('.monaco-workbench .statusbar-item')", seconds=120)
        open_terminal()
        browser.type("touch made-$((6*7)).txt")
        browser.press("Enter", code=ENTER)
        browser.wait(f"{FILES}.textContent.includes('made-42.txt')", seconds=60)
    finally:
        browser.screenshot(picture("workbench"))
