"""An HTTP and WebSocket client for smoke tests, which behaves as a browser does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests
import websocket

from builder.common.errors import StepError


def wait_for(name: str, condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until a condition holds; `name` names it. Raises StepError after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise StepError(f"condition not met after {seconds:g} s: {name}")
        time.sleep(0.2)


class Client:
    """A client of one address. It uses no proxy of this machine.

    It keeps cookies, and follows a redirect only with `allow_redirects`. `always` are options of
    the library requests that every request gets, such as `headers` and `auth`.
    """

    def __init__(self, url: str, **always: Any) -> None:
        self.url = url
        self._always = always
        self._session = requests.Session()
        self._session.trust_env = False

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request and return the response. Raises the errors of requests."""
        options = {"allow_redirects": False, "timeout": 60, **self._always, **options}
        return self._session.request(method, f"{self.url}{path}", **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Send a GET request, as `request` does."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """Send a POST request, as `request` does."""
        return self.request("POST", path, **options)

    def socket(self, path: str) -> websocket.WebSocket:
        """Open a WebSocket with the same headers and cookies. Raises the errors of websocket."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._session.cookies.items())
        return websocket.create_connection(
            self.url.replace("http", "ws", 1) + path,
            header=self._always.get("headers"),
            cookie=cookies,
            timeout=60,
            http_no_proxy=["*"],
        )

    def wait(self, path: str, *, seconds: float = 120.0) -> Client:
        """Wait until a path answers without an error; return the client. Raises StepError."""

        def is_well() -> bool:
            try:
                return self.get(path).ok
            except requests.ConnectionError:
                return False

        wait_for(f"{self.url}{path} answers", is_well, seconds=seconds)
        return self
