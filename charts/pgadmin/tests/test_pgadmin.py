"""pgAdmin as its chart starts it: its password opens it, and its database is on the volume."""

import re

import pytest


def log_in(browser, password):
    """Send the form of the page, and return where the answer leads."""
    page = browser.get("/login").text
    token = re.search(r'csrfToken": "([^"]+)"', page)
    form = {
        "csrf_token": token[1], "email": "admin@example.org", "password": password
    }  # fmt: skip
    answer = browser.post("/authenticate/login", data=form, headers={"Referer": browser.url})
    return answer.headers.get("Location", "")


def test_the_password_of_the_chart_opens_it(client, facts):
    browser = client(facts["url"])
    assert "/browser" in log_in(browser, facts["password"])
    assert browser.get("/browser/").status_code == 200


@pytest.mark.parametrize("password", ["changeme", "password"])
def test_another_password_does_not(client, facts, password):
    browser = client(facts["url"])
    assert "/login" in log_in(browser, password)
    assert browser.get("/browser/").status_code == 302


def test_its_database_is_on_the_volume(host):
    place = host.check_output("findmnt -n -o TARGET -T /home/onyxia/work/pgadmin4.db")
    assert place == "/home/onyxia/work"


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/python/x").rc != 0
    assert host.run("touch /tmp/x /home/onyxia/x").rc == 0
