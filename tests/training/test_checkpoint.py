"""The state brings a run back to the bit, wherever it was stopped."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import arrays, data, same, small_model

from nmt.data.corpora import checksum, from_pairs, from_tsv, split_dev
from nmt.errors import InputError, WorkFailed
from nmt.training.checkpoint import Checkpoint, Fingerprints, RestoreMetrics, SaveCheckpoint


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The state of a small model after three batches of epoch 5, of corpus 17 in order 7."""
    model = small_model()
    model.fit(data(3), shuffle=False, verbose=0)
    path = tmp_path / "training" / "state.npz"
    Checkpoint(path, model, Fingerprints(17, 13), 7).save(5, 3)
    return path


def test_a_state_is_the_whole_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "training" / "state.npz"
    model = small_model()
    model.fit(data(), shuffle=False, verbose=0)
    Checkpoint(path, model, Fingerprints(17, 13), 7).save(5, 3)
    before = arrays(model)
    model.fit(data(), shuffle=False, verbose=0)
    after = arrays(model)
    assert not same(before, after)

    other = small_model(seed=2)
    assert not same(arrays(other), before)
    assert Checkpoint(path, other, Fingerprints(17, 13), 7).load() == (5, 3)
    assert same(arrays(other), before)
    # Dropout draws the same numbers from here on.
    other.fit(data(), shuffle=False, verbose=0)
    assert same(arrays(other), after)
    assert [p.name for p in path.parent.iterdir()] == ["state.npz"]


def test_the_random_states_are_in_the_state(stored: Path) -> None:
    model = small_model()
    seeds = [np.asarray(v) for v in model.variables if "seed" in v.path]
    assert len(seeds) == 1
    Checkpoint(stored, model, Fingerprints(17, 13), 7).load()
    # The counter of the dropout's generator has gone on by its three batches.
    assert np.asarray(next(v for v in model.variables if "seed" in v.path))[1] == 3


