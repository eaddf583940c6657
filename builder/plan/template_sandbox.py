"""The sandbox in which templates of a catalog are rendered: they reach no code, and end.

A catalog may be a stranger's. So a template cannot reach the internals of Python, its values have
a largest size, and its work has a limit. All three are errors at the line of the template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from functools import wraps
from math import prod
from typing import Any, TypeVar

from jinja2 import StrictUndefined, TemplateRuntimeError, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

LARGEST_VALUE = 1 << 18
"""The largest size of a value: its characters, or the sum of what a list or mapping has."""
LARGEST_TEXT = 1 << 20
"""The largest number of characters of a template, and of what it renders."""
LARGEST_WORK = 200_000
"""The largest amount of work for one text: about the number of expressions that are evaluated."""
_LARGEST_PRODUCT = 1 << 26  # of the sizes of arguments: `replace` may make as much of them
_CHARACTERS = 16  # of a text that are worked on as fast as one expression is evaluated
_LARGEST_NUMBER = 1 << 10_000
# Of jinja2: what comes out differs each time, or is as long as is asked for.
_LEFT_OUT = {"filters": ("random",), "globals": ("lipsum",)}
# Templates cannot use these names: they have a space.
_SPEND, _CHARGE, _JOIN = "spend work", "charge size", "join texts"
# Filters that choose among what they are given, and make nothing of it.
_CHOOSES = frozenset(
    {"attr", "d", "default", "dictsort", "first", "float", "groupby", "int", "last", "list", "map"}
    | {"reject", "rejectattr", "select", "selectattr", "sort", "unique"}
)
_FORMATS = frozenset({"format", "format_map"})
# A width that is large, or that another argument has.
_WIDTH = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{4})|\{[^{}]*(?:\{|:[^{}]*\d{4})")
_Node = TypeVar("_Node", bound=nodes.Node)
_HIDDEN = frozenset({"_loop_vars", "_block_vars", "caller"})  # arguments that jinja2 adds


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """An environment of jinja2 for templates that may be a stranger's."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            optimized=False,
            finalize=self._text,
        )
        self._work = 0
        for name in _LEFT_OUT["filters"]:
            del self.filters[name]
        for name in _LEFT_OUT["globals"]:
            del self.globals[name]
        for name in self.filters:
            self.filters[name] = self._bounded(name, self.filters[name], makes=name not in _CHOOSES)
        for name in self.tests:
            self.tests[name] = self._bounded(name, self.tests[name], makes=False)
        self.filters |= {_SPEND: self._spend, _CHARGE: self._charge, _JOIN: self._joined}
        self.concat = self._concat  # type: ignore[method-assign]

    def begin(self) -> None:
        """Begin the work for another text."""
        self._work = 0

    def call(  # an argument may have any name
        self, context: Context, function: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        """Call what a template calls. Raises TemplateRuntimeError where that makes too much."""
        owner = getattr(function, "__self__", None)
        if isinstance(owner, str | bytes | int | float | Sequence | Mapping | Set):
            makes = not isinstance(owner, list | tuple | Mapping | Set)
            self._check_arguments(function.__name__, (owner, *args), kwargs, makes=makes)
        elif getattr(function, "__name__", "") in _FORMATS:  # of a text: the sandbox wraps it
            self._check_format(function.__wrapped__.__self__, (args, kwargs))
        else:
            self._charge([list(args), [v for k, v in kwargs.items() if k not in _HIDDEN]])
        return self._charge(super().call(context, function, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator. Raises TemplateRuntimeError where that makes too much."""
        sizes = (self._charged(left), self._charged(right))
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "%" and isinstance(left, str | bytes):
            self._check_format(left, right)
        elif numbers and operator == "**" and right > 0 and left.bit_length() * right > 10_000:
            raise _too_large("a number")
        elif operator == "*" and not numbers:
            repeated = right if isinstance(right, int) else left
            times = repeated if isinstance(repeated, int) else 1
            if prod(sizes) * max(times, 1) > LARGEST_VALUE:
                raise _too_large("a value")
        return self._charge(super().call_binop(context, operator, left, right))

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item of an object."""
        self._charged(argument)  # it is hashed
        return super().getitem(obj, argument)

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        return super()._generate(_Metered().visit(source), *args, **kwargs)

    def _bounded(self, name: str, function: Any, *, makes: bool) -> Callable[..., Any]:
        """Return a filter or a test that refuses to make too much."""

        @wraps(function)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            self._check_arguments(name, args, kwargs, makes=makes)
            return self._charge(function(*args, **kwargs))

        return bounded

    def _check_arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, makes: bool
    ) -> None:
        """Refuse arguments that are too large, or of which a function `makes` too much."""
        values = [*args, *(value for key, value in kwargs.items() if key not in _HIDDEN)]
        sizes = [self._charged(value) for value in values]
        if name in _FORMATS:
            self._check_format(args[0], values[1:])
            return
        counts = [abs(value) for value in values[1:] if isinstance(value, int)]
        if makes and prod(filter(None, (*sizes, *counts))) > _LARGEST_PRODUCT:
            raise _too_large("a value")

    def _check_format(self, text: Any, arguments: Any) -> None:
        places = str(text).count("%") + str(text).count("{")
        if _WIDTH.search(str(text)) or places * self._charged(arguments) > _LARGEST_PRODUCT:
            raise _too_large("a value")

    def _spend(self, work: int) -> bool:
        """Count work. Raises TemplateRuntimeError where there was too much."""
        self._work += work
        if self._work > LARGEST_WORK:
            raise TemplateRuntimeError("the template does not end: it has done too much work")
        return True

    def _charged(self, value: Any) -> int:
        """Return the size of a value that is worked on, after the work was counted."""
        size, work = _measured(value)
        self._spend(work)
        if size > LARGEST_VALUE:
            raise _too_large("a value")
        return size

    def _charge(self, value: Any) -> Any:
        """Return a value, after it was counted as work."""
        self._charged(value)
        return value

    def _text(self, value: Any) -> str:
        return str(self._charge(value))

    def _joined(self, values: Sequence[Any]) -> str:
        return self._concat([self._text(value) for value in values])

    def _concat(self, texts: Iterable[str]) -> str:
        parts = list(texts)
        if sum(map(len, parts)) > LARGEST_TEXT:
            raise _too_large("a text")
        return "".join(parts)


class _Metered(NodeTransformer):
    """Adds to a template what counts its work, in each body that may run again."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.test is not None:
            node.test = _at(node, nodes.And(_spend(node.test), node.test))
        return self._repeated(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _call(_JOIN, _at(node, nodes.List(node.nodes)))

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _call(_CHARGE, node.expr)
        for operand in node.ops:
            operand.expr = _call(_CHARGE, operand.expr)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:
        self.generic_visit(node)
        node.key = _call(_CHARGE, node.key)
        return node

    def _value(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        is_target = getattr(node, "ctx", "load") != "load"  # `{% for a, b in … %}`
        return node if is_target else _call(_CHARGE, node)

    def _repeated(self, node: Any) -> nodes.Node:
        weight = sum(1 for statement in node.body for _ in statement.find_all(nodes.Node))
        self.generic_visit(node)
        node.body.insert(0, _at(node, nodes.ExprStmt(_spend(node, 1 + weight))))
        return node  # type: ignore[no-any-return]

    visit_List = visit_Dict = visit_Tuple = _value
    visit_Macro = visit_CallBlock = visit_Block = _repeated


def _measured(value: Any) -> tuple[int, int]:
    """Return the size of a value and the work with it; neither goes on where it is too large."""
    size, work, rest = 0, 0, [value]
    while rest and size <= LARGEST_VALUE:
        item = rest.pop()
        size, work = size + 1, work + 1
        if isinstance(item, str | bytes | range):
            size, work = size + len(item), work + len(item) // _CHARACTERS
            continue
        if isinstance(item, Context):  # jinja2 hands it to some filters; it is a mapping
            continue
        if isinstance(item, int) and abs(item) > _LARGEST_NUMBER:
            return LARGEST_VALUE + 1, work
        if isinstance(item, Namespace):
            item = item._Namespace__attrs  # jinja2 shows them where it is printed
        if isinstance(item, Mapping):
            rest.extend(item)
            rest.extend(item.values())
        elif isinstance(item, Sequence | Set | ValuesView):
            rest.extend(item)
    return size, work


def _spend(at: nodes.Node, work: int = 1) -> nodes.Filter:
    return _call(_SPEND, _at(at, nodes.Const(work)))


def _call(name: str, value: nodes.Expr) -> nodes.Filter:
    return _at(value, nodes.Filter(value, name, [], [], None, None))


def _at(near: nodes.Node, node: _Node) -> _Node:
    """Return a node at the line of another."""
    node.lineno, node.environment = near.lineno, near.environment
    return node


def _too_large(what: str) -> TemplateRuntimeError:
    return TemplateRuntimeError(f"the template makes {what} that is too large")
