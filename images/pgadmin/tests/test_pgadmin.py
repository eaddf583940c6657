"""pgAdmin, used as its pages use it, and as a stranger would."""

import re

import pytest

PORT = 5050
WORK = "/home/onyxia/work"
START = "/opt/onyxia-init.sh /opt/pgadmin/start"
USER = "admin@example.org"


@pytest.fixture(scope="session")
def pages(client, url):
    """`pages()`: a new browser, once pgAdmin answers."""
    client(url(PORT)).wait("/misc/ping", seconds=300)
    return lambda: client(url(PORT))


def log_in(browser, password, user=USER):
    """Send the form of the page, and return where the answer leads."""
    page = browser.get("/login").text
    token = re.search(r'csrfToken": "([^"]+)"', page)
    form = {"csrf_token": token[1], "email": user, "password": password}
    answer = browser.post("/authenticate/login", data=form, headers={"Referer": browser.url})
    return answer.headers.get("Location", "")


def test_pgadmin_is_the_version_of_the_lock(host, pages, facts):
    version = host.check_output("pip show pgadmin4 | sed -n 's/^Version: //p'")
    assert version == facts["versions"]["pgadmin"]
    assert pages().get("/misc/ping").text == "PING"


@pytest.mark.parametrize(("path", "status"), [("/browser/", 302), ("/settings/", 401)])
def test_a_stranger_is_refused(pages, path, status):
    answer = pages().get(path)
    assert answer.status_code == status
    assert "/login" in answer.headers.get("Location", "/login")


def test_the_password_opens_it_and_no_other_does(pages, facts):
    browser = pages()
    assert "/login" in log_in(browser, "wrong-password")
    assert "/login" in browser.get("/browser/").headers["Location"]
    assert "/browser" in log_in(browser, facts["password"])
    assert browser.get("/browser/").status_code == 200
    assert USER in browser.get("/browser/js/utils.js").text


def test_the_page_has_its_scripts(pages, facts):
    browser = pages()
    log_in(browser, facts["password"])
    scripts = re.findall(r'src="(/[^"]+\.js[^"]*)"', browser.get("/browser/").text)
    assert scripts
    assert all(browser.get(script).status_code == 200 for script in scripts)


def test_its_pages_can_back_up_a_database(host):
    assert host.check_output("/usr/bin/pg_dump --version").startswith("pg_dump (PostgreSQL)")


def test_the_password_stands_nowhere(host, pages, facts):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "pgAdmin4:app" in found
    assert facts["password"] not in found
    assert not host.run(f"grep -rlF -e {facts['password']} {WORK}").stdout


def test_a_restart_keeps_users_and_takes_a_new_password(second_server):
    server = second_server(f"{START} --bind=127.0.0.1:5051", port=5051, ready="/misc/ping")
    script = """
import re, sys, requests
s, url = requests.Session(), "http://127.0.0.1:5051"
s.trust_env = False
page = s.get(url + "/login").text
token = re.search(r'csrfToken": "([^"]+)"', page)
form = {"csrf_token": token[1], "email": "ann@example.org", "password": sys.argv[1]}
answer = s.post(url + "/authenticate/login", data=form, allow_redirects=False)
print(answer.headers.get("Location"))
"""

    def entered(password):
        found = server.host.run("python -c %s %s", script, password)
        return "/browser" in found.stdout

    old, new = "the old password", "it's a new % one: $(id)"
    server.start(PASSWORD=old, LOGIN_EMAIL="ann@example.org", PGHOST="db", PGPASSWORD="s3cret:")
    assert entered(old)
    rows = "select name, host, username from server"
    query = f"import sqlite3; print(*sqlite3.connect('{server.folder}/work/pgadmin4.db')"
    query += f".execute('{rows}'))"
    assert server.host.check_output("python -c %s", query) == (
        "('postgres on db', 'db', 'postgres')"
    )
    file = f"{server.folder}/work/storage/ann_example.org/pgpass"
    assert server.host.check_output(f"cat {file}") == "db:5432:*:postgres:s3cret\\:"
    assert server.host.check_output(f"stat -c %a {file}") == "600"
    server.stop()
    server.start(PASSWORD=new, LOGIN_EMAIL="ann@example.org")
    assert not entered(old)
    assert entered(new)
    assert server.host.check_output("python -c %s", query) == ""
