"""JupyterLab as its chart starts it: the chart's password opens it, and nothing else does."""

import pytest


@pytest.fixture(scope="session")
def jupyter(client, facts):
    """`jupyter(token)`: somebody new with a token, or none, once the server answers."""
    client(facts["url"]).wait("/api")

    def somebody(token=None):
        headers = {"Authorization": f"token {token}"} if token is not None else {}
        return client(facts["url"], headers=headers)

    return somebody


def is_refusal(answer):
    """Whether an answer keeps the asker out, by a status or by the way to the login page."""
    to_login = answer.is_redirect and "/login" in answer.headers.get("Location", "")
    return answer.status_code in (401, 403) or to_login


def test_the_password_of_the_chart_opens_it(jupyter, facts):
    answer = jupyter(facts["password"]).get("/api/status")
    assert answer.status_code == 200, answer.text
    assert "started" in answer.json()


@pytest.mark.parametrize("path", ["/api/status", "/api/contents", "/lab"])
def test_a_wrong_password_does_not(jupyter, facts, path):
    assert is_refusal(jupyter(facts["password"] + "x").get(path))


@pytest.mark.parametrize("path", ["/api/status", "/api/contents", "/lab"])
def test_no_password_does_not(jupyter, path):
    assert is_refusal(jupyter().get(path))


def test_an_empty_password_does_not(jupyter):
    assert is_refusal(jupyter("").get("/api/status"))


def test_the_page_of_the_lab_loads(jupyter, facts):
    answer = jupyter(facts["password"]).get("/lab", allow_redirects=True)
    assert answer.status_code == 200
    assert "jupyter-config-data" in answer.text


def test_it_has_a_kernel(jupyter, facts):
    specs = jupyter(facts["password"]).get("/api/kernelspecs").json()
    assert specs["kernelspecs"]


def test_it_works_in_the_mounted_directory(jupyter, facts):
    """A file written through the service is listed by it: the volume belongs to the user."""
    user = jupyter(facts["password"])
    answer = user.post("/api/contents", json={"type": "notebook"})
    assert answer.status_code == 201, answer.text
    listed = user.get("/api/contents").json()["content"]
    assert answer.json()["name"] in [item["name"] for item in listed]


def test_a_cell_runs_in_the_page(jupyter, facts, browser, picture, wait_for):
    user = jupyter(facts["password"])
    made = user.post("/api/contents", json={"type": "notebook"}).json()["name"]
    browser.open(f"{user.url}/lab/tree/{made}?token={facts['password']}")
    try:
        choose_kernel(browser)
        # The page shows a kernel as idle before it is connected, and loses what is run then.
        wait_for("the page is connected to a kernel", lambda: has_kernel(user), seconds=120)
        idle = "document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')"
        browser.wait(idle, seconds=120)
        browser.fill(".jp-Notebook .cm-content", "6 * 7")
        browser.press("Enter", code=13, shift=True)
        output = "document.querySelector('.jp-OutputArea-output')"
        browser.wait(f"{output} && {output}.textContent.includes('42')", seconds=60)
    finally:
        browser.screenshot(picture("lab"))


def has_kernel(user):
    kernels = user.get("/api/kernels").json()
    return any(it["connections"] and it["execution_state"] == "idle" for it in kernels)


def choose_kernel(browser):
    """A new notebook knows no kernel, and the page asks for one: the first is taken."""
    browser.wait("document.querySelector('.jp-Dialog .jp-mod-accept')", seconds=180)
    browser.evaluate("document.querySelector('.jp-Dialog .jp-mod-accept').click()")
