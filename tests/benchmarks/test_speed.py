"""``benchmarks/speed.py``: its table, its choice of parts, what it reads of other systems, and its bound."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from pathlib import Path

import pytest

import nmt
from nmt.errors import InputError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_a_row_has_its_median_its_spread_and_each_value(module) -> None:
    row = module("measuring").Row("growth", "a step", "ms", [3.0, 1.0, 2.0], axis="beam", at=5)
    assert json.loads(json.dumps(row.as_json())) == {
        "part": "growth",
        "name": "a step",
        "unit": "ms",
        "values": [3.0, 1.0, 2.0],
        "goal": "",
        "axis": "beam",
        "at": 5,
        "median": 2.0,
        "lowest": 1.0,
        "highest": 3.0,
    }
    assert module("speed").table([row])[-1] == "| growth | a step, beam 5 | 2 ms | 1 to 3 | 3 |  |"


def test_what_is_compared_takes_turns(module) -> None:
    asked: list[str] = []
    module("measuring").in_turns({name: lambda name=name: asked.append(name) or 1.0 for name in "ab"}, rounds=2)
    assert asked == ["a", "b", "a", "b"]


def test_every_part_is_explained_and_exists(module) -> None:
    speed = module("speed")
    assert re.findall(r"^    (\w+) {3,}", speed.__doc__, re.MULTILINE) == list(speed.PARTS)
    for name, function in speed.PARTS.values():
        assert callable(getattr(module(name), function))


def test_parts_are_chosen_by_name(module) -> None:
    chosen = module("speed").chosen
    assert chosen("beam, start", {}) == ["beam", "start"]
    assert "peers" not in chosen(None, {})
    assert chosen(None, {"joeynmt": ["python"]})[-1] == "peers"
    with pytest.raises(InputError, match=r"There is no part 'bem'\. Known: training, cores, step"):
        chosen("bem", {})
    with pytest.raises(InputError, match="needs a command, with --joeynmt or --opennmt-tf"):
        chosen("peers", {})


def test_all_four_files_are_named_or_none(module, tmp_path: Path) -> None:
    given = argparse.Namespace(source=tmp_path / "a", target=tmp_path / "b", test_source=None, test_reference=None)
    with pytest.raises(InputError, match="--test-source is missing"):
        module("speed").files(given, tmp_path)
    given.test_source = given.test_reference = tmp_path / "c"
    with pytest.raises(InputError, match=r"There is no file .*a"):
        module("speed").files(given, tmp_path)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        # As JoeyNMT 2.3 and OpenNMT-tf 2.32 write it.
        ("joeynmt", "Epoch   1, Step:       20, Batch Loss:     6.4, Tokens per Sec:     {}, Lr: 0.001000"),
        (
            "opennmt-tf",
            "I runner.py:310] Step = 25 ; steps/s = 1.89, tokens/s = 3746 (1815 source, {} target) ; Learning rate =",
        ),
    ],
)
def test_the_speed_of_another_system_is_read_from_its_log_without_the_first(module, name: str, line: str) -> None:
    programs = module("speed_programs")
    program = f"import time\nfor n in (7, 1020, 1040): print({line!r}.format(n), flush=True)\ntime.sleep(60)"
    command = [sys.executable, "-S", "-c", program]
    assert programs.peer_speeds(command, programs.SPEEDS[name], lasting=1.0) == [1020.0, 1040.0]


def test_another_system_that_logs_no_speed_is_told_with_what_it_said(module) -> None:
    programs = module("speed_programs")
    with pytest.raises(InputError, match=r"logged its speed 0 times .* no such model"):
        programs.peer_speeds([sys.executable, "-S", "-c", "print('no such model')"], programs.SPEEDS["joeynmt"], 5.0)
    with pytest.raises(InputError, match="cannot be started"):
        programs.peer_speeds(["/nowhere/python"], programs.SPEEDS["joeynmt"], 5.0)


@pytest.mark.parametrize("context", ["input", "output"])
def test_the_bound_multiplies_what_a_step_must(module, context: str) -> None:
    config = nmt.with_settings(
        nmt.Config(),
        [
            "model.units=3",
            "model.embedding=5",
            "model.attention_units=7",
            f"model.context={context}",
            "model.tied=none",
        ],
    )
    network = nmt.build_model(config, 11, 13)
    batch, source, target, tokens = 2, 17, 19, 31
    found = module("speed_training").products(network, batch, source, target)
    total = sum(p.times * p.matrices * p.rows * p.inner * p.columns * (tokens if p.tokens else 1) for p in found)
    # Multiplications of one pass forward, by hand; backward each product has two of the same size.
    encoder = 2 * batch * source * (5 + 3) * 9  # two directions, a GRU of three gates
    bridge = batch * 6 * 3
    keys = batch * source * 6 * 7
    queries = batch * target * 3 * 7
    # With the context in the recurrence it is multiplied there, and the readout reads the token, too.
    decoder = batch * target * (5 + 3 + (6 if context == "input" else 0)) * 9
    readout = batch * target * (3 + 6 + (5 if context == "input" else 0)) * 5
    contexts = batch * target * source * 6
    output = tokens * 5 * 13
    assert total == 3 * (encoder + bridge + keys + queries + decoder + readout + contexts + output)
    # A step of the recurrence waits for the one before.
    stepped = {p.times for p in found if p.columns == 9 and p.inner == 3}
    assert stepped == {source, target}
    # As many multiplications, in smaller products.
    looped = module("speed_training").products(network, batch, source, target, looped=True)
    assert total == sum(
        p.times * p.matrices * p.rows * p.inner * p.columns * (tokens if p.tokens else 1) for p in looped
    )
    assert sum(p.times for p in looped) > sum(p.times for p in found)
