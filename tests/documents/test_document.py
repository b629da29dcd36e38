"""Documents whose sentences are translated by a stand-in, so that what is around them shows."""

import json
from collections.abc import Sequence

from test_sentences import LETTER

from nmt.documents.document import DocumentTranslation, translate_document, translate_texts
from nmt.translation import Translation


def marked(texts: list[str]) -> list[Translation]:
    return [Translation(f"<{text}>", -1.0) for text in texts]


def narrow(limit: int) -> "Narrow":
    return Narrow(limit)


class Narrow:
    """A model that reads a few characters."""

    def __init__(self, limit: int) -> None:
        self.limit, self.asked = limit, 0

    def __call__(self, texts: Sequence[str]) -> list[Translation]:
        self.asked += len(texts)
        return [Translation(text[: self.limit].upper(), 0.0, source_truncated=len(text) > self.limit) for text in texts]


def test_what_is_between_sentences_stays() -> None:
    found = translate_document(LETTER, marked)
    assert found.text.replace("<", "").replace(">", "") == LETTER.replace(">", "")
    assert found.text.startswith(
        "<제목>\n\n<안녕하세요.> <저는 서울에 삽니다!> <정말요?>\r\n  - <첫째 항목>\n  2) <둘째.>"
    )
    for each in found.sentences:
        assert found.text[each.target_start : each.target_end] == f"<{LETTER[each.start : each.end]}>"


def test_a_blank_document_and_one_without_letters() -> None:
    for text in ("", "\n\n", "***\r\n  \n---"):
        assert translate_document(text, marked) == DocumentTranslation(text, text, ())


def test_a_sentence_that_is_too_long_is_cut_and_nothing_is_lost() -> None:
    text = "I ate rice, you ate bread, and they ate nothing at all because of the rain. Ok."
    model = narrow(23)
    found = translate_document(text, model)
    assert found.text == text.upper()
    assert [each.cut for each in found.sentences] == [True] * (len(found.sentences) - 1) + [False]
    # A word that no cut can make short enough is told, and not cut for ever.
    assert translate_document("abcdefgh", narrow(3)).sentences[0].translation.source_truncated


def test_records_count_from_the_start_of_the_document() -> None:
    first, second = translate_texts(["I ate. ", "You  ate?"], lambda some: [Translation(s.upper(), 0.5) for s in some])
    (record,) = second.records(8, 8, ["text", "score"])
    whole = "I ate. \nYou  ate?"
    assert json.loads(json.dumps(record)) == {
        "source": "You  ate?", "start": 8, "end": 17, "target_start": 8, "target_end": 17, "text": "YOU  ATE?",
        "source_words": [[8, 11], [13, 17]], "target_words": [[8, 11], [13, 17]], "cut": False, "score": 0.5,
    }  # fmt: skip
    assert [whole[start:end] for start, end in record["source_words"]] == ["You", "ate?"]
    assert first.records()[0]["end"] == 6


def test_spaces_between_sentences_are_those_of_the_target() -> None:
    into = {"我吃了。": "I ate.", "你呢？": "You?", "I ate.": "我吃了。", "You?": "你呢？"}
    translate = lambda some: [Translation(into[each], 0.0) for each in some]  # noqa: E731
    assert translate_document("我吃了。你呢？\n", translate).text == "I ate. You?\n"
    assert translate_document("I ate. You?\n", translate).text == "我吃了。你呢？\n"
