"""Corpora keep one promise: Python and the graph read the same pairs, and bad input is named by file and line."""

import contextlib
import csv
import gzip
import io
import os
import random
import re
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow_datasets.core import registered

from nmt.data.corpora import Corpus, decoded_lines, from_files, from_pairs, from_text, from_tsv, read_lines, split_dev
from nmt.data.tfds import from_tfds, tfds_splits
from nmt.errors import InputError

tfds.disable_progress_bar()


def write(path: Path, data: str | bytes) -> Path:
    raw = data.encode() if isinstance(data, str) else data
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def in_graph(corpus: Corpus) -> list[tuple[str, str]]:
    return [(source.numpy().decode(), target.numpy().decode()) for source, target in corpus.dataset()]


def operations(dataset: tf.data.Dataset) -> str:
    """The dataset's whole graph, in which a Python function would show as a PyFunc."""
    return tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor).numpy().decode("latin-1")


@contextlib.contextmanager
def refusal(*parts: object) -> Iterator[None]:
    """Expect an InputError whose message is one or two sentences on one line and holds every part."""
    with pytest.raises(InputError) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?"
    for part in parts:
        assert str(part) in message


# Golden cases

LINES = {
    "plain": ("a\nb\n", ["a", "b"]),
    "no final newline": ("a\nb", ["a", "b"]),
    "windows": ("a\r\nb\r\n", ["a", "b"]),
    "carriage returns before the line end": ("a\nc\r\r\n", ["a", "c"]),
    "carriage return in a line": ("a\rb\nc\r\r\n", ["a b", "c"]),
    "carriage returns in lines": ("\ufeffa\n\r\rb\r\nc\r", ["a", "  b", "c"]),
    "carriage return at the very end": ("a\n\r", ["a"]),
    "byte order mark": ("\ufeffa\n\ufeffb\n", ["a", "\ufeffb"]),
    "byte order mark alone on its line": ("\ufeff\nb\n", ["", "b"]),
    "blank lines": ("\na\n\n\nb\n\n", ["", "a", "", "", "b", ""]),
    "not line endings": ("a\u2028b\u0085c\x0bd\x0ce\x1cf\n", ["a\u2028b\u0085c\x0bd\x0ce\x1cf"]),
    "nul": ("a\0b\n\0\n", ["a\0b", "\0"]),
    "long": ("한" * 200_000 + "\nb", ["한" * 200_000, "b"]),
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("text", "expected"), LINES.values(), ids=LINES)
def test_what_a_line_is(tmp_path: Path, text: str, expected: list[str], suffix: str) -> None:
    path = write(tmp_path / f"text{suffix}", text)
    assert list(read_lines(path)) == expected
    corpus = from_files(path, path)
    assert corpus.size == len(expected)
    assert in_graph(corpus) == [(line, line) for line in expected]


def test_parallel_files(tmp_path: Path) -> None:
    german = write(tmp_path / "train.de", "Hallo\n\nWelt\n")
    corpus = from_files(german, write(tmp_path / "train.en.gz", "Hello\nx\n\n"))
    assert (corpus.name, corpus.size) == ("train.de + train.en.gz", 3)
    assert list(corpus.pairs()) == in_graph(corpus) == [("Hallo", "Hello"), ("", "x"), ("Welt", "")]
    assert list(corpus.pairs()) == in_graph(corpus), "a corpus can be streamed again"


def test_tsv_keeps_two_columns_and_ignores_the_rest(tmp_path: Path) -> None:
    corpus = from_tsv(write(tmp_path / "deu.tsv", '\ufeffGo.\tGeh.\tCC-BY 2.0\t#1\r\n"a\tb"\r\n\tx\t\r\ny\t\r\n'))
    assert (corpus.name, corpus.size) == ("deu.tsv", 4)
    assert list(corpus.pairs()) == in_graph(corpus) == [("Go.", "Geh."), ('"a', 'b"'), ("", "x"), ("y", "")]


