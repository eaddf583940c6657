"""VS Code as its chart starts it: the chart's password opens it, and nothing else does."""

import pytest


@pytest.fixture(scope="session")
def vscode(client, facts):
    """A stranger, once the server answers."""
    return client(facts["url"]).wait("/healthz")


def test_the_password_of_the_chart_opens_it(checks, client, vscode, facts):
    password, shows = facts["password"], "vscode-workbench-web-configuration"
    checks.password_opens_it(client, vscode.url, password, form="/login", shows=shows)


def test_a_wrong_password_does_not(checks, client, vscode, facts):
    checks.other_passwords_do_not(client, vscode.url, facts["password"], form="/login")


def test_a_terminal_works_in_the_mounted_directory(vscode, facts, page, open_terminal, picture):
    """What a command in it makes is seen in the list of files: the volume belongs to the user."""
    page.goto(f"{vscode.url}/")
    page.fill("input[name=password]", facts["password"])
    page.keyboard.press("Enter")
    try:
        files = page.locator(".explorer-folders-view")
        files.wait_for(timeout=180_000)
        page.locator(".monaco-workbench .statusbar-item").first.wait_for(
            state="attached", timeout=120_000
        )
        open_terminal()
        page.keyboard.insert_text("touch made-$((6*7)).txt")
        page.keyboard.press("Enter")
        files.filter(has_text="made-42.txt").wait_for()
    finally:
        page.screenshot(path=picture("workbench"))
