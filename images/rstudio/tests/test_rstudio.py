"""RStudio Server, asked as a browser asks, from outside the container."""

import pytest

PORT = 8787
STATE = "/tmp/rstudio-session"


@pytest.fixture(scope="session")
def rstudio(client, url):
    """A stranger, once the server answers."""
    return client(url(PORT)).wait("/auth-sign-in")


def check(host, user, password):
    """How the helper that RStudio asks judges a name and a password."""
    return host.run(f"printf '%s\\n' '{password}' | /opt/rstudio/check-password {user}").rc


def test_the_page_of_the_sign_in_is_there(rstudio):
    page = rstudio.get("/auth-sign-in", allow_redirects=True)
    assert page.ok
    assert "RStudio" in page.text


def test_a_stranger_is_sent_to_sign_in(rstudio):
    answer = rstudio.get("/")
    assert answer.status_code == 302
    assert "auth-sign-in" in answer.headers["Location"]


def test_the_password_is_the_session_s(host, facts, rstudio):
    assert check(host, "onyxia", facts["password"]) == 0
    assert check(host, "onyxia", "wrong") != 0
    assert check(host, "onyxia", "") != 0
    assert check(host, "root", facts["password"]) != 0


def test_the_password_stands_on_no_command_line(host, facts, rstudio):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "rserver" in found
    assert facts["password"] not in found
    assert host.check_output(f"stat -c %a {STATE}/password {STATE}/cookie-key") == "600\n600"


def test_the_server_is_the_version_of_the_lock(host, facts):
    found = host.check_output("/usr/lib/rstudio-server/bin/rserver --version")
    assert found.startswith(facts["versions"]["rstudio"])


def test_the_server_is_not_root_s(host, rstudio):
    assert host.check_output("ps -C rserver -o user=").split() == ["onyxia"]
