"""JupyterLab as the start of the session prepared it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
import requests

from builder.kube_play import free_port
from tests.integration.session.box import Box, Running
from tests.integration.session.conftest import GIT_TOKEN
from tests.integration.session.servers import Serving

THEME = "@jupyterlab/apputils-extension:themes"


def client(port: int, running: Running) -> requests.Session:
    """A browser with the token, once the server answers."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = "token t0ken"
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            session.get(f"http://127.0.0.1:{port}/api", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.2)
        else:
            return session
    pytest.fail(running.log())


def test_jupyterlab_opens_on_the_project_in_the_theme(
    boxes: Mapping[str, Box], git_server: Serving
) -> None:
    port = free_port()
    command = ("jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}")
    given = {
        "DARK_MODE": "true", "PASSWORD": "t0ken", "GIT_PERSONAL_ACCESS_TOKEN": GIT_TOKEN,
        "GIT_REPOSITORY": f"{git_server.url}/project.git",
    }  # fmt: skip
    with boxes["jupyter-python"].running(*command, **given) as running:
        browser, url = client(port, running), f"http://127.0.0.1:{port}"
        page = browser.get(f"{url}/", timeout=30, allow_redirects=False)
        assert page.headers["Location"].rstrip("?") == "/lab/tree/project"
        settings = browser.get(f"{url}/lab/api/settings/{THEME}", timeout=30).json()
        # Its own default is the light one.
        assert settings["schema"]["properties"]["theme"]["default"] == "JupyterLab Dark"
