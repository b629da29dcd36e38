"""Markup and glossaries in JavaScript are those of the package, of many cases, in one process of Node."""

import html
import html.entities
import json
import random
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from node import needs_node, run_node

from nmt import browser
from nmt.documents.parts import spelled
from nmt.documents.sentences import Place
from nmt.errors import InputError
from nmt.evaluation.alignment import Words
from nmt.inference.glossary import Glossary
from nmt.inference.terms import replaced
from nmt.markup.links import Links, joined, links_of
from nmt.markup.placing import placed
from nmt.markup.reading import read
from nmt.markup.translate import translate_marked
from nmt.translation import Translation

pytestmark = needs_node

PROGRAM = """
import { readFileSync } from "node:fs";
const [folder, file] = process.argv.slice(2);
const from = (name) => import(`${folder}/${name}.mjs`);
const { readMarked, spelledParts } = await from("marked");
const { ENTITIES } = await from("entities");
const { linksOf, joinedLinks } = await from("links");
const { placedMarks } = await from("placing");
const { translatedWithMarks } = await from("markup");
const { Glossary, withGlossary, withTerms } = await from("glossary");
const given = JSON.parse(readFileSync(file, "utf-8"));
const said = (call) => { try { return call(); } catch (error) { return error.message; } };

const reading = given.reading.map(([text, form]) => {
  const { letters, marks, kept, broken, rest } = readMarked(text, form);
  const fields = ["start", "end", "opening", "closing", "parent", "before", "after", "breaks"];
  return [letters.join(""), marks.map((each) => fields.map((name) => each[name])), [...kept], broken, rest];
});
const linking = given.linking.map(([text, one]) => {
  const { source, target, weights } = linksOf([...text], one);
  return [source, target, weights];
});
const placing = given.placing.map(([text, target, source, units, weights]) => {
  const marked = readMarked(text, "html");
  const links = joinedLinks([{ source, target: units, weights }]);
  return spelledParts(placedMarks(marked, [...target], links), marked, "html");
});
// The model of the tests: words turned around, each as it says.
const translating = [];
for (const { text, form, known, standIns, bySentence } of given.translating) {
  const translate = async (sentence) => {
    const words = sentence.split(" ").filter(Boolean);
    const written = words.map((word) => (known ? known[word] ?? "?" : word.toUpperCase())).reverse();
    const alignment = words.map((_, j) => [...words.map((__, i) => Number(i === words.length - 1 - j)), 0]);
    return { text: written.join(" "), score: -words.length, tokens: written.map((word) => `▁${word}`),
      sourceTokens: words.map((word) => `▁${word}`), sourceWords: null, targetWords: null, alignment };
  };
  const how = { form, translate, standIns, fits: () => true, bySentence, aligned: true };
  const found = await translatedWithMarks(text, how);
  translating.push([found.text, found.broken]);
}
const terms = given.terms.map(([tsv, text, one, frequent]) => said(() => {
  const glossary = Glossary.read(tsv);
  const found = glossary.find([...text]);
  return [found.map(({ start, end, term }) => [start, end, term.target, term.exact]),
    glossary.missing([...text], one.text).map(({ source }) => source),
    withTerms([...text], one, found, new Set(frequent))?.text ?? null];
}));
// A term of two words inside a tag, one inside a word with a sign, and one that is there already.
const glossary = Glossary.read(given.glossary);
const applying = [];
for (const text of given.applying) {
  const written = { 나는: "I", "밥을": "rice", "공원에": "park.", 먹었다: "ate" };
  const translate = async (sentence) => {
    const words = sentence.split(" ");
    const target = words.map((word) => written[word]);
    const one = { text: target.join(" "), score: -1, tokens: target.map((word) => `▁${word}`),
      sourceTokens: words.map((word) => `▁${word}`), sourceWords: null, targetWords: null,
      alignment: words.map((_, j) => Float32Array.from([...words.map((__, i) => Number(i === j)), 0])) };
    return withGlossary(glossary, [...sentence], [one], new Set(["the"])).translations[0];
  };
  const how = { form: "html", translate, standIns: [], fits: () => true, aligned: true };
  const found = await translatedWithMarks(text, how);
  const [{ tokens, targetWords, score, freeScore }] = found.sentences;
  applying.push([found.text, tokens, targetWords.places, score, freeScore ?? null]);
}
const entities = Object.fromEntries(ENTITIES);
console.log(JSON.stringify({ applying, entities, reading, linking, placing, translating, terms }));
"""
HOSTILE = """
const from = (name) => import(`${process.argv[2]}/${name}.mjs`);
const { readMarked } = await from("marked");
const { joinedLinks } = await from("links");
const { placedMarks } = await from("placing");
const { wordPlaces } = await from("letters");
const used = () => process.cpuUsage().user / 1e6;
const begun = used();
for (const part of JSON.parse(process.argv[3])) {
  for (const text of [part.repeat(60_000 / part.length), `%${part.repeat(60_000 / part.length)}1a!`]) {
    for (const form of ["html", "xml", "text"]) {
      try { readMarked(text, form); } catch (error) { if (!error.message.startsWith("It has more")) throw error; }
    }
  }
}
const read = used();
for (const source of ["<b>a</b> ".repeat(1000), "a <br/> ".repeat(1000), "a<b>b</b> ".repeat(500)]) {
  const marked = readMarked(source, "html");
  const places = wordPlaces(marked.letters);
  const target = [..."AB ".repeat(places.length).trim()];
  const weights = places.map((_, j) => places.map((__, i) => 0.001 + Number(i === places.length - 1 - j)));
  const links = { source: places, target: wordPlaces(target), weights };
  const parts = placedMarks(marked, target, joinedLinks([links]));
  const placed = parts.filter(({ kind }) => kind === "break" || kind === "opening");
  if (placed.length !== marked.marks.length) throw new Error("marks were lost");
}
console.log(JSON.stringify([read - begun, used() - read]));
"""
PARTS = (
    "나는", "밥을", "ate", "I", "{name}", "%s", "42", "1,000.5", "https://a.b/c?d=(e)&amp;f", "a.b@c.de", " ",
    " ", "  ", "<b>", "</b>", "<i class='x>y'>", "</i>", "<br>", "<br/>", "<img src=a>",
    "<code>x < <b>y</b></code>", "</p>", ".", "?", "&lt;", "&amp;amp;", "&eacute", "&notit;", "&#x41;",
    "&#150;", "&#0;", "<!-- c -->", "<!-- open", "\U0001f600", "\U000f0000", "\ue000", "H2O", "<sub>", "</sub>",
    "<span translate=no>z</span>", "<x/>", "<![CDATA[a>b]]>", "<?p?>", "<ph id='1'>q</ph>", "&foo;", "\u00a0",
    "$5", "{{ x | y }}", "%(n)d", "%5.2f", "1:30", "1,2a", "饭", "吃了", "\t", "\n", "Straße", "\x85",
)  # fmt: skip
FORMS = ("html", "xml", "text")


