"""Settings of Maven, read as XML."""

from __future__ import annotations

from xml.etree import ElementTree

from builder.catalog.models import Network, Proxy
from builder.network.build_env import maven_settings


def network(
    *, http_proxy: str = "", https_proxy: str = "", no_proxy: str = "", **more: object
) -> Network:
    proxy = Proxy(http=http_proxy, https=https_proxy, none=no_proxy)
    return Network(proxy=proxy, **more)  # type: ignore[arg-type]


def read(given: Network) -> dict[str, str]:
    """Each element that holds a text, by its path."""
    found = {}

    def walk(element: ElementTree.Element, path: str) -> None:
        if element.text:
            found[path] = element.text
        for child in element:
            walk(child, f"{path}/{child.tag}".lstrip("/"))

    walk(ElementTree.fromstring(maven_settings(given)), "")
    return found


def test_nothing_to_say() -> None:
    assert maven_settings(network(mirrors={"pip": "https://mirror.example/pip"})) == ""


def test_a_mirror_with_credentials() -> None:
    assert read(network(mirrors={"maven": "https://me:p%40s<s@mirror.example/a&b"})) == {
        "servers/server/id": "mirror",
        "servers/server/username": "me",
        "servers/server/password": "p@s<s",
        "mirrors/mirror/id": "mirror",
        "mirrors/mirror/mirrorOf": "*",
        "mirrors/mirror/url": "https://mirror.example/a&b",
    }


def test_proxies() -> None:
    assert read(network(https_proxy="http://u:p@proxy.example:3128", no_proxy="a.example, .b")) == {
        "proxies/proxy/id": "https",
        "proxies/proxy/protocol": "https",
        "proxies/proxy/host": "proxy.example",
        "proxies/proxy/port": "3128",
        "proxies/proxy/username": "u",
        "proxies/proxy/password": "p",
        "proxies/proxy/nonProxyHosts": "a.example|*.b",
    }
