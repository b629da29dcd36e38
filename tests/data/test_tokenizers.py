"""Text becomes pieces and comes back, in the graph as in the sentencepiece package."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import keras
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data.sentencepiece_model import ModelProto
from nmt.data.tokenizers import BOS, EOS, PAD, UNK, Tokenizer, Tokenizers, fitting_size, train_tokenizers
from nmt.errors import InputError

PEOPLE = {"민아": "Mina", "준호": "Juno", "소라": "Sora"}
THINGS = {"밥을": "rice", "물을": "water", "차를": "tea", "책을": "a book"}
ACTS = {"먹는다": "eats", "본다": "sees", "산다": "buys"}
PAIRS = [
    (f"{who} {what} {act}.", f"{PEOPLE[who]} {ACTS[act]} {THINGS[what]}.")
    for who in PEOPLE
    for what in THINGS
    for act in ACTS
]
KINDS = ["unigram", "bpe", "char", "word"]
LETTERS = sorted({c for pair in PAIRS for side in pair for c in side} - {" "})
LATIN = [c for c in LETTERS if c.isascii()]


@pytest.fixture(scope="module")
def texts() -> dict[str, Tokenizers]:
    return {kind: train_tokenizers(PAIRS, kind) for kind in KINDS}


def back_and_forth(tokenizer: Tokenizer, text: str) -> str:
    return tokenizer.decode(tokenizer.encode(tf.constant([text.encode()]))).numpy()[0].decode()


def package(model: bytes) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=model)


# There and back


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_comes_back(texts: dict[str, Tokenizers], kind: str) -> None:
    for pair in PAIRS:
        for text in pair:
            assert back_and_forth(texts[kind].source, text) == text


@pytest.mark.parametrize(("rules", "form"), [("nfc", "NFC"), ("nmt_nfkc", "NFKC")])
@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_text_of_known_letters_comes_back_in_its_normal_form(
    kind: str, rules: str, form: Literal["NFC", "NFKC"]
) -> None:
    tokenizer = train_tokenizers(PAIRS, kind, normalization=rules).source
    wide = [chr(ord(c) + 0xFEE0) for c in LATIN if c.isalnum()] if form == "NFKC" else []

    @settings(max_examples=60, deadline=None)
    @given(st.text(st.sampled_from([*LETTERS, *wide, " ", "\u3000"])))
    def check(text: str) -> None:
        # White space of every kind is a space for both.
        assert back_and_forth(tokenizer, text) == " ".join(unicodedata.normalize(form, text).split())

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_hangul_in_single_letters_is_the_same_text(texts: dict[str, Tokenizers], kind: str) -> None:
    text = PAIRS[0][0]
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    assert back_and_forth(texts[kind].source, apart) == text


def test_a_letter_never_seen_is_unknown(texts: dict[str, Tokenizers]) -> None:
    ids = texts["char"].source.encode(tf.constant(["Mina ж"])).to_list()[0]
    assert ids[-1] == UNK
    assert UNK not in ids[:-1]


# The graph and the package agree


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_gives_the_ids_of_the_package(texts: dict[str, Tokenizers], kind: str) -> None:
    tokenizer = texts[kind].source
    processor = package(tokenizer.model)
    words = st.sampled_from([word for pair in PAIRS for side in pair for word in side.split()])
    known = st.lists(words, min_size=1, max_size=7).map(" ".join)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(known | st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
    def check(lines: list[str]) -> None:
        ids = tokenizer.encode(tf.constant([line.encode() for line in lines])).to_list()
        assert ids == [processor.encode(line) for line in lines]
        decoded = [text.decode() for text in tokenizer.decode(tf.ragged.constant(ids, tf.int32, ragged_rank=1)).numpy()]
        assert decoded == [processor.decode(row) for row in ids]

    check()


def test_pieces_spell_the_text(texts: dict[str, Tokenizers]) -> None:
    tokenizer = texts["bpe"].source
    ids = tokenizer.encode(tf.constant(["Mina sees rice."])).to_list()[0]
    pieces = tokenizer.pieces(ids)
    assert pieces == package(tokenizer.model).encode("Mina sees rice.", out_type=str)
    assert "".join(pieces) == "▁Mina▁sees▁rice."


def test_a_tokenizer_outlives_a_new_seed() -> None:
    tokenizer = train_tokenizers(PAIRS).source
    traced = tf.function(tokenizer.encode)
    sentence = tf.constant(["Mina sees rice."])
    before = traced(sentence).to_list()
    keras.utils.set_random_seed(3)
    assert traced(sentence).to_list() == before
    assert tokenizer.encode(sentence).to_list() == before


# Vocabularies


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("joint", [True, False])
def test_four_ids_are_fixed(kind: str, joint: bool) -> None:
    tokenizers = train_tokenizers(PAIRS, kind, joint=joint)
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    for tokenizer in (tokenizers.source, tokenizers.target):
        assert tokenizer.pieces(range(4)) == ["<pad>", "<unk>", "<s>", "</s>"]
        assert tokenizer.vocabulary == package(tokenizer.model).get_piece_size()


def test_one_vocabulary_or_two() -> None:
    together, apart = train_tokenizers(PAIRS, joint=True), train_tokenizers(PAIRS, joint=False)
    assert together.joint
    assert together.source is together.target
    assert not apart.joint
    hangul = tf.constant(["민아"])
    assert UNK not in together.target.encode(hangul).to_list()[0]
    assert UNK not in apart.source.encode(hangul).to_list()[0]
    assert UNK in apart.target.encode(hangul).to_list()[0]


@pytest.mark.parametrize(("kind", "size"), [("unigram", 43), ("bpe", 53), ("char", 23), ("word", 13)])
def test_a_vocabulary_has_the_size_that_was_asked_for(kind: str, size: int) -> None:
    assert train_tokenizers(PAIRS, kind, size).source.vocabulary == size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("joint", "name"), [(True, "the text"), (False, "the source text")])
def test_too_large_a_vocabulary_is_refused_with_the_largest_possible(kind: str, joint: bool, name: str) -> None:
    with pytest.raises(InputError, match=rf"text.vocabulary_size = 9999 is larger than {name} allows") as caught:
        train_tokenizers(PAIRS, kind, 9999, joint)
    most = int(str(caught.value).partition("which is ")[2].partition(".")[0])
    sides = [[side for pair in PAIRS for side in pair]] if joint else [[source for source, _ in PAIRS]]
    alone = [(side, side) for side in sides[0]]
    assert train_tokenizers(alone, kind, most).source.vocabulary == most
    with pytest.raises(InputError, match="is larger than"):
        train_tokenizers(alone, kind, most + 1)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_too_small_a_vocabulary_is_refused_with_the_number_of_letters(kind: str) -> None:
    # The letters of the corpus, the sign for a space, and the four fixed ids.
    least = len(LETTERS) + 1 + 4
    with pytest.raises(InputError, match=r"text.vocabulary_size = 11 is too small") as caught:
        train_tokenizers(PAIRS, kind, 11)
    # Whether the message counts the fixed ids is its own affair.
    assert {str(least), str(least - 4), str(least - 5)} & set(re.findall(r"\d+", str(caught.value)))
    with pytest.raises(InputError, match=rf"text.vocabulary_size = {least - 1} is too small"):
        train_tokenizers(PAIRS, kind, least - 1)
    assert train_tokenizers(PAIRS, kind, least).source.vocabulary == least


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize(
    "pairs",
    [[], [("", "")], [("", ""), ("", "")], [(" ", "\t")], [("x" * 5000, "y" * 5000)]],
    ids=["no pair", "empty", "two empty", "blank", "too long a line"],
)
def test_text_without_a_line_that_can_be_used(pairs: list[tuple[str, str]], joint: bool) -> None:
    with pytest.raises(InputError, match=r"No vocabulary can be learned: .* has no line with text"):
        train_tokenizers(pairs, joint=joint)


def test_a_side_without_text_is_named() -> None:
    with pytest.raises(InputError, match="the target text has no line"):
        train_tokenizers([("Mina", ""), ("Juno", "")], joint=False)


lines = st.lists(st.text(st.sampled_from("abcdefgh한글물 "), max_size=23), max_size=29)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(some=lines, more=lines)
def test_more_text_never_wants_fewer_pieces(kind: str, some: list[str], more: list[str]) -> None:
    assert fitting_size(some, kind) <= fitting_size(some + more, kind)


def test_the_number_of_pieces_grows_with_the_root_of_the_words() -> None:
    def words(count: int) -> Iterator[str]:
        return (str(number) for number in range(count))

    # 2000 * sqrt(words / 100,000): 2,000 at 100,000 words and twice that at four times as many.
    assert fitting_size(words(100_000), "unigram") == 2000
    assert fitting_size(words(400_000), "bpe") == 4000
    # Two letters and the space: 2 * 3 + 8.
    assert fitting_size(["ab ba"], "char") == 14
    # Two words and the four fixed ids.
    assert fitting_size(["ab ba ab"], "word") == 6


# Files


@pytest.mark.parametrize(
    ("joint", "names"), [(True, ["joint.spm.model"]), (False, ["source.spm.model", "target.spm.model"])]
)
def test_saved_text_is_the_same_when_loaded(tmp_path: Path, joint: bool, names: list[str]) -> None:
    tokenizers = train_tokenizers(PAIRS, "bpe", joint=joint)
    tokenizers.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    loaded = Tokenizers.load(tmp_path, joint)
    assert loaded.joint is joint
    assert (loaded.source.model, loaded.target.model) == (tokenizers.source.model, tokenizers.target.model)
    for side in ("source", "target"):
        before, after = getattr(tokenizers, side), getattr(loaded, side)
        sentences = tf.constant([pair[side == "target"] for pair in PAIRS])
        assert before.encode(sentences).to_list() == after.encode(sentences).to_list()


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char", "word"])
def test_the_same_pairs_give_the_same_bytes(kind: str) -> None:
    """Models of other seeds work together: their vocabularies are the same, and say nothing of where they were made."""
    first, second = (train_tokenizers(PAIRS, kind).source for _ in range(2))
    assert first.model == second.model and first.same_vocabulary(second)
    assert b"rules.tsv" not in first.model
    # An earlier version left the path of the rules in it, in a folder of another name each time.
    before = []
    for folder in ("a", "b"):
        made = ModelProto.FromString(first.model)
        made.normalizer_spec.normalization_rule_tsv = f"/tmp/{folder}/rules.tsv"
        before.append(Tokenizer(made.SerializeToString()))
    assert (
        before[0].model != before[1].model and before[0].same_vocabulary(before[1]) and first.same_vocabulary(before[0])
    )
    assert not first.same_vocabulary(train_tokenizers(PAIRS[:3], kind).source)


@pytest.mark.parametrize("missing", ["joint", "source", "target"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    train_tokenizers(PAIRS, joint=missing == "joint").save(tmp_path)
    (tmp_path / f"{missing}.spm.model").unlink()
    with pytest.raises(InputError, match=f"{missing}.spm.model cannot be read"):
        Tokenizers.load(tmp_path, missing == "joint")


def fields(model: bytes) -> Iterator[int]:
    """Where each field of the file ends: it is a protocol buffer, all of whose fields have a length."""
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = model[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(model):
        number()
        length = number()
        place += length
        yield place


def cuts(model: bytes) -> dict[str, int]:
    """Places to cut, the hardest to notice being those where the rest is still a whole message."""
    ends = list(fields(model))
    assert ends[-1] == len(model)
    return {
        "to nothing": 0,
        "to one byte": 1,
        "inside a piece": ends[9] - 1,
        "after a piece": ends[9],
        "after the pieces": ends[-3],
        "before the normalisation": ends[-2],
        "inside the normalisation": ends[-2] + 1000,
        "by one byte": len(model) - 1,
    }


@pytest.mark.parametrize(
    "place",
    [
        "to nothing",
        "to one byte",
        "inside a piece",
        "after a piece",
        "after the pieces",
        "before the normalisation",
        "inside the normalisation",
        "by one byte",
    ],
)
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, place: str) -> None:
    tokenizers = train_tokenizers(PAIRS)
    path = tmp_path / "joint.spm.model"
    path.write_bytes(tokenizers.source.model[: cuts(tokenizers.source.model)[place]])
    with pytest.raises(InputError, match=r"joint.spm.model is damaged"):
        Tokenizers.load(tmp_path, True)


def test_a_model_with_a_piece_that_is_no_text_is_refused() -> None:
    model = train_tokenizers(PAIRS, "unigram", 40).target.model
    piece = "먹".encode() if "먹".encode() in model else b"ate"
    broken = model.replace(piece, b"\xff" * len(piece))
    assert broken != model
    with pytest.raises(InputError, match="one of its pieces is no text"):
        Tokenizer(broken)


def test_a_model_with_other_ids_is_refused(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.write_text("".join(f"{target}\n" for _, target in PAIRS), encoding="utf-8")
    # SentencePiece's own ids: <unk> 0, <s> 1, </s> 2, no <pad>.
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(tmp_path / "foreign"), vocab_size=29, hard_vocab_limit=False, minloglevel=2
    )
    with pytest.raises(InputError, match=r"are \(-1, 0, 1, 2\), not \(0, 1, 2, 3\)"):
        Tokenizer((tmp_path / "foreign.model").read_bytes())


# Words


def spelt(tokenizer, text):
    return tuple(tokenizer.pieces(tokenizer.encode([text]).to_list()[0]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("na neun", ["na", "neun"]),
        ("  na  neun ", ["na", "neun"]),
        ("na\r\nneun", ["na", "neun"]),
        # Characters that normalisation drops, splits at or changes, and one that no piece spells.
        ("na \u200b neun", ["na", "\u200b", "neun"]),
        ("na\u00b4s neun", ["na\u00b4s", "neun"]),
        ("n\uff41 neun", ["n\uff41", "neun"]),
        ("na 漢字 neun", ["na", "漢字", "neun"]),
        # Words stand between plain spaces, whatever SentencePiece takes for a space.
        ("na\u00a0neun\u3000na bap", ["na\u00a0neun\u3000na", "bap"]),
        ("\u00a0na neun\u00a0", ["\u00a0na", "neun\u00a0"]),
        ("na\tneun \t bap", ["na\tneun", "\t", "bap"]),
        ("\u2026 na", ["\u2026", "na"]),
    ],
)
@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_words_are_those_of_the_text(kind, text, words):
    tokenizer = train_tokenizers([("na neun bap", "neun bap mul")] * 9, kind, "auto").source
    pieces = spelt(tokenizer, text)
    found = tokenizer.words(text, pieces)
    assert list(found.words) == words
    assert len(found.places) == len(pieces)
    assert list(found.places) == sorted(found.places)
    # What the pieces of each word spell has its letters.
    for place, word in enumerate(words):
        letters = "".join(piece for piece, own in zip(pieces, found.places, strict=True) if own == place)
        assert ("na" in letters) == ("na" in unicodedata.normalize("NFKC", word)) or "<unk>" in letters


def test_words_past_the_pieces_are_left_out():
    tokenizer = train_tokenizers([("na neun bap", "neun bap mul")] * 9, "char", "auto").source
    pieces = spelt(tokenizer, "na neun bap")
    assert tokenizer.words("na neun bap", pieces[:4]).words == ("na", "neun")
    assert tokenizer.words("na neun bap", ()).words == ()


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_every_piece_of_any_text_has_a_word(text):
    pieces = spelt(ANY, text)
    found = ANY.words(text, pieces)
    assert len(found.places) == len(pieces)
    assert all(0 <= place < len(found.words) for place in found.places)


ANY = train_tokenizers([("na neun bap", "neun bap mul")] * 9, "unigram", "auto").source


def test_words_that_cannot_be_written_are_counted() -> None:
    tokenizer = train_tokenizers([("go on", "10 é")] * 9, "char", normalization="nmt_nfkc").target
    assert tokenizer.changed_words(["go e\u0301 10²", "✓ go", "✓"]) == {"10²": 1, "✓": 2}
    # Of "2" the vocabulary has no piece either, so "10²" is both; only normalisation changes "①", which becomes "1".
    assert [tokenizer.lacks(word) for word in ("go", "10²", "✓", "①")] == [False, True, True, False]
    assert [tokenizer.keeps(word) for word in ("go", "10²", "✓", "①")] == [True, False, True, False]


@pytest.mark.parametrize(("kind", "sampling"), [("bpe", 0.3), ("unigram", 0.1)])
def test_a_seed_repeats_the_pieces_that_are_drawn(kind: str, sampling: float) -> None:
    """Each text still spells the same, the pieces vary, and they depend on the seed alone."""
    words = [f"{stem}{end}" for stem in ("walk", "play", "open", "visit") for end in ("", "s", "ed", "ing", "er")]
    tokenizer = train_tokenizers([(word, word) for word in words for _ in range(9)], kind, 30).source
    texts = tf.constant(words)
    seeds = ([7, 1], [7, 2], [7, 1], [1, 7])
    drawn = [tokenizer.sample(texts, sampling, tf.constant(seed, tf.int64)) for seed in seeds]
    one, other, again, turned = (found.to_list() for found in drawn)
    assert one == again
    assert one not in (other, turned) and other != turned
    for found in drawn:
        assert tokenizer.decode(found).numpy().tolist() == texts.numpy().tolist()


def test_a_seed_repeats_the_noise_and_nothing_becomes_unknown() -> None:
    tokenizer = train_tokenizers([("ein mann kommt .", "A")] * 9, "char").source
    texts = tf.constant(["ein mann kommt .", "mann kommt ."] * 50)
    seeds = ([7, 1], [7, 2], [7, 1])
    one, other, again = (
        tokenizer.noisy(texts, 0.4, tf.constant(seed, tf.int64), 99).numpy().tolist() for seed in seeds
    )
    assert one == again != other
    changed = [text.decode() for text, before in zip(one, texts.numpy().tolist(), strict=True) if text != before]
    assert 25 <= len(changed) <= 55
    # Capitals are not in the vocabulary, alone or in one unknown piece with what was unknown before.
    assert not any(tokenizer.ids(text).count(UNK) for text in changed)
    for seed in range(30):
        for text in ("ein ß kommt .", "☃kommt"):
            rare = tokenizer.noisy(tf.constant([text]), 1.0, tf.constant([seed], tf.int64), 99).numpy()[0].decode()
            assert rare != text and rare.lower() == rare and rare.count("ß") + rare.count("☃") == 1
    # Only what leaves the mark out is short enough.
    shorter = tokenizer.noisy(texts, 1.0, tf.constant([7], tf.int64), len(tokenizer.ids("mann kommt")))
    assert set(shorter.numpy().tolist()) - set(texts.numpy().tolist()) == {b"mann kommt"}
    linked = tokenizer.noisy(texts, 1.0, tf.constant([7], tf.int64), 99, same_words=True).numpy().tolist()
    assert [len(text.split()) for text in linked] == [4, 3] * 50 and linked != texts.numpy().tolist()


def test_pieces_have_places_and_some_begin_words(texts: dict[str, Tokenizers]) -> None:
    text = "민아 밥을  먹는다."
    for kind in ("unigram", "bpe", "char"):
        source = texts[kind].source
        places = source.places(text)
        assert len(places) == len(source.ids(text))
        letters = [i for start, end in places for i in range(start, end) if text[i] != " "]
        assert letters == [i for i, letter in enumerate(text) if letter != " "]
    target = texts["unigram"].target
    starts = dict(zip(target.pieces(range(target.vocabulary)), target.starts(), strict=True))
    assert starts["."] and starts["</s>"] and all(starts[piece] for piece in starts if piece.startswith("▁"))
    assert not all(starts.values())
    words = texts["word"].target
    assert {"mina", "eats"} <= words.frequent() and len(words.frequent(2)) == 2


def test_a_word_of_a_script_without_spaces_has_none_before_it() -> None:
    pairs = [(f"{a} {b}", f"{a}吃{b}") for a in "我你他" for b in ("米饭", "面包", "苹果", "鱼")]
    target = train_tokenizers(pairs, "unigram", joint=False).target
    assert target.spelt([*target.ids("我"), *target.inner_ids("米饭")]) == "我米饭"
    assert UNK in target.inner_ids("狗")
    assert all(target.starts())


def test_a_folder_may_be_named_by_a_string(tmp_path):
    tokenizers = train_tokenizers([("ab", "ba"), ("a", "b")], "char")
    tokenizers.save(str(tmp_path))
    assert Tokenizers.load(str(tmp_path), joint=True).source.ids("ab") == tokenizers.source.ids("ab")