def test_a_file_name_needs_no_particular_alphabet(tmp_path: Path) -> None:
    path = write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff *[x].tsv")), "a\tb\n")
    assert in_graph(from_tsv(path)) == [("a", "b")]


# Python and the graph agree

traps = st.sampled_from("\n\n\n\r\t\0\ufeff\u2028\u2029\u0085\x0b\x0c\x1c\x1a\"'é한𝄞")
nasty = st.text(traps | st.characters(codec="utf-8"), min_size=1)
steady = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@steady
@given(text=nasty, gz=st.booleans())
def test_python_and_graph_read_the_same_lines(tmp_path: Path, text: str, gz: bool) -> None:
    path = write(tmp_path / ("x.gz" if gz else "x"), text)
    try:
        corpus = from_files(path, path)
    except InputError:
        # Nothing, or one line with carriage returns inside.
        assert not text.strip("\r") or ("\n" not in text and "\r" in text.rstrip("\r"))
        return
    pairs = list(corpus.pairs())
    assert pairs == in_graph(corpus)
    assert corpus.size == len(pairs)
    kept = re.sub(r"\r+(?=\n|$)", "", text).replace("\r", " ").removeprefix("\ufeff").removesuffix("\n")
    assert "\n".join(line for line, _ in pairs) == kept


@steady
@given(rows=st.lists(st.tuples(nasty, nasty, nasty), min_size=1, max_size=5), gz=st.booleans())
def test_python_and_graph_read_the_same_tsv(tmp_path: Path, rows: list[tuple[str, ...]], gz: bool) -> None:
    text = "\n".join("\t".join(column.replace("\n", " ") for column in row) for row in rows) + "\n"
    corpus = from_tsv(write(tmp_path / ("x.tsv.gz" if gz else "x.tsv"), text))
    assert list(corpus.pairs()) == in_graph(corpus)
    assert corpus.size == len(rows)


# Refusals


def test_files_of_different_length(tmp_path: Path) -> None:
    short, long = write(tmp_path / "s", "a\nb\n"), write(tmp_path / "l", "a\nb\nc\nd\ne\n")
    for source, target in ((short, long), (long, short)):
        with refusal(f"{long} has 5 lines and {short} only 2: line 3 of {long}"):
            from_files(source, target)