def pickled(path: Path, trap: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (trap,)

    contents = dict(np.load(path))
    contents["variable_0"] = np.array([Trap()], dtype=object)
    np.savez(path, **contents)


def without(name: str) -> Callable[[Path, Path], None]:
    def damage(path: Path, trap: Path) -> None:
        contents = dict(np.load(path))
        del contents[name]
        np.savez(path, **contents)

    return damage


def cut(share: float) -> Callable[[Path, Path], None]:
    def damage(path: Path, trap: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return damage


def flipped(path: Path, trap: Path) -> None:
    whole = bytearray(path.read_bytes())
    # In the numbers of the first layer, far from any header.
    whole[whole.index(np.load(path)["variable_0"].tobytes()) + 5] ^= 0xFF
    path.write_bytes(whole)


DAMAGES = {
    "empty": lambda path, trap: path.write_bytes(b""),
    "text": lambda path, trap: path.write_text("epoch 5\n"),
    "one array": lambda path, trap: np.save(path.open("wb"), np.ones(3)),
    "cut to a tenth": cut(0.1),
    "cut in the middle": cut(0.5),
    "cut at the end": cut(0.99),
    "a bit flipped": flipped,
    "pickled": pickled,
    "no position": without("position"),
    "a variable less": without("variable_3"),
    "a folder": lambda path, trap: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_refused_and_changes_nothing(stored: Path, tmp_path: Path, damage: Any) -> None:
    trap = tmp_path / "trap"
    damage(stored, trap)
    model = small_model(seed=2)
    before = arrays(model)
    with pytest.raises(InputError) as caught:
        Checkpoint(stored, model, Fingerprints(17, 13), 7).load()
    assert str(stored) in str(caught.value)
    assert same(arrays(model), before)
    assert not trap.exists()


def test_the_state_of_another_model_is_refused(stored: Path) -> None:
    model = small_model(units=7)
    before = arrays(model)
    with pytest.raises(InputError, match="belongs to another model"):
        Checkpoint(stored, model, Fingerprints(17, 13), 7).load()
    assert same(arrays(model), before)


def test_text_in_place_of_numbers_is_refused(stored: Path) -> None:
    contents = dict(np.load(stored))
    contents["variable_3"] = contents["variable_3"].astype("<U4")
    np.savez(stored, **contents)
    model = small_model(seed=2)
    before = arrays(model)
    with pytest.raises(InputError, match="belongs to another model"):
        Checkpoint(stored, model, Fingerprints(17, 13), 7).load()
    assert same(arrays(model), before)


def test_the_state_of_another_corpus_is_refused(stored: Path) -> None:
    with pytest.raises(InputError, match=r"used another corpus.* begin a new run from this model\.$"):
        Checkpoint(stored, small_model(), Fingerprints(19, 13), 7).load()


def test_a_run_whose_pairs_were_held_out_otherwise_is_told_of_the_file_that_counts(
    stored: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n" * 40)
    whole = from_tsv(tmp_path / "x.tsv")
    with pytest.raises(InputError, match=r"other pairs were held out: .* if X\.tsv\.json of `nmt augment` stands"):
        Checkpoint(stored, small_model(), Fingerprints.of(*split_dev(whole)), 7).load()
    with pytest.raises(InputError, match=r"begin a new run from this model\.$"):
        Checkpoint(stored, small_model(), Fingerprints.of(whole, whole), 7).load()


def test_the_state_of_another_development_set_is_refused(stored: Path) -> None:
    with pytest.raises(InputError, match=r"used other development pairs.* begin a new run from this model\.$"):
        Checkpoint(stored, small_model(), Fingerprints(17, 11), 7).load()


def test_a_state_of_an_earlier_version_knows_the_first_pairs_only(stored: Path) -> None:
    with np.load(stored) as file:
        arrays = dict(file.items())
    np.savez(stored, **{**arrays, "position": np.array([5, 3, 23, 7])})
    assert Checkpoint(stored, small_model(), Fingerprints(17, 13, earlier=23), 7).load() == (5, 3)
    with pytest.raises(InputError, match="used another corpus"):
        Checkpoint(stored, small_model(), Fingerprints(23, 13, earlier=29), 7).load()


def test_a_state_of_an_earlier_version_held_the_clock_of_a_metric(stored: Path) -> None:
    with np.load(stored) as contents:
        named = {name: contents[name] for name in contents.files if name not in ("accumulate", "since")}
    position, kept = named.pop("position"), list(named.values())
    kept[-2:-2] = [np.float64(1.5e9), np.float64(1.6e9), np.float32(70)]
    np.savez(stored, position=position, **{f"variable_{i}": array for i, array in enumerate(kept)})
    older, newer = small_model(seed=2), small_model()
    newer.fit(data(3), shuffle=False, verbose=0)
    assert Checkpoint(stored, older, Fingerprints(17, 13), 7).load() == (5, 3)
    assert same(arrays(older), arrays(newer))


def test_every_pair_and_every_link_is_in_the_fingerprint() -> None:
    pairs = [(f"source {number}", f"target {number}") for number in range(1301)]
    dev = from_pairs(pairs[:3])
    known = Fingerprints.of(from_pairs(pairs), dev)
    assert known == Fingerprints.of(from_pairs(pairs), dev)
    changed = [*pairs[:1250], ("source 1250", "another"), *pairs[1251:]]
    assert known.corpus != Fingerprints.of(from_pairs(changed), dev).corpus
    assert known.dev != Fingerprints.of(from_pairs(pairs), from_pairs(pairs[:2])).dev
    # What stands on which side is in it, too.
    assert len({checksum(from_pairs([pair])) for pair in (("a b", "c"), ("a", "b c"))}) == 2

    class Linked(type(from_pairs(pairs))):  # type: ignore[misc]
        last = "0-0"

        def links(self):
            return iter(["0-0"] * 1300 + [self.last])

    linked = Linked("linked", len(pairs), tuple(pairs))
    before = checksum(linked)
    Linked.last = "1-1"
    assert len({before, checksum(linked), known.corpus}) == 3


def test_the_order_of_the_batches_may_change_only_between_epochs(stored: Path) -> None:
    with pytest.raises(InputError, match="stopped within an epoch"):
        Checkpoint(stored, small_model(), Fingerprints(17, 13), 11).load()
    Checkpoint(stored, small_model(), Fingerprints(17, 13), 7).save(6, 0)
    assert Checkpoint(stored, small_model(), Fingerprints(17, 13), 11).load() == (6, 0)


def test_a_state_knows_since_when_its_epochs_have_these_batches(stored: Path) -> None:
    def resumed(order: int, near: tuple[int, ...] = ()) -> Checkpoint:
        checkpoint = Checkpoint(stored, small_model(), Fingerprints(17, 13), order, near_orders=near)
        checkpoint.load()
        return checkpoint

    same = resumed(7)
    assert same.since == (0, 0)
    same.save(6, 0)
    assert resumed(11, near=(7,)).since == (0, 0)
    other = resumed(11)  # after three steps
    assert other.since == (6, 3)
    other.model.fit(data(2), shuffle=False, verbose=0)
    other.save(7, 0)
    assert resumed(11).since == (6, 3)


def test_half_a_sum_is_not_continued_as_another(tmp_path: Path) -> None:
    path, texts = tmp_path / "state.npz", Fingerprints(17, 13)
    Checkpoint(path, small_model(accumulate=2), texts, 7).save(5, 3)
    for other in (1, 3):
        with pytest.raises(InputError, match=f"training.accumulate was 2 in the run to resume and is {other} now"):
            Checkpoint(path, small_model(accumulate=other), texts, 7).load()
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files if name not in ("accumulate", "since")}
    np.savez(path, **kept)  # as earlier versions wrote it
    assert Checkpoint(path, small_model(accumulate=2), texts, 7).load() == (5, 3)


def test_no_state_to_resume_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to resume"):
        Checkpoint(tmp_path / "training" / "state.npz", small_model(), Fingerprints(17, 13), 7).load()


# When the state is saved


class Spy(Checkpoint):
    """Keeps where it was saved."""

    def __init__(self, path: Path, model: keras.Model) -> None:
        super().__init__(path, model, Fingerprints(17, 13), 7)
        self.saved: list[tuple[int, int]] = []

    def save(self, epoch: int, batch: int) -> None:
        super().save(epoch, batch)
        self.saved.append((epoch, batch))


@pytest.mark.parametrize(
    ("minutes", "saved"),
    [(60, [(1, 0), (2, 0)]), (0, [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0)])],
)
def test_the_state_is_saved_after_each_epoch_and_every_few_minutes(
    tmp_path: Path, minutes: float, saved: list[tuple[int, int]]
) -> None:
    model = small_model()
    spy, position = Spy(tmp_path / "training" / "state.npz", model), tf.Variable([0, 0], dtype=tf.int64)
    model.fit(data(3), epochs=2, callbacks=[SaveCheckpoint(spy, position, minutes, Event())], shuffle=False, verbose=0)
    assert spy.saved == saved
    assert Checkpoint(spy.path, model, Fingerprints(17, 13), 7).load() == (2, 0)
    assert position.numpy().tolist() == [1, 0]


def test_who_asks_to_stop_is_heard_after_the_batch(tmp_path: Path) -> None:
    model, stop = small_model(), Event()
    spy, position = Spy(tmp_path / "training" / "state.npz", model), tf.Variable([0, 0], dtype=tf.int64)
    ask = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batch == 1 and stop.set())
    with pytest.raises(WorkFailed, match=r"Stopped in epoch 1 after 2 batches\."):
        model.fit(data(), callbacks=[ask, SaveCheckpoint(spy, position, 60, stop)], shuffle=False, verbose=0)
    assert spy.saved == [(0, 2)]


def test_a_half_done_epoch_counts_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "training" / "state.npz"
    whole = small_model()
    logs = whole.fit(data(7), shuffle=False, verbose=0).history

    half, stop = small_model(), Event()
    ask = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batch == 2 and stop.set())
    position = tf.Variable([0, 0], dtype=tf.int64)
    with pytest.raises(WorkFailed):
        half.fit(
            data(7),
            callbacks=[ask, SaveCheckpoint(Checkpoint(path, half, Fingerprints(17, 13), 7), position, 60, stop)],
            shuffle=False,
            verbose=0,
        )

    resumed = small_model(seed=2)
    position.assign(Checkpoint(path, resumed, Fingerprints(17, 13), 7).load())
    assert position.numpy().tolist() == [0, 3]
    spy = Spy(path, resumed)
    callback = SaveCheckpoint(spy, position, 0, Event())
    found = resumed.fit(data(7).skip(3), callbacks=[RestoreMetrics(), callback], shuffle=False, verbose=0).history
    assert same(arrays(resumed), arrays(whole))
    assert found["loss"] == logs["loss"]
    assert spy.saved == [(0, 4), (0, 5), (0, 6), (0, 7), (1, 0)]
