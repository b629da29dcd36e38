"""A page for each command, made from the command itself, so that it is never out of date."""

from __future__ import annotations

import re
from typing import Any

import typer

# How every command ends; nmt/cli.py.
EXIT_CODES = """
| code | meaning |
|---|---|
| 0 | done |
| 1 | the work failed |
| 2 | the command or its input was wrong: a sentence says what, where, and what to do |
| 130 | Ctrl-C; [some commands](../commands.md) do more at the first one, and end with another code |
"""
_EXTRA = re.compile(r"^(?P<help>.*?)\s*\[(?P<extra>(?:default: |required|env var: |\S*x).*)\]$", re.DOTALL)


def pages() -> dict[str, str]:
    """Return the page of each command by its name, in the order of `nmt --help`."""
    from nmt.cli import app

    group: Any = typer.main.get_command(app)
    whole = typer.Context(group, info_name="nmt", **group.context_settings)
    return {
        name: _page(command, typer.Context(command, parent=whole, info_name=name))
        for name, command in group.commands.items()
        if not command.hidden
    }


def _page(command: Any, context: Any) -> str:
    """Return the page of a command: usage, what it does, its arguments and options, and its exit codes."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    what, examples = _parts(command.help or "")
    more = f"[More about it, with examples](../commands.md#nmt-{context.info_name})"
    parts = [f"# {context.command_path}", what, f"```text\n{usage}\n```", *examples, more]
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        rows = [_row(*record) for record in _records(command, context, kind)]
        if rows:
            parts.append(f"## {title}\n\n| | value | default | |\n|---|---|---|---|\n" + "\n".join(rows))
    parts.append(f"## Exit codes\n{EXIT_CODES}")
    return "\n\n".join(parts)


def _parts(text: str) -> tuple[str, list[str]]:
    """Return the text of a help, and its examples: each as a block of code if it is nothing else."""
    paragraphs = [" ".join(paragraph.split("\n")) for paragraph in text.split("\n\n")]
    said = [paragraph for paragraph in paragraphs if not paragraph.startswith("**Example:**")]
    examples = [paragraph.removeprefix("**Example:**").strip() for paragraph in paragraphs if paragraph not in said]
    blocks = [
        f"```sh\n{alone[1]}\n```" if (alone := re.fullmatch(r"`([^`]+)`", example)) else example for example in examples
    ]
    return "\n\n".join(said), ["## Example" + "s" * (len(blocks) > 1), *blocks] if blocks else []


def _records(command: Any, context: Any, kind: str) -> list[tuple[str, str]]:
    """Return what `--help` says about each argument or option: its name and value, and its text."""
    mine = [parameter for parameter in command.get_params(context) if parameter.param_type_name == kind]
    return [record for parameter in mine if (record := parameter.get_help_record(context))]


def _row(names: str, what: str) -> str:
    """Return a row of the table: name, value, default, and text."""
    extra = _EXTRA.match(what)
    facts = extra["extra"].split("; ") if extra else []
    default = next((fact.removeprefix("default: ") for fact in facts if fact.startswith("default: ")), "")
    said = default[1:-1] if default.startswith("(") else f"`{default}`" if default else ""
    others = [fact for fact in facts if not fact.startswith(("default: ", "required"))]
    text = (extra["help"] if extra else what) + (f" `{', '.join(others)}`" if others else "")
    name, value = _named(names)
    # Outside code Markdown takes "<bt>" for a tag.
    text = "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in re.split("(`[^`]*`)", text))
    return f"| {name} | {value} | {'**required**' if 'required' in facts else said} | {' '.join(text.split())} |"


def _named(names: str) -> tuple[str, str]:
    """Return the names and the value of a parameter: ``--to <path>`` gives ``--to`` and ``path``."""
    spelled = re.match(r"(?P<names>-[^\s,]+(?:, -[^\s,]+)*|\S+)(?: (?P<value>.+))?", names)
    assert spelled
    value = spelled["value"] or ""
    choices = value.strip("<>").split("|")
    shown = " or ".join(f"`{choice}`" for choice in choices) if value else ""
    return ", ".join(f"`{name}`" for name in spelled["names"].split(", ")), shown
