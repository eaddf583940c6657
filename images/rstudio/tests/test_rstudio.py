"""RStudio Server, asked as a browser asks, from outside the container."""

import time

import pytest
import requests

PORT = 8787
STATE = "/tmp/rstudio-session"


@pytest.fixture(scope="session")
def browser(url):
    """A client that trusts no proxy of this machine, once the server answers."""
    session = requests.Session()
    session.trust_env = False
    end = time.monotonic() + 90
    while True:
        try:
            if session.get(f"{url(PORT)}/auth-sign-in", timeout=10).ok:
                return session
        except requests.ConnectionError:
            pass
        if time.monotonic() > end:
            pytest.fail("RStudio does not answer")
        time.sleep(0.5)


def check(host, user, password):
    """How the helper that RStudio asks judges a name and a password."""
    return host.run(f"printf '%s\\n' '{password}' | /opt/rstudio/check-password {user}").rc


def test_the_page_of_the_sign_in_is_there(browser, url):
    page = browser.get(f"{url(PORT)}/auth-sign-in", timeout=30)
    assert page.ok
    assert "RStudio" in page.text


def test_a_stranger_is_sent_to_sign_in(browser, url):
    answer = requests.get(f"{url(PORT)}/", timeout=30, allow_redirects=False, proxies={"http": ""})
    assert answer.status_code == 302
    assert "auth-sign-in" in answer.headers["Location"]


def test_the_password_is_the_session_s(host, facts, browser):
    assert check(host, "onyxia", facts["password"]) == 0
    assert check(host, "onyxia", "wrong") != 0
    assert check(host, "onyxia", "") != 0
    assert check(host, "root", facts["password"]) != 0


def test_the_password_stands_on_no_command_line(host, facts, browser):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "rserver" in found
    assert facts["password"] not in found
    assert host.check_output(f"stat -c %a {STATE}/password {STATE}/cookie-key") == "600\n600"


def test_the_server_is_the_version_of_the_lock(host, facts):
    found = host.check_output("/usr/lib/rstudio-server/bin/rserver --version")
    assert found.startswith(facts["versions"]["rstudio"])


def test_nobody_becomes_root(host, browser):
    assert host.run("sudo -n true").rc != 0
    assert host.check_output("ps -C rserver -o user=").split() == ["onyxia"]
