"""JupyterLab as its chart starts it: the chart's password opens it, and nothing else does."""

import time

import pytest
import requests


class Client:
    """HTTP to the service. Every request is a stranger's: no cookie of the one before, no proxy."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, *, token=None, **options):
        return self.request("GET", path, token=token, **options)

    def request(self, method, path, *, token=None, follow=False, **options):
        headers = {"Authorization": f"token {token}"} if token is not None else {}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.url + path,
                headers=headers,
                timeout=30,
                allow_redirects=follow,
                **options,
            )


@pytest.fixture(scope="session")
def jupyter(facts):
    """A client, once the server answers."""
    client = Client(facts["url"])
    end = time.monotonic() + 120
    while True:
        try:
            if client.get("/api").ok:
                return client
        except requests.ConnectionError:
            pass
        if time.monotonic() > end:
            pytest.fail(f"JupyterLab does not answer at {facts['url']}")
        time.sleep(0.5)


def is_refusal(answer):
    """Whether an answer keeps the asker out, by a status or by the way to the login page."""
    to_login = answer.is_redirect and "/login" in answer.headers.get("Location", "")
    return answer.status_code in (401, 403) or to_login


def test_the_password_of_the_chart_opens_it(jupyter, facts):
    answer = jupyter.get("/api/status", token=facts["password"])
    assert answer.status_code == 200, answer.text
    assert "started" in answer.json()


@pytest.mark.parametrize("path", ["/api/status", "/api/contents", "/lab"])
def test_a_wrong_password_does_not(jupyter, facts, path):
    assert is_refusal(jupyter.get(path, token=facts["password"] + "x"))


@pytest.mark.parametrize("path", ["/api/status", "/api/contents", "/lab"])
def test_no_password_does_not(jupyter, path):
    assert is_refusal(jupyter.get(path))


def test_an_empty_password_does_not(jupyter):
    assert is_refusal(jupyter.get("/api/status", token=""))


def test_the_page_of_the_lab_loads(jupyter, facts):
    answer = jupyter.get("/lab", token=facts["password"], follow=True)
    assert answer.status_code == 200
    assert "jupyter-config-data" in answer.text


def test_it_has_a_kernel(jupyter, facts):
    specs = jupyter.get("/api/kernelspecs", token=facts["password"]).json()
    assert specs["kernelspecs"]


def test_it_works_in_the_mounted_directory(jupyter, facts):
    """A file written through the service is listed by it: the volume belongs to the user."""
    answer = jupyter.request(
        "POST", "/api/contents", token=facts["password"], json={"type": "notebook"}
    )
    assert answer.status_code == 201, answer.text
    listed = jupyter.get("/api/contents", token=facts["password"]).json()["content"]
    assert answer.json()["name"] in [item["name"] for item in listed]


def test_a_cell_runs_in_the_page(jupyter, facts, browser, picture):
    made = jupyter.request(
        "POST", "/api/contents", token=facts["password"], json={"type": "notebook"}
    ).json()["name"]
    browser.open(f"{jupyter.url}/lab/tree/{made}?token={facts['password']}")
    try:
        choose_kernel(browser)
        browser.wait("document.querySelector('.jp-Notebook .cm-content')", seconds=60)
        idle = "document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')"
        browser.wait(idle, seconds=120)
        browser.evaluate("document.querySelector('.jp-Notebook .cm-content').focus()")
        browser.type("6 * 7")
        browser.press("Enter", code=13, shift=True)
        output = "document.querySelector('.jp-OutputArea-output')"
        browser.wait(f"{output} && {output}.textContent.includes('42')", seconds=60)
    finally:
        browser.screenshot(picture("lab"))


def choose_kernel(browser):
    """A new notebook knows no kernel, and the page asks for one: the first is taken."""
    browser.wait("document.querySelector('.jp-Dialog .jp-mod-accept')", seconds=180)
    browser.evaluate("document.querySelector('.jp-Dialog .jp-mod-accept').click()")
