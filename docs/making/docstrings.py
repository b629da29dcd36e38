"""Prepares the docstrings of this package for mkdocstrings, which reads Google's style and Markdown.

The package also uses Sphinx's roles, literal blocks after ``::``, doctests without a heading, "Call arguments", and
several names before one explanation.
"""

from __future__ import annotations

import re
from typing import Any

import griffe
from mkdocs.exceptions import PluginError

_ROLE = re.compile(r":(?:class|func|meth|attr|mod|data):`(~?)([\w.]+)`")
_ITEMS = ("Arguments:", "Attributes:", "Call arguments:")


class Docstrings(griffe.Extension):
    """Rewrite each docstring before it is parsed."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrite the whole package once it is read, so that every name can be resolved."""
        self._rewrite(pkg)

    def _rewrite(self, thing: Any) -> None:
        if thing.docstring:
            text = blocks(thing.docstring.value)
            text = items(text, _called(thing))
            thing.docstring.value = _ROLE.sub(lambda role: _link(thing, role), text)
        for member in thing.members.values():
            if not member.is_alias:
                self._rewrite(member)


def blocks(text: str) -> str:
    """Return a docstring with fences around its literal blocks and doctests.

    >>> blocks("The sum::\\n\\n    a + b").split("\\n")
    ['The sum:', '', '```text', 'a + b', '```', '']
    """
    found: list[str] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.endswith("::"):
            end = at
            while end < len(lines) and (not lines[end].strip() or lines[end].startswith("    ")):
                end += 1
            literal = "\n".join(each[4:] for each in lines[at:end]).strip("\n")
            found += [line[:-1], "", "```text", literal, "```", ""]
            at = end
        elif line.startswith(">>> "):
            end = next((n for n in range(at, len(lines)) if not lines[n].strip()), len(lines))
            found += ["```pycon", line, *lines[at:end], "```"]
            at = end
        else:
            found.append(line)
    return "\n".join(found)


def items(text: str, called: dict[str, str]) -> str:
    """Return a docstring whose sections explain one name at a time, as mkdocstrings reads them.

    Arguments:
        text: the docstring.
        called: the types of the arguments of a layer's ``call``, by name, and of its result, under ``return``.

    >>> print(items("Call arguments:\\n    a, b: both.", {"a": "int"}))
    Other Parameters: Call arguments
        a (int): both.
        b: both.
    """
    found: list[str] = []
    section = ""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        section = line if line in _ITEMS else "" if line and not line.startswith(" ") else section
        item = re.match(r"    (\w+(?:, \w+)*):(?= |$)", line) if section else None
        if line == "Call arguments:":
            found.append("Other Parameters: Call arguments")
        elif lines[at - 1] == "Returns:" and "return" in called:
            found.append(f"    {called['return']}: {line.strip()}")
        elif item:
            more = next((n for n in range(at + 1, len(lines)) if not lines[n].startswith("     ")), len(lines))
            for number, name in enumerate(names := item[1].split(", ")):
                known = f" ({called[name]})" if section == "Call arguments:" and name in called else ""
                found.append(f"    {name}{known}:{line[item.end() :]}")
                # The lines that follow the names stay in place for the last one.
                found += lines[at + 1 : more] if number < len(names) - 1 else []
        else:
            found.append(line)
    return "\n".join(found)


def _called(thing: Any) -> dict[str, str]:
    """Return the types of the arguments and the result of a class's ``call`` or ``__call__``."""
    members = thing.all_members if thing.is_class else {}
    call: Any = members.get("call") or members.get("__call__")
    types = {p.name: p.annotation for p in call.parameters} | {"return": call.returns} if call else {}
    return {name: str(annotation) for name, annotation in types.items() if annotation is not None}


def _link(thing: Any, role: re.Match[str]) -> str:
    """Return a link to the object that a role names, or to its parent if it has no docstring; none if it is private."""
    short, name = role.groups()
    shown = name.rpartition(".")[2] if short else name
    if any(part.startswith("_") for part in name.split(".")):
        return f"`{shown}`"
    target = _target(thing, name)
    while not target.docstring:
        target = target.parent
    return f"[`{shown}`][{target.path}]"


def _target(thing: Any, name: str) -> Any:
    """Return the object that a name in a docstring means: in its class, in its module, or from the top."""
    first, *rest = name.split(".")
    here = thing
    while here is not None:
        members = here.all_members if here.is_class else here.members
        if first in members or (first == here.name and here.parent is None):
            found = members.get(first, here)
            for part in rest:
                found = _real(found).all_members[part]
            return _real(found)
        here = here.parent
    raise PluginError(f"{thing.path}: its docstring names '{name}', and there is no such thing.")


def _real(thing: Any) -> Any:
    """Return the object itself for a name that was imported."""
    return thing.final_target if thing.is_alias else thing