@pytest.mark.parametrize("data", [b"", b"\r"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_empty_file(tmp_path: Path, data: bytes, suffix: str) -> None:
    empty, full = write(tmp_path / f"empty{suffix}", data), write(tmp_path / "full", "a\n")
    for act in (lambda: from_files(full, empty), lambda: from_tsv(empty), lambda: list(read_lines(empty))):
        with refusal(f"{empty} is empty"):
            act()


@pytest.mark.parametrize("bad", [b"\xff", b"ab\xc3", b"\xed\xa0\x80", b"\xc0\xaf"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_bytes_that_are_not_utf8(tmp_path: Path, bad: bytes, suffix: str) -> None:
    path = write(tmp_path / f"bad{suffix}", b"a\t\xc3\xa9\n\tb\n" + bad + b"\tc\n")
    for act in (lambda: from_files(path, path), lambda: from_tsv(path), lambda: list(read_lines(path))):
        with refusal(f"{path}, line 3: ", "not UTF-8"):
            act()


@pytest.mark.parametrize(("text", "line"), [("a\tb\nc d\n", 2), ("a\tb\n\nc\td\n", 2), ("\n", 1), ("a\tb\n\n", 2)])
def test_a_tsv_line_with_one_column(tmp_path: Path, text: str, line: int) -> None:
    path = write(tmp_path / "x.tsv", text)
    with refusal(f"{path}, line {line}: there is one column"):
        from_tsv(path)


@pytest.mark.parametrize("text", ["a\tb\rc\td\r", "a\tb\rc\td", "a\tb\r" * 22 + "\n", "a\tb\r" * 21 + "c\td\ne\tf\n"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_that_end_in_a_carriage_return_alone(tmp_path: Path, text: str, suffix: str) -> None:
    path = write(tmp_path / f"mac.tsv{suffix}", text)
    acts = [from_tsv, from_text, lambda path: list(read_lines(path)), lambda path: from_files(path, path)]
    acts.append(lambda path: list(decoded_lines(io.BytesIO(text.encode()), str(path))))
    for act in acts:
        with refusal(f"{path}: its lines end in a carriage return alone", "tr '\\r' '\\n' < OLD > NEW"):
            act(path)


# Spreadsheets

CELLS = [
    ("na", "I"),
    ('"bap"', 'She said "no"'),
    ("mul\nbap", "water\r\nand\trice"),
    ("", "b"),
    ('""', "a,b"),
    ("'", '"'),
]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_cells_that_a_spreadsheet_quotes(tmp_path: Path, quoting: int) -> None:
    made = io.StringIO()
    csv.writer(made, delimiter="\t", quoting=quoting).writerows((*cells, "note") for cells in CELLS)  # type: ignore
    corpus = from_tsv(write(tmp_path / "x.tsv.gz", "\ufeff" + made.getvalue()), quoted=True)
    wanted = [tuple(re.sub(r"\r?\n|\t", " ", cell) for cell in cells) for cells in CELLS]
    assert list(corpus.pairs()) == in_graph(corpus) == wanted
    assert corpus.size == len(CELLS)
    train, dev = split_dev(corpus)
    assert (in_graph(train), in_graph(dev)) == (wanted[:5], wanted[5:])


@pytest.mark.parametrize("cells", [("mul\nbap", "water"), ("mul", "water\nrice"), ("mul", 'water "\n" rice')])
def test_a_cell_with_a_line_break_is_named_as_the_cause(tmp_path: Path, cells: tuple[str, str]) -> None:
    made = io.StringIO()
    csv.writer(made, delimiter="\t").writerows([("na", "I"), cells])
    path = write(tmp_path / "x.tsv", made.getvalue())
    line = 2 if "\n" in cells[0] else 3
    with refusal(f"{path}, line {line}: there is one column", "cell with a line break", "--tsv-quoting"):
        from_tsv(path)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('a\tb\n"a\nb"\n', 2, "one column"),
        ("a\tb\n\n", 2, "one column"),
        ('a\tb\n"c\td\ne\tf\n', 2, "not quoted as spreadsheets"),
        ('a\tb\n"c\nd"\t"e"f\n', 2, "not quoted as spreadsheets"),
    ],
)
def test_a_row_that_is_not_quoted_as_a_spreadsheet_does(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path / "x.tsv", text)
    with refusal(f"{path}, line {line}: ", words):
        from_tsv(path, quoted=True)


def test_a_quoted_cell_that_is_too_long_is_named_as_that(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", f'a\tb\n"{"c" * csv.field_size_limit()}d"\te\n')
    with refusal(f"{path}, line 2: ", f"has more than {csv.field_size_limit():,} characters"):
        from_tsv(path, quoted=True)
    write(path, f'a\tb\n"{"c" * csv.field_size_limit()}"\te\n')
    assert from_tsv(path, quoted=True).size == 2


def test_a_path_that_is_no_readable_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, words in {
        "missing": "No such file",
        ".": "is a folder",
        "fifo": "pipe",
        "/dev/null": "device",
        "/proc/self/mem": "cannot be read",
        "loop": "cannot be read",
        "a\0b": "cannot be read",
        "x" * 300: "too long",
    }.items():
        path = tmp_path / name
        for act in (lambda p=path: from_files(p, p), lambda p=path: from_tsv(p), lambda p=path: list(read_lines(p))):
            with refusal(path, words):
                act()
    with refusal("missing"):
        read_lines(tmp_path / "missing")


def test_a_file_without_permission() -> None:
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            with refusal(file.name, "Permission denied"):
                list(read_lines(Path(file.name)))
        finally:
            os.seteuid(user)


def test_a_gz_that_is_not_gzip_or_is_cut_short(tmp_path: Path) -> None:
    noise = random.Random(7)
    whole = gzip.compress("".join(f"{noise.randbytes(8).hex()}\tb\n" for _ in range(3000)).encode(), mtime=0)
    wrong_sum = whole[:-8] + bytes(4) + whole[-4:]
    broken = {"plain": b"a\tb\n", "cut": whole[:-4000], "header": whole[:5], "tail": whole + b"junk", "sum": wrong_sum}
    no_such_block = b"\xff"
    broken["body"] = whole[:10] + no_such_block + whole[11:]
    for name, data in broken.items():
        (tmp_path / f"{name}.gz").write_bytes(data)
        for act in (from_tsv, lambda path: list(read_lines(path)), lambda path: from_files(path, path)):
            with refusal(tmp_path / f"{name}.gz", "damaged after line"):
                act(tmp_path / f"{name}.gz")


def test_two_gzip_members_are_one_text(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a\tb\nc") + gzip.compress(b"\td\n"))
    corpus = from_tsv(tmp_path / "x.gz")
    assert list(corpus.pairs()) == in_graph(corpus) == [("a", "b"), ("c", "d")]


# Streaming


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    path = write(tmp_path / "big.tsv.gz", "the quick brown fox\tder schnelle braune Fuchs\n" * 100_000)
    tracemalloc.start()
    try:
        train, _ = split_dev(from_tsv(path))
        assert sum(1 for _ in train.pairs()) == train.size == 99_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


# Holding out


@pytest.mark.parametrize(
    ("size", "held"), [(2, 1), (3, 1), (19, 1), (20, 1), (40, 2), (59, 1), (1000, 50), (20_000, 1000), (39_999, 999)]
)
def test_split_dev_holds_out_one_in_twenty(tmp_path: Path, size: int, held: int) -> None:
    train, dev = split_dev(from_tsv(write(tmp_path / "x.tsv", "".join(f"{n}\t-{n}\n" for n in range(size)))))
    assert (train.size, dev.size) == (size - held, held)
    parts = list(train.pairs()), list(dev.pairs())
    assert [len(part) for part in parts] == [train.size, dev.size]
    assert sorted(parts[0] + parts[1], key=lambda pair: int(pair[0])) == [(f"{n}", f"-{n}") for n in range(size)]
    if size <= 1000:
        assert (in_graph(train), in_graph(dev)) == parts


def test_split_dev_takes_evenly_from_the_whole(tmp_path: Path) -> None:
    _, dev = split_dev(from_tsv(write(tmp_path / "x.tsv", "".join(f"{n}\t\n" for n in range(60)))))
    assert [int(source) for source, _ in dev.pairs()] == [19, 39, 59]


def test_split_dev_needs_two_pairs(tmp_path: Path) -> None:
    with refusal("x.tsv holds 1 pair"):
        split_dev(from_tsv(write(tmp_path / "x.tsv", "a\tb\n")))


# TensorFlow Datasets

TEXT = tfds.features.Text
FEATURES = {
    "tiny_ko_en": (tfds.features.Translation(["en", "ko"]), ("ko", "en")),
    "tiny_unordered": (tfds.features.Translation(["en", "ko"]), None),
    "tiny_texts": (tfds.features.FeaturesDict({"en": TEXT(), "ko": TEXT()}), ("ko", "en")),
    "tiny_unpaired": (tfds.features.FeaturesDict({"en": TEXT(), "ko": TEXT()}), None),
    "tiny_labels": (tfds.features.FeaturesDict({"en": TEXT(), "ko": tf.int64}), ("en", "ko")),
}

with registered.skip_registration():

    class Tiny(tfds.core.GeneratorBasedBuilder):
        """Twelve pairs over several shards, made without the network and unknown to TFDS afterwards."""

        VERSION = tfds.core.Version("1.0.0")

        def __init__(self, dataset: str, **kwargs: object) -> None:
            self.name = dataset
            super().__init__(**kwargs)

        def _info(self) -> tfds.core.DatasetInfo:
            features, supervised = FEATURES[self.name]
            return tfds.core.DatasetInfo(
                builder=self, features=features, supervised_keys=supervised, disable_shuffling=True
            )

        def _split_generators(self, dl_manager: object) -> dict:
            return {"train": self._generate_examples(12), "validation": self._generate_examples(3)}

        def _generate_examples(self, count: int) -> Iterator[tuple[int, dict]]:
            for n in range(count):
                yield n, {"en": f"line {n}\n", "ko": n if self.name == "tiny_labels" else f"줄 {n}\u2028"}


class UnreachableTranslate(tfds.core.GeneratorBasedBuilder):
    """A dataset TFDS knows, on a server that answers nobody."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="ko-en")]
    fails_with: Exception | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.Translation(["en", "ko"])
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("ko", "en"))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        if self.fails_with:
            raise self.fails_with
        dl_manager.download("http://127.0.0.1:9/pairs.zip")
        return {}

    def _generate_examples(self) -> Iterator[tuple[int, dict]]:
        yield from ()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tfds")
    shards = tfds.download.DownloadConfig(num_shards=3, try_download_gcs=False)
    for name in FEATURES:
        Tiny(name, data_dir=folder).download_and_prepare(download_config=shards)
    return folder


PAIRS = [(f"줄 {n}\u2028", f"line {n}\n") for n in range(12)]


def test_a_prepared_dataset_is_read_in_order_and_in_its_direction(prepared: Path) -> None:
    corpus = from_tfds("tiny_ko_en", "train", prepared)
    assert (corpus.name, corpus.size) == ("tiny_ko_en (train)", 12)
    assert len(list((prepared / "tiny_ko_en/1.0.0").glob("*train*"))) == 3, "the order must survive several shards"
    assert list(corpus.pairs()) == in_graph(corpus) == PAIRS
    assert list(from_tfds("tiny_texts", "train[:4]", prepared).pairs()) == PAIRS[:4]
    assert list(from_tfds("tiny_ko_en:1.0.0", "validation", prepared).pairs()) == PAIRS[:3]


def test_a_translation_without_supervised_order_is_alphabetical(prepared: Path) -> None:
    assert next(from_tfds("tiny_unordered", "train", prepared).pairs()) == PAIRS[0][::-1]


def test_the_splits_can_be_asked_for(prepared: Path) -> None:
    assert tfds_splits("tiny_ko_en", prepared) == ["train", "validation"]


def test_a_dataset_that_pairs_no_texts(prepared: Path, tmp_path: Path) -> None:
    for name in ("tiny_labels", "tiny_unpaired"):
        with refusal(name, "does not pair one text with another"):
            from_tfds(name, "train", prepared)
    with refusal("'mnist' does not pair"):
        from_tfds("mnist", "train", tmp_path)
    assert not list(tmp_path.iterdir()), "nothing was downloaded to find that out"


def test_a_split_that_does_not_exist_or_is_empty(prepared: Path) -> None:
    with refusal("no split 'validatoin'", "Did you mean 'validation'?"):
        from_tfds("tiny_ko_en", "validatoin", prepared)
    for split in ("train[", "", "train[:5", "dev[:3]"):
        with refusal(f"no split {split!r}"):
            from_tfds("tiny_ko_en", split, prepared)
    with refusal("'train[:0]'", "is empty"):
        from_tfds("tiny_ko_en", "train[:0]", prepared)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tiny_koen", "Did you mean 'tiny_ko_en'?"),
        ("ted_hrl_translate/pt_to_en", "Did you mean 'ted_hrlr_translate'?"),
        ("ted_hrlr_translate/pt_to_enn", "Did you mean 'pt_to_en'?"),
        ("xyz", "Known: "),
        ("no such name!", "cannot be opened"),
        ("", "cannot be opened"),
    ],
)
def test_a_dataset_that_does_not_exist(prepared: Path, name: str, hint: str) -> None:
    with refusal(name, hint):
        from_tfds(name, "train", prepared)


def test_a_download_that_fails_ends_soon_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    with refusal("'unreachable_translate/ko-en' is not prepared", tmp_path, "127.0.0.1", "--data-dir"):
        from_tfds("unreachable_translate/ko-en", "train", tmp_path)
    assert time.monotonic() - began < 10, "TFDS alone would try for minutes"
    assert capsys.readouterr().out == ""
    assert not caplog.records
    assert not list(tmp_path.rglob("dataset_info.json"))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnreachableTranslate, "fails_with", ModuleNotFoundError("No module named 'x'", name="bs4"))
    with refusal("pip install bs4"):
        tfds_splits("unreachable_translate/ko-en", tmp_path)


# TranslateFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"ko.train": "가\n나\n다\n", "en.train": "a\nb\nc\n", "ko.test": "라\n", "en.test": "d\n"}
    for name, text in files.items():
        write(tmp_path / f"{name}.txt", text)
    return tmp_path


def test_a_translate_folder_reads_as_tfds_reads_it(folder: Path) -> None:
    corpus = from_tfds("translate_folder/ko-en", "train", folder)
    theirs = tfds.TranslateFolder(str(folder)).as_dataset(split="train")
    assert in_graph(corpus) == [(pair["ko"].decode(), pair["en"].decode()) for pair in tfds.as_numpy(theirs)]
    assert list(corpus.pairs()) == [("가", "a"), ("나", "b"), ("다", "c")]
    assert list(from_tfds("translate_folder/en-ko", "test", folder).pairs()) == [("d", "라")]
    assert tfds_splits("translate_folder/ko-en", folder) == ["test", "train"]


def test_a_translate_folder_keeps_lines_together_where_tfds_does_not(folder: Path) -> None:
    write(folder / "ko.train.txt", "가\u2028나\n다\n")
    write(folder / "en.train.txt", "ab\nc\n")
    write(folder / "README.md", "Files that are not of the layout are left alone.")
    corpus = from_tfds("translate_folder/ko-en", "train", folder)
    assert list(corpus.pairs()) == in_graph(corpus) == [("가\u2028나", "ab"), ("다", "c")]


def test_what_a_translate_folder_refuses(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    for name, split, data_dir, words in [
        ("translate_folder/ko-en", "train", None, "--data-dir"),
        ("translate_folder/ko-en", "train", empty, "LANGUAGE.SPLIT.txt"),
        ("translate_folder/ko-en", "train", empty / "missing", "cannot be read"),
        ("translate_folder/ko-en", "dev", folder, "no split 'dev'"),
        ("translate_folder/ko-enn", "train", folder, "Did you mean 'ko-en'?"),
        ("translate_folder/ko-ko", "train", folder, "SOURCE-TARGET"),
        ("translate_folder", "train", folder, "Known: en-ko, ko-en."),
    ]:
        with refusal(words):
            from_tfds(name, split, data_dir)


# The graph holds no Python


def test_no_python_runs_in_any_dataset(folder: Path, prepared: Path) -> None:
    corpora = [
        from_tsv(write(folder / "x.tsv", "a\tb\nc\td\n")),
        from_tfds("translate_folder/ko-en", "train", folder),
        from_tfds("tiny_ko_en", "train", prepared),
    ]
    for corpus in [part for whole in corpora for part in (whole, *split_dev(whole))]:
        assert "PyFunc" not in operations(corpus.dataset())
        assert corpus.dataset().element_spec == (tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.string))
    control = corpora[0].dataset().map(lambda source, _: tf.py_function(lambda text: text, [source], tf.string))
    assert "PyFunc" in operations(control), "the test can see Python where there is some"


def test_half_a_surrogate_pair_is_refused_with_the_number_of_its_pair() -> None:
    with pytest.raises(InputError, match=r"Pair 2 of the pairs holds half a surrogate pair, U\+D83D"):
        from_pairs([("a", "b"), ("a\ud83d", "b")])
