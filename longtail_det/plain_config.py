"""Reads a dumped config as data: no line of it is run and nothing that it names is imported."""

from __future__ import annotations

import ast
from typing import Any

_CONTAINERS = {'dict': dict, 'list': list, 'tuple': tuple, 'set': set}


def parse_plain_config(text: str, name: str = 'the config') -> dict[str, Any]:
    """Return the settings of a config that mmengine dumped.

    A dumped config is assignments of numbers, text, lists, tuples, dicts and calls of `dict`. Whatever else could be
    in a config file (imports, functions, `_base_`, templates in double braces) is refused.

    Args:
        text: of a Python file.
        name: of the file, for messages.

    Raises:
        ValueError: it holds something else than data; the line is named.

    Example:
        >>> parse_plain_config("model = dict(type='FasterRCNN', scale=(8, -1))")
        {'model': {'type': 'FasterRCNN', 'scale': (8, -1)}}
    """
    try:
        body = ast.parse(text).body
        # mmengine fills in templates before it parses, so text in quotes would not stay text
        if '{{' in text:
            raise _NotPlainError(None, 'a template in double braces')
        return {name: value for node in body for name, value in _assignment(node)}
    except _NotPlainError as error:
        raise ValueError(f'{name}{error.where} holds {error}, and a dumped config holds only data') from None
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f'{name} is no dumped config ({" ".join(str(error).split()) or type(error).__name__})'
        ) from None


class _NotPlainError(Exception):
    def __init__(self, node: ast.AST | None, what: str) -> None:
        super().__init__(what)
        line = getattr(node, 'lineno', None)
        self.where = '' if line is None else f', line {line},'


def _assignment(node: ast.stmt) -> list[tuple[str, Any]]:
    if not isinstance(node, ast.Assign):
        raise _NotPlainError(node, f'a statement of type {type(node).__name__}')
    value = _value(node.value)
    return [(_name(target), value) for target in node.targets]


def _name(target: ast.expr) -> str:
    if not isinstance(target, ast.Name) or target.id.startswith('_'):
        raise _NotPlainError(target, f'the name {ast.unparse(target):.60}')
    return target.id


def _value(node: ast.expr) -> Any:
    """Return the value of a literal, or of a call that makes a container."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return ast.literal_eval(node)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return _CONTAINERS[type(node).__name__.lower()](map(_value, node.elts))
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CONTAINERS:
        named = {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg}
        if len(named) == len(node.keywords):
            return _CONTAINERS[node.func.id](*map(_value, node.args), **named)
    raise _NotPlainError(node, f'code ({ast.unparse(node):.60})')
