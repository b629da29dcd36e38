"""Docstrings as they are written here, made ready for mkdocstrings, which reads Google's style and Markdown.

What is ours: roles of Sphinx, literal blocks after ``::``, doctests without a heading, "Call arguments", and several
names before one explanation.
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
        """Go through the package when all of it is read, so that names can be found."""
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
    """Return a docstring whose literal blocks and doctests stand between fences.

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
    """Return a docstring whose sections explain one name at a time, as they are read.

    Arguments:
        text: the docstring.
        called: the types of what the ``call`` of a layer takes, by name, and of what it returns, by ``return``.

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
                # The last one is followed by the lines that are there.
                found += lines[at + 1 : more] if number < len(names) - 1 else []
        else:
            found.append(line)
    return "\n".join(found)


def _called(thing: Any) -> dict[str, str]:
    """Return the types of what a call takes and returns, of a layer or of anything else that is called."""
    members = thing.all_members if thing.is_class else {}
    call: Any = members.get("call") or members.get("__call__")
    types = {p.name: p.annotation for p in call.parameters} | {"return": call.returns} if call else {}
    return {name: str(annotation) for name, annotation in types.items() if annotation is not None}


def _link(thing: Any, role: re.Match[str]) -> str:
    """Return a link to what a role names, or to what it is in if nothing is said of it; none to what is private."""
    short, name = role.groups()
    shown = name.rpartition(".")[2] if short else name
    if any(part.startswith("_") for part in name.split(".")):
        return f"`{shown}`"
    target = _target(thing, name)
    while not target.docstring:
        target = target.parent
    return f"[`{shown}`][{target.path}]"


def _target(thing: Any, name: str) -> Any:
    """Return what is meant where a docstring stands: in its class, in its module, or from the top."""
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
    """Return the thing itself where it goes by a name that was imported."""
    return thing.final_target if thing.is_alias else thing