def made(number: int, most: int, seed: int) -> list[str]:
    draws = random.Random(seed)
    return ["".join(draws.choices(PARTS, k=draws.randint(0, most))) for _ in range(number)]


def words(text: str) -> list[Place]:
    found, start = [], 0
    for word in text.split(" "):
        if word:
            found.append(Place(start, start + len(word)))
        start += len(word) + 1
    return found


def rounded(found: Any) -> Any:
    return json.loads(json.dumps(found))


def pieces(text: str, draws: random.Random) -> tuple[str, ...]:
    cut: list[str] = []
    for word in text.split():
        at = draws.randint(1, len(word))
        cut += [f"▁{word[:at]}", *([word[at:]] if word[at:] else [])]
    return tuple(cut)


def drawn(texts: Sequence[str], draws: random.Random) -> list[tuple[str, Translation]]:
    """Texts with translations: some of scripts without spaces, some whose pieces do not spell them."""
    found = []
    for text in texts:
        target = draws.choice(["I ate rice at home.", "我吃了 好的饭。", "", "the green tea is an apple", "A 👍🏽 b"])
        read_as, written = pieces(text, draws), pieces(target, draws)
        if draws.random() < 0.2:
            read_as = read_as[1:]
        if draws.random() < 0.2:
            written = (*written, "▁more")
        weights = [
            np.random.default_rng(len(found)).dirichlet(np.ones(len(read_as) + 1) * 0.2).tolist() for _ in written
        ]
        for row in weights:
            draws.shuffle(row)
        known = Words(tuple(text.split()), tuple(min(i, len(text.split()) - 1) for i in range(len(read_as))))
        use = bool(text.split()) and draws.random() < 0.3
        found.append(
            (
                text,
                Translation(
                    target,
                    score=-1.0,
                    source_tokens=read_as,
                    tokens=written,
                    alignment=weights,
                    source_words=known if use else None,
                ),
            )
        )
    return found


def for_node(one: Translation) -> dict[str, Any]:
    known = one.source_words and {"words": one.source_words.words, "places": one.source_words.places}
    return {
        "text": one.text, "score": one.score, "sourceTokens": one.source_tokens, "tokens": one.tokens,
        "alignment": one.alignment, "sourceWords": known, "targetWords": None,
    }  # fmt: skip


