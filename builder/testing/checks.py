"""Checks that several images and charts share, each written once.

The plugin offers this module as the fixture `checks`. Every function fails by an `assert`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from testinfra.host import Host

from builder.testing.http_client import Client


def password_opens_it(
    client: Callable[[str], Client], url: str, password: str, *, form: str, shows: str
) -> None:
    """Check that a form takes the password, and that the page behind it then shows a text."""
    user = client(url)
    assert user.post(form, data={"password": password}).status_code == 302
    page = user.get("/", allow_redirects=True)
    assert page.status_code == 200
    assert shows in page.text


def other_passwords_do_not(
    client: Callable[[str], Client], url: str, password: str, *, form: str
) -> None:
    """Check that a form takes no other password, and that `/` still leads to the form."""
    for other in ("", "wrong", f"not-{password}", f"{password}x"):
        stranger = client(url)
        assert stranger.post(form, data={"password": other}).status_code == 200, other
        assert stranger.get("/").headers["location"].lstrip(".").startswith(form), other


def password_is_on_no_command_line(host: Host, program: str, password: str) -> None:
    """Check that no process shows the password, and that one of them is the program."""
    command_lines = host.check_output(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true"
    )
    assert program in command_lines
    assert password not in command_lines


def runs_as_the_user(host: Host, program: str, data: str) -> None:
    """Check that the container and a program in it are of uid 1000, which alone enters the data."""
    assert host.check_output(f"id -u; id -g; stat -c %a {data}") == "1000\n100\n700"
    owners = host.check_output(f"stat -c %u $(grep -lx {program} /proc/[0-9]*/comm)")
    assert set(owners.splitlines()) == {"1000"}


def packages_of_debian_leave_nothing_else(host: Host, names: Iterable[str]) -> None:
    """Check that packages are installed, and that their lists, caches and logs are gone."""
    for name in names:
        assert host.package(name).is_installed, name
    left = "find /var/lib/apt/lists /var/cache/apt /var/log /run/secrets -type f -size +0"
    assert not host.check_output(f"{left} 2>/dev/null || true")


def dark_mode_keeps_the_users_choice(
    host: Host,
    file: str,
    *,
    dark: object,
    mine: str,
    read: Callable[[str], object] = json.loads,
) -> None:
    """Check that a dark session says so in a file of settings once, and never over the user's.

    `file` is relative to the home directory; `dark` is what `read` then makes of its text.
    """
    home = "/tmp/dark"
    path = f"{home}/{file}"
    start = f"env HOME={home} WORKSPACE_DIR={home}/work ONYXIA_SESSION_DIR={home}/session"
    start += " DARK_MODE=%s /opt/onyxia-init.sh true"
    host.check_output(f"rm -rf {home} && mkdir {home}")
    host.check_output(start % "")
    assert not host.file(path).exists or read(host.file(path).content_string) != dark
    host.check_output(start % "true")
    assert read(host.file(path).content_string) == dark
    host.check_output(f"echo {shlex.quote(mine)} > {path}")
    host.check_output(start % "true")
    assert read(host.file(path).content_string) == read(f"{mine}\n")


def python(host: Host, code: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what a program of the image's Python prints. Fails where the program fails."""
    words = " ".join(f"{key}={shlex.quote(text)}" for key, text in (environment or {}).items())
    result: Any = host.run(f"cd /tmp && {words} python -c {shlex.quote(code)}")
    assert result.rc == 0, result.stderr[-3000:]
    return str(result.stdout).strip()
