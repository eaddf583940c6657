"""The catalog of the tests of packages that add an ecosystem and a provider."""

from __future__ import annotations

MATRIX = """\
catalog:
  name: press
  repository: "{{registry}}/{prefix}-{{image}}"
  registries: ["{registry}"]
network:
  mirrors:
    "https://fonts.example.org": "http://{address}/fonts"
    "https://foundry.example.org": "http://{address}/foundry"
axes:
  os:
    "1": {{sources: [{{registry: "{base}"}}]}}
  style:
    "2": {{provider: foundry, tag: "style{{version}}"}}
images:
  press: {{from: os, axes: [os]}}
  page: {{from: press, axes: [style]}}
"""
MACRO = """\
{% macro install_fonts(packages) %}
{% if "fonts" in locked %}
USER 0
RUN --mount=type=bind,source=downloads/fonts,target=/packages \\
    while read -r name version file; do \\
      mkdir -p "/opt/fonts/$name"; \\
      cp "/packages/$file" "/opt/fonts/$name/"; \\
      echo "$version" > "/opt/fonts/$name/version"; \\
    done < /packages/packages.txt
{% endif %}
{% endmacro %}
"""
STYLE = """\
RUN --mount=type=bind,source=downloads/style.txt,target=/tmp/style.txt \\
    cp /tmp/style.txt /opt/style.txt
"""
TESTS = {
    "press": """\
def test_fonts(host):
    assert host.check_output("cat /opt/fonts/serif/version") == "1.0"
    assert host.check_output("cat /opt/fonts/metrics/metrics-0.3.txt") == "metrics-0.3.txt"
""",
    "page": """\
def test_style(host, facts):
    assert host.check_output("cat /opt/style.txt") == f"style-{facts['versions']['style']}.txt"
""",
}
FILES = {
    "images/_macros/fonts.j2": MACRO,
    "images/press/recipe.yaml": "summary: Has fonts\npackages:\n  fonts: [serif]\n",
    "images/press/Dockerfile.j2": "FROM {{ parent }}\n{{ install_fonts(packages) }}",
    "images/page/recipe.yaml": "summary: Has a style\nprovides: {style: {foundry: {}}}\n",
    "images/page/Dockerfile.j2": "FROM {{ parent }}\n" + STYLE,
    **{f"images/{name}/tests/test_{name}.py": text for name, text in TESTS.items()},
}