def turned(known: dict[str, str] | None) -> Any:
    """The model of the program above."""

    def translate(sentences: list[str]) -> list[Translation]:
        found = []
        for sentence in sentences:
            given = [word for word in sentence.split(" ") if word]
            written = [known.get(word, "?") if known is not None else word.upper() for word in given][::-1]
            tokens = tuple(f"▁{word}" for word in given), tuple(f"▁{word}" for word in written)
            weights = np.eye(len(given), len(given) + 1)[::-1]
            found.append(Translation(" ".join(written), -float(len(given)), *tokens, weights))
        return found

    return translate


def sentence_by_sentence(text: str, form: Any, translate: Any, stand_ins: Sequence[str]) -> Any:
    """Sentences as a browser finds those of plain texts: after their full stops."""

    def split(language: str, paragraph: str) -> list[str]:
        parts = paragraph.split(". ")
        return [*(f"{part}. " for part in parts[:-1]), parts[-1]]

    return translate_marked([text], translate=translate, form=form, language="en", splitter=split, stand_ins=stand_ins)[
        0
    ]


APPLYING = ["나는 <b>밥을</b> 먹었다", "나는 <i>공원에</i>", "나는 먹었다"]
APPLIED = [
    ["I <b>cooked rice</b> ate", ["▁I", "▁cooked", "▁rice", "▁ate"], [0, 1, 2, 3], None, -1],
    ["I <i>the zoo</i>.", ["▁I", "▁the", "▁zoo."], [0, 1, 2], None, -1],
    ["I ate", ["▁I", "▁ate"], [0, 1], -1, None],
]
SENTENCES = (
    "I ate <b>rice</b>. You <i>ate. They {n}</i> slept.<br>",
    "<b>One 42 two</b>. A &lt; B %s. Then <code>x</code> y",
    "See {a} now. Then <i>{b}</i> c.  <b>D</b> <img>",
)
TERMS = (
    "사과\torange\n밥\tcooked rice\nNew York\t뉴욕\nApple\t애플\texact\napple\t사과\tany\n苹果\tapple\n집\tschool\n"
    "cafe\tbar\ncafé\tpub\n\n"
)
TERM_TEXTS = (
    "나는 집에서 사과를 먹었다", "사과에서는 밥을, 밥상을 사과나무", "Apple, apple APPLE in New York",
    "我吃苹果了", "",
    "풋사과 집", "밥은 밥이다. 사과입니다만",
    unicodedata.normalize("NFD", "나는 집에서 사과를, 밥을 café"), "New  York, New\u00a0\tYork. cafe\u0301 caf e\u0301",
)  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """What Python says and what JavaScript says."""
    draws = random.Random(11)
    reading = [(text, FORMS[n % 3]) for n, text in enumerate(made(600, 14, 1))]
    marked = made(250, 12, 2)
    placing = []
    for n, text in enumerate(marked):
        plain = read(text).text
        target = " ".join([*draws.choices(["W", "H2O", "straße!", "«x»", "."], k=n % 7), *read(text).kept])
        source, units = words(plain), words(target)
        weights = np.random.default_rng(n).dirichlet(np.ones(len(source) + 1) * 0.3, len(units))[:, : len(source)]
        placing.append((text, target, source, units, weights.tolist()))
    linking = drawn(["나는 밥을 먹었다", "我吃了 饭", "a  b 😀c", "", "½ x y z"] * 30, draws)
    known = {"ab": "AB", "cd": "CD", "I": "Ich", "ate": "aß", "나는": "I", "밥을": "rice"}
    translating: list[dict[str, Any]] = [
        {"text": text, "form": FORMS[n % 3], "known": known if n % 2 else None, "bySentence": False,
         "standIns": ["ab", "cd"][: n % 4 // 2 * 2]}
        for n, text in enumerate(made(250, 10, 3))
    ]  # fmt: skip
    translating += [
        {"text": text, "form": "html", "known": None, "standIns": [], "bySentence": True} for text in SENTENCES
    ]
    terms = [(TERMS, text, one, ["the", "an", "at"]) for text, one in drawn(TERM_TEXTS * 25, draws)]
    for wrong in ("\n", "a\tb\nA\tb\n", "a\tb\na\tc", "a\n", "a\t ", " \tb", "a\tb\tsometimes", "a\tb\tany\tx"):
        terms.append((wrong, "", terms[0][2], []))
    file = tmp_path_factory.mktemp("cases") / "cases.json"
    file.write_text(
        json.dumps(
            {
                "reading": reading,
                "linking": [(text, for_node(one)) for text, one in linking],
                "placing": placing,
                "translating": translating,
                "applying": APPLYING,
                "glossary": "밥\tcooked rice\n공원\tthe zoo\n나\tI",
                "terms": [(tsv, text, for_node(one), frequent) for tsv, text, one, frequent in terms],
            }
        ),
        encoding="utf-8",
    )
    found = json.loads(run_node(PROGRAM, browser.path(""), file))

    def reads(text: str, form: Any) -> list[Any]:
        one = read(text, form)
        return [one.text, one.marks, list(one.kept.items()), one.broken, one.rest]

    def puts(text: str, target: str, source: Any, units: Any, weights: Any) -> str:
        shape = (len(units), len(source))
        links = Links(source, units, np.array(weights).reshape(shape))
        one = read(text)
        return spelled(placed(one, target, joined([links])), lambda raw: html_escaped(raw))

    def translates(case: dict[str, Any]) -> list[str]:
        way = turned(case["known"])
        if case["bySentence"]:
            one = sentence_by_sentence(case["text"], case["form"], way, case["standIns"])
        else:
            one = translate_marked([case["text"]], way, case["form"], stand_ins=case["standIns"])[0]
        return [one.text, one.broken]

    def applies(tsv: str, text: str, one: Translation, frequent: list[str]) -> Any:
        path = file.with_name("terms.tsv")
        path.write_text(tsv, encoding="utf-8")
        try:
            glossary = Glossary.read(path)
        except InputError as error:
            return str(error)
        at = glossary.find(text)
        return [
            [[each.start, each.end, each.term.target, each.term.exact] for each in at],
            [each.source for each in glossary.missing(text, one.text)],
            replaced(text, one, at, set(frequent)),
        ]

    wanted = {
        "applying": APPLIED,
        "entities": html.entities.html5,
        "reading": [reads(*each) for each in reading],
        "linking": [[*links_of(text, one)[:2], links_of(text, one).weights.tolist()] for text, one in linking],
        "placing": [puts(*each) for each in placing],
        "translating": [translates(each) for each in translating],
        "terms": [applies(*each) for each in terms],
    }
    return {name: (rounded(wanted[name]), found[name]) for name in wanted}


def html_escaped(raw: str) -> str:
    return html.escape(raw, quote=False)


SIGNS = """
const { Glossary } = await import(`${process.argv[2]}/glossary.mjs`);
const terms = Glossary.read(process.argv[3]).terms.map(({ source, target, exact }) => [source, target, exact]);
const wrong = ["밥=rice", "밥 ="].map((line) => {
  try { return Glossary.read(line); } catch (error) { return error.message; }
});
console.log(JSON.stringify({ terms, wrong }));
"""


def test_a_sign_stands_for_the_tab_that_cannot_be_typed_into_a_page() -> None:
    tsv = "밥 = cooked rice\n x = y \tz = 1\texact\nE  =  mc = 2"
    found = json.loads(run_node(SIGNS, browser.path(""), tsv))
    assert found["terms"] == [["밥", "cooked rice", False], ["x = y", "z = 1", True], ["E", "mc = 2", False]]
    assert all("line 1 of the glossary: write a term, a tab or ' = '" in said for said in found["wrong"])


@pytest.mark.parametrize("name", ["entities", "reading", "placing", "translating", "applying"])
def test_texts_are_those_of_the_package(answers: dict[str, tuple[Any, Any]], name: str) -> None:
    wanted, found = answers[name]
    if name == "entities":
        assert wanted == found
        return
    assert [(n, *each) for n, each in enumerate(zip(wanted, found, strict=True)) if each[0] != each[1]] == []


def test_links_are_those_of_the_package(answers: dict[str, tuple[Any, Any]]) -> None:
    for wanted, found in zip(*answers["linking"], strict=True):
        assert found[:2] == wanted[:2]
        np.testing.assert_allclose(found[2], wanted[2], atol=1e-9)


def test_terms_are_those_of_the_package(answers: dict[str, tuple[Any, Any]]) -> None:
    wanted, found = answers["terms"]
    assert wanted[:-8] == found[:-8]
    # What is wrong is said in the words of the package, but for the name of the file.
    for said, other in zip(wanted[-8:], found[-8:], strict=True):
        core = said.partition(": ")[2].split(", ")[0].split(". ")[0].rstrip(".") or "has no term"
        assert core in other or "has no term" in other, (said, other)


def test_no_text_and_no_tags_take_long() -> None:
    parts = ["0", "<code>", "<code ", "1:", "<?", "<code><!--", "&a", "{a", "%(", "a@", "http://", "1,", "<a ", "&#"]
    parts += ["%0", "a.", "+1", "{{", "<!--", "www.", '<a ="', "%-", "a-@", "https://(", "&&"]
    reading, placing = json.loads(run_node(HOSTILE, browser.path(""), json.dumps(parts)))
    assert reading < 3 and placing < 6
