"""Templates of a stranger's catalog: they reach no code, and a limit ends their work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builder.catalog.models import Recipe
from builder.catalog.recipe import BuildVariables
from builder.common.errors import ConfigError
from builder.plan.dockerfile import DockerfileRenderer


def render(text: str, macros: str = "") -> str:
    recipe = Recipe(name="x", summary="", dockerfile=text, dockerfile_path="x.j2")
    variables = BuildVariables(axes={"os": "1"}, providers={}, versions={}, inputs=("tool",))
    renderer = DockerfileRenderer(macros={"m.j2": macros}, macros_path="_macros", sources={})
    return renderer.render(recipe, variables).text


REACHES_CODE = [
    "{{ cycler.__init__.__globals__.os.popen('touch ran') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ [''] | map(attribute='__class__') | first ~ '' }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ '%s' | format(namespace.__init__) }}",
    "{{ self._TemplateReference__context.eval_ctx.environment }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ macro_of_mine.__globals__ }}",
    "{{ axes.pop('os') }}",
    "{{ axes.update({'os': '2'}) }}",
    "{{ inputs.append('x') }}",
    "{% set _ = axes.__setitem__('os', '2') %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{{ lipsum() }}",
    "{{ [1, 2] | random }}",
]


@pytest.mark.parametrize("expression", REACHES_CODE)
def test_a_template_reaches_nothing_but_its_values(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"FROM {{{{ parent }}}}\n{expression}\n"
    with pytest.raises(ConfigError) as caught:
        render(text, "{% macro macro_of_mine() %}{% endmacro %}")
    assert caught.value.location is not None
    assert (caught.value.location.file, caught.value.location.line) == ("x.j2", 2)
    assert list(tmp_path.iterdir()) == []


def test_the_error_says_what_is_not_safe() -> None:
    with pytest.raises(ConfigError) as caught:
        render("FROM x\nRUN {{ cycler.__init__.__globals__ }}\n")
    assert str(caught.value) == (
        "x.j2:2: template: access to attribute '__init__' of 'type' object is unsafe.\n"
        "    RUN {{ cycler.__init__.__globals__ }}"
    )


def test_a_file_of_macros_is_rendered_in_the_sandbox_too() -> None:
    with pytest.raises(ConfigError) as caught:
        render("FROM x\n", "{# first #}\n\n{% set it = ''.__class__.__mro__ %}\n")
    assert str(caught.value) == (
        "_macros/m.j2:3: template: access to attribute '__class__' of 'str' object is unsafe.\n"
        "    {% set it = ''.__class__.__mro__ %}"
    )


DOUBLED = "{% set x = 'xxxxxxxx' %}" + "{% set x = x ~ x %}" * 40
NEVER_ENDS = {
    "a long range": "{% for x in range(10 ** 9) %}x{% endfor %}",
    "loops in loops": "{% for x in range(99999) %}{% for y in range(99999) %}"
    "{% for z in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "a loop that takes nothing": "{% for x in range(99999) %}"
    "{% for y in range(99999) if y > 99999 %}{% endfor %}{% endfor %}",
    "a loop that calls itself": "{% for x in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "macros that call each other twice": "".join(
        f"{{% macro m{n} %}}{{{{ m{n + 1}() }}}}{{{{ m{n + 1}() }}}}{{% endmacro %}}"
        for n in range(60)
    )
    + "{% macro m60() %}{% endmacro %}{{ m0() }}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a block that calls itself": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "a text repeated": "{{ 'x' * 10 ** 9 }}",
    "a list repeated": "{% set x = [1] * 10 ** 9 %}",
    "a text repeated by a filter": "{{ 'x' | center(10 ** 9) }}",
    "a text repeated by a method": "{{ 'x'.ljust(1000000000) }}",
    "tabulators": "{{ ('\t' * 9999).expandtabs(99999) }}",
    "bytes of a number": "{{ (1).to_bytes(1000000000, 'big') }}",
    "a wide field": "{{ '%999999999d' % 1 }}",
    "a field of a given width": "{{ '%*d' % (999999999, 1) }}",
    "a wide field by a filter": "{{ '%999999999d' | format(1) }}",
    "a wide field by a method": "{{ '{:>999999999}'.format(1) }}",
    "a field of a given width by a method": "{{ '{:{}}'.format(1, 999999999) }}",
    "a field of a mapping": "{{ '{x:>999999999}'.format_map({'x': 1}) }}",
    "a text shown often": "{{ ('%(x)s' * 9999) % {'x': 'x' * 99999} }}",
    "replaced by more": "{{ ('x' * 99999).replace('x', 'x' * 99999) }}",
    "replaced by more, by a filter": "{{ ('x' * 99999) | replace('x', 'x' * 99999) }}",
    "joined by much": "{{ ('x' * 99999).join('x' * 99999) }}",
    "joined by much, by a filter": "{{ 'x' * 99999 | join('x' * 99999) }}",
    "indented": "{{ ('\n' * 99999) | indent(99999, true, true) }}",
    "wrapped": "{{ ('x ' * 99999) | wordwrap(1, true, 'x' * 99999) }}",
    "a large number": "{{ 10 ** (10 ** 10) }}",
    "a number that grows": "{% set n = namespace(x=9) %}"
    "{% for _ in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
    "rounded to many places": "{{ 5 | round(-999999999) }}",
    "a text that doubles": DOUBLED,
    "a text that doubles in a block": "{% set x = 'xxxxxxxx' %}"
    + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40,
    "a list that doubles": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "a mapping that doubles": "{% set x = {} %}" + "{% set x = {1: x, 2: x} %}" * 60 + "{{ x }}",
    "a namespace that doubles": "{% set x = namespace() %}"
    + "{% set x = namespace(a=x, b=x) %}" * 60
    + "{{ x }}",
    "lists that are compared": "{% set x = [1] %}{% set y = [1] %}"
    + "{% set x = (x, x) %}{% set y = (y, y) %}" * 60
    + "{{ x == y }}",
    "arguments that double": "{% macro m(n) %}"
    "{% if n %}{{ m(n - 1, varargs, varargs) }}{% else %}{{ varargs }}{% endif %}"
    "{% endmacro %}{{ m(60, 1, 1) }}",
    "a list that is sorted again and again": "{% set x = range(99999) | list %}"
    "{% for _ in range(99999) %}{% set y = x | sort %}{% endfor %}",
    "a list that is searched again and again": "{% set x = range(99999) | list %}"
    "{% for _ in range(99999) %}{% set y = 'a' in x %}{% endfor %}",
    "filters in a filter": "{{ range(99999) | map('center', 9999) | list }}",
    "nested brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "nested blocks": "{% for x in [1] %}" * 40 + "{% endfor %}" * 40,
    "nested conditions": "{% if 1 %}" * 5000 + "{% endif %}" * 5000,
    "a large template": " " * 2_000_000,
}


@pytest.mark.parametrize("name", NEVER_ENDS)
def test_a_template_has_a_limit_of_work(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(ConfigError) as caught:
        render(f"FROM x\n{NEVER_ENDS[name]}\n")
    assert str(caught.value).startswith("x.j2")
    assert time.process_time() - begun < 10


def test_the_error_says_that_a_template_does_not_end() -> None:
    loops = "{% for x in range(99999) %}" * 2 + "{% endfor %}" * 2
    with pytest.raises(ConfigError) as caught:
        render(f"FROM x\n\n{loops}")
    assert str(caught.value) == (
        f"x.j2:3: template: the template does not end: it has done too much work\n    {loops}"
    )


def test_the_error_says_that_a_value_is_too_large() -> None:
    with pytest.raises(ConfigError) as caught:
        render("FROM x\nRUN {{ 'x' * 999999999 }}\n")
    assert str(caught.value) == (
        "x.j2:2: template: the template makes a value that is too large\n"
        "    RUN {{ 'x' * 999999999 }}"
    )


ALLOWED = {
    "{{ ['b', 'a', 'b'] | unique | sort | join(' ') }}": "a b",
    "{{ '%s-%05d' % ('a', 7) }}": "a-00007",
    "{{ '{} {b:>3}'.format(1, b=2) }}": "1   2",
    "{{ '%s' | format(1700000000) }}": "1700000000",
    "{{ 'a.b.c'.rpartition('.')[2].upper() ~ 1 }}": "C1",
    "{{ axes.get('none', 'x') | default('y') }}": "x",
    "{% for n in range(3) if n %}{{ loop.index }}{{ n * 2 }}{% endfor %}": "1224",
    "{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}": "x1",
    "{% set a, b = 1, 2 %}{{ a + b }} {{ 2 ** 10 }} {{ 'ab' * 2 }}": "3 1024 abab",
    "{% set n = namespace(x='') %}{% for i in 'ab' %}{% set n.x = n.x ~ i %}{% endfor %}"
    "{{ n.x }}": "ab",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}"
    "{% call m(1) %}c{% endcall %}": "12c",
    "{{ range(20000) | map('string') | map('length') | sum }}": "88890",
    "{{ (range(9000) | list | length) in [9000] and 1 < 2 <= 2 }}": "True",
}


@pytest.mark.parametrize("text", ALLOWED)
def test_what_recipes_write_still_works(text: str) -> None:
    assert render(f"FROM x\n{text}\n") == f"FROM x\n{ALLOWED[text]}\n"
