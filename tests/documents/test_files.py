"""Files: what is outside the texts stays byte for byte."""

import io
import random
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import docx
import numpy as np
import polib
import pysubs2
import pytest

from nmt.documents.fields import Opened, broken
from nmt.documents.files import open_file
from nmt.documents.parts import plain, spelled
from nmt.errors import InputError
from nmt.markup.files import translate_file
from nmt.translation import Translation


def said(file: Opened) -> list[str]:
    """Return the texts of a file, with the marks inside."""
    return [spelled(parts) for parts in file.texts]


def in_capitals(file: Opened) -> bytes:
    """Translate each text of a file into capitals, with its marks where they were."""
    return file.written(
        [[part._replace(raw=part.raw.upper()) if part.kind == "text" else part for part in each] for each in file.texts]
    )


def upper(name: str, text: str, inline: bool = False) -> str:
    return in_capitals(open_file(text.encode(), name, inline)).decode()


def shout(sentences: list[str]) -> list[Translation]:
    pieces = [tuple(f"▁{word}" for word in each.split()) for each in sentences]
    return [
        Translation(
            each.upper(), score=0.0, source_tokens=words, tokens=words, alignment=np.eye(len(words), len(words) + 1)
        )
        for each, words in zip(sentences, pieces, strict=True)
    ]


def shouted(page: str) -> str:
    """Translate a page into capitals, with the tags inside its lines."""
    return translate_file(page.encode(), "a.html", shout).content.decode()


SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>I ate\nthe rice</i>\n\n"
    "2\r\n00:00:02,000 --> 00:00:04,000 X1:10\r\n{\\an8}- you?\r\n- me!\r\n\r\n\n\n"
    "3\n00:00:05,000 --> 00:00:06,000\none\n\nand two\n\n"
    "4\n00:00:07,000 --> 00:00:08,000\n"
)
VTT = (
    "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE a remark\n\nintro\n00:01.000 --> 00:02.000 align:start\n"
    "<v Ann>tea &amp; rice</v>\n\n00:03.000 --> 00:04.000\nbread\n"
)


def test_subtitles_keep_all_but_their_words() -> None:
    assert upper("a.srt", SRT) == SRT.replace("I ate\nthe rice", "I ATE\nTHE RICE").replace("you?", "YOU?").replace(
        "me!", "ME!"
    ).replace("one\n\nand two", "ONE\n\nAND TWO")
    assert upper("a.vtt", VTT) == VTT.replace("tea &amp; rice", "TEA &amp; RICE").replace("bread", "BREAD")
    file = open_file(SRT.encode(), "a.srt")
    assert said(file) == ["I ate the rice", "you?", "me!", "one", "and two"]
    assert file.notes == ("Line 7: the cue begins before the one above it has ended.",)


def test_a_number_without_time_codes_is_named() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\ntwo\n\n3\n00:00:05,000 --> 00:00:06,000\nin\n\n1984\n"
    (note,) = open_file(text.encode(), "a.srt").notes
    assert note == "Line 5: no time codes follow this number, so it was read as text of the cue above it."


def test_what_would_be_lost_of_webvtt_is_named() -> None:
    with pytest.raises(InputError, match=r"line 3: '00:03\.000 -> 00:04\.000' is no time code"):
        open_file(b"WEBVTT\n\n00:03.000 -> 00:04.000\ntwo\n", "a.vtt")
    assert open_file(VTT.encode(), "a.vtt").notes == ()
    for line, lost in ((14, "2\n\nlost text\n\n"), (13, "2\nlost text\n\n"), (12, "lost text\n\n")):
        (note,) = open_file(VTT.replace("00:03", f"{lost}00:03").encode(), "a.vtt").notes
        assert note == f"Line {line}: no time codes stand above this text, so it is not translated."
    # A time that is said.
    assert said(open_file(VTT.replace("bread", "10:30.5").encode(), "a.vtt"))[1] == "10:30.5"


def test_a_thousand_cues_are_read_as_by_pysubs2() -> None:
    rng = random.Random(3)
    words = ["rice", "bread", "나는", "밥을", "ate", "the", "water."]
    subtitles = pysubs2.SSAFile()
    for number in range(1000):
        text = "\\N".join(" ".join(rng.choices(words, k=4)) for _ in range(rng.randint(1, 2)))
        subtitles.append(pysubs2.SSAEvent(start=3000 * number, end=3000 * number + 2500, text=text))
    text = subtitles.to_string("srt")
    file = open_file(text.encode(), "a.srt")
    assert said(file) == [event.plaintext.replace("\n", " ") for event in subtitles] and file.notes == ()
    found = file.written([plain(each[::-1]) for each in said(file)]).decode()
    again = pysubs2.SSAFile.from_string(found)
    assert [(each.start, each.end) for each in again] == [(each.start, each.end) for each in subtitles]
    assert [each.plaintext.replace("\n", " ") for each in again] == [each[::-1] for each in said(file)]
    # The same lines, but for the texts.
    for one, other in zip(text.split("\n"), found.split("\n"), strict=True):
        assert one == other or (any(map(str.isalpha, one)) and any(map(str.isalpha, other)))


HTML = (
    "<!DOCTYPE html>\n<HTML lang=ko><head><title>rice</title><style>p { color: red }</style>\n"
    "<script>if (a < b) { x = 'text' }</script></head>\n<body><!-- a <p>remark --><p class=x>tea &amp; <b>rice</b>\n"
    "  again"
    '<br/>x&eacute;y &#39;\n<pre>code <b>here</b></pre><code>x</code><span translate="no">kept <i>too</i></span> end'
    "<ul><li>one<li>two <img alt='no' src=a.png>"
)


def test_a_page_keeps_all_but_its_words() -> None:
    expected = HTML
    for before, after in [
        ("<title>rice", "<title>RICE"), ("tea &amp; <b>rice</b>\n  again", "TEA &amp; <b>RICE</b>\n  AGAIN"),
        ("x&eacute;y &#39;", "XÉY '"), (" end<ul>", " END<ul>"), ("<li>one<li>two", "<li>ONE<li>TWO"),
    ]:  # fmt: skip
        assert before in expected
        expected = expected.replace(before, after)
    assert upper("a.html", HTML) == expected
    # What is cut off is no text.
    assert upper("a.htm", "<p>one <a href='two") == "<p>ONE <a href='two"
    assert upper("a.html", "1 < 2 and so on") == "1 &lt; 2 AND SO ON"


@pytest.mark.parametrize(
    "part",
    ["<a ", "<!--", "<![x", "<p>Hi <![foo there", "</a", "<?", "<a b='", '<a b="\'', "<a =", "<script>", "<b></i>",
     "<li>", "<ul><li><b>", "<ul><b><li></li>", "<p translate=no>", "<a translate ", "&", "<", "< ", "&#", "a="],
)  # fmt: skip
def test_no_page_takes_long(part: str) -> None:
    text = part * (100_000 // len(part))
    begun = time.process_time()
    for page in (text, text + ">", "<a translate" + text + ">"):
        file = open_file(page.encode(), "a.html")
        file.written(file.texts)
    file = open_file(text.encode(), "a.html", inline=False)
    file.written(file.texts)
    assert time.process_time() - begun < 3


def test_many_spaces_do_not_take_long() -> None:
    text = "a" + " " * 100_000 + "b\n"
    begun = time.process_time()
    for name in ("a.md", "a.html"):
        assert upper(name, text).split() == ["A", "B"]
    assert time.process_time() - begun < 3


def test_what_is_not_closed_ends_with_its_parent() -> None:
    for page in (
        "<p translate=no>kept<p>SAID", "<ul><li class='x notranslate'>kept<li>SAID</ul>",
        "<ul><li translate=no>kept<ul><li>kept</ul>kept</ul>SAID", "<table><tr><td translate=no>kept<td>SAID</table>",
        "<table><tr translate=no><td>kept<tr><td>SAID</table>", "<div><b translate='no'>kept</div>SAID",
        "<select><option translate=no>kept<option>SAID</select>", "<dl><dt translate=no>kept<dd>SAID</dl>",
        "<p translate=no>kept<div>SAID</div>", "<script src=x />kept<b>kept</script>SAID",
        "<svg><a/><text/>kept</svg>SAID", "<p>SAID <![foo there", "<!-->SAID<!--kept", "<a title='>kept'>SAID",
        "<br translate=no>SAID", "<textarea><b>kept</textarea>SAID", "<code>kept <a></code>SAID",
    ):  # fmt: skip
        assert upper("a.html", page.replace("SAID", "said")) == page, page
        assert shouted(page.replace("SAID", "said")) == page, page


def test_tags_inside_a_line_move_with_their_words() -> None:
    text = "tea &amp; <b title='a\nb'>rice</b>\n  again, it is <i>hot</i>"
    page = HTML.replace("tea &amp; <b>rice</b>\n  again", text)
    expected = page
    for before, after in [
        ("<title>rice", "<title>RICE"), ("tea", "TEA"), (">rice</b>\n  again, it is", ">RICE</b>\n  AGAIN, IT IS"),
        ("<i>hot</i>", "<i>HOT</i>"), ("x&eacute;y &#39;", "XÉY '"), (" end<ul>", " END<ul>"),
        ("<li>one<li>two", "<li>ONE<li>TWO"),
    ]:  # fmt: skip
        assert before in expected
        expected = expected.replace(before, after)
    assert shouted(page) == expected
    assert said(open_file(page.encode(), "a.html"))[1:3] == [text.replace("&amp;", "&").replace("\n  ", " "), "xéy '"]


MARKDOWN = """---
title: kept as it is
---
# a heading #

some *text* with `code` and [a link](http://a.b/c "t"), wrapped
over lines.

> quoted text
> on two lines

- one item
  1. [x] two `a
  b`

```python
code = "stays"
```

    indented = code

| head | `x` |
|------|-----|
| cell a | cell \\| b |

setext
======

<div>html stays</div>

![alt text](pic.png) and http://a.b/c end  
after a break
"""


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.srt"])
def test_placeholders_of_a_file_without_tags_are_kept_if_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\n{}\n" if name.endswith("srt") else "{}\n"
    asked = translate_file(text.format("go to {place} at https://a.b/c").encode(), name, shout, placeholders=True)
    assert asked.content.decode() == text.format("GO TO {place} AT https://a.b/c")
    monkeypatch.setattr("nmt.markup.reading.PRIVATE_CHARACTERS", 1)
    with pytest.raises(InputError, match=f"{name} has a text with more than"):
        translate_file(text.format("{a} {b}").encode(), name, shout, placeholders=True)


def test_no_placeholder_is_broken_by_the_end_of_a_line() -> None:
    page = "<p>dear {{ user.first_name }}\nwelcome to us</p>"
    assert upper("a.html", page, inline=True) in (
        "<p>DEAR {{ user.first_name }}\nWELCOME TO US</p>", "<p>DEAR\n{{ user.first_name }} WELCOME TO US</p>",
    )  # fmt: skip
    assert spelled(broken(plain("a {{ user.first_name }}, b c"), ["\n", "\n"])) == "a\n{{ user.first_name }},\nb c"


def test_markdown_keeps_all_but_its_words() -> None:
    expected = MARKDOWN
    for before in (
        "a heading", "some", "text*", "with", "and [a link]", ", wrapped\nover lines", "quoted text\n> on two lines",
        "one item", "two", "head ", "cell a", "cell \\| b", "setext",
        "![alt text]", "and http", "end  ", "after a break",
    ):  # fmt: skip
        assert before in expected, before
        expected = expected.replace(before, before.upper().replace("HTTP", "http"), 1)
    assert upper("a.md", MARKDOWN).split("\n") == expected.split("\n")
    assert upper("a.md", MARKDOWN.replace("\n", "\r\n")) == expected.replace("\n", "\r\n")


def test_markdown_knows_escaped_backticks_and_tags_over_several_lines() -> None:
    assert upper("a.md", "b \\` c `d` e\n") == "B \\` C `d` E\n"
    assert upper("a.md", "b `d\\` c \\\\`x`\n") == "B `d\\` C \\\\`x`\n"
    assert upper("a.md", "a <b\n c='d'>e</b> <!-- f > g\n h --> i\n") == "A <b\n c='d'>E</b> <!-- f > g\n h --> I\n"


def test_markdown_keeps_formulas_definitions_and_names_of_headings() -> None:
    text = "# head {#a .b}\n\nlet $a+b$ cost $5 or $$c$$, \\$d$\n\n$$\ne = f\n$$\n\nterm\n: one\n  more\n: two\n"
    for before in ("head", "let", "cost", "or", "term", "one", "more", "two"):
        text = text.replace(before, before.upper(), 1)
    assert upper("a.md", text.lower(), inline=True) == text.replace("\\$d$", "\\$D$")
    apart = "TERM\n\n:   ONE\n    MORE\n\n:   TWO\n"
    assert upper("a.md", apart.lower(), inline=True) == apart
    assert said(open_file(apart.encode(), "a.md")) == ["TERM", "ONE MORE", "TWO"]
    inside = "WHERE\n$$\nx = y_i\n$$\nHOLDS.\n\nTHE SUM\n$$ a + b\n= c $$\nIS HERE.\n"
    assert upper("a.md", inside.lower(), inline=True) == inside


def test_a_carriage_return_alone_ends_a_line_of_markdown() -> None:
    text = "# head\r\rone\rtwo\r\n\r- item\r- `x`\r\rlast"
    assert said(open_file(text.encode(), "a.md")) == ["head", "one two", "item", "last"]
    for before in ("head", "one", "two", "item", "last"):
        text = text.replace(before, before.upper())
    assert upper("a.md", text.lower()) == text


REFERENCES = """## [Unreleased]

see the [guide], the [long
manual][] and ![a map]. [none] stays

- [guide] of [**all** of `it`][]
- [**all of** `it`]
- [`it`] and [text][guide]

[unreleased]: https://a.b/c
[Guide]: guide.md
[long manual]: m.md 'title'
[a map]: map.png
[**all** of `it`]: all.md
[**all of** `it`]: of.md
[`it`]: it.md
"""


@pytest.mark.parametrize("inline", [True, False])
def test_links_named_by_their_own_words_keep_their_names_in_markdown(inline: bool) -> None:
    found = upper("a.md", REFERENCES, inline)
    kept = "[`it`]" if not inline else "[`it`][`it`]"
    assert (
        found.split("\n\n[unreleased]: ")[0]
        == f"""## [UNRELEASED][Unreleased]

SEE THE [GUIDE][guide], THE [LONG
MANUAL][long manual] AND ![A MAP][a map]. [NONE] STAYS

- [GUIDE][guide] OF [**ALL** OF `it`][**all** of `it`]
- [**ALL OF** `it`][**all of** `it`]
- {kept} AND [TEXT][guide]"""
    )
    assert found.endswith(REFERENCES[REFERENCES.index("\n[unreleased]: ") :])
    # What did not change stands as it did.
    file = open_file(REFERENCES.encode(), "a.md", inline)
    assert not inline or file.written(file.texts) == REFERENCES.encode()


def test_the_link_of_a_quoted_line_keeps_its_name_in_markdown() -> None:
    quote = "> see [the\n> guide]\n\n| [a] | b |\n|-----|---|\n| [A] | [b][] |\n\n[the guide]: g\n[a]: a\n[b]: b\n"
    assert turned("a.md", quote).split("\n\n[")[0] == (
        "> [GUIDE\n> THE][the guide] SEE\n\n| [A][a] | B |\n|-----|---|\n| [A] | [B][b] |"
    )


def test_links_of_markdown_lead_where_they_did() -> None:
    from markdown_it import MarkdownIt

    render = MarkdownIt("commonmark").render
    for inline in (True, False):
        before, after = render(REFERENCES), render(upper("a.md", REFERENCES, inline))
        assert re.findall(r'(?:href|src)="[^"]*"', after) == re.findall(r'(?:href|src)="[^"]*"', before)


@pytest.mark.parametrize("inline", [True, False])
def test_the_first_line_of_an_alert_stays_in_markdown(inline: bool) -> None:
    text = "> [!NOTE]\n> useful\n> words\n\n- one\n  > [!tip]  \n  > more\n  >\n  > [!TIP] two\n\n> [!WARNING]\n"
    expected = text.replace("useful\n> words", "USEFUL\n> WORDS")
    for word in ("one", "more", "two"):
        expected = expected.replace(word, word.upper())
    assert upper("a.md", text, inline) == expected
    # Further below, and elsewhere, it is text.
    assert said(open_file(text.encode(), "a.md")) == ["useful words", "one", "more", "[!TIP] two"]
    assert upper("a.md", "[!note]\nx\n\n> [!other]\n", inline) == "[!NOTE]\nX\n\n> [!OTHER]\n"


PO = """# translators
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: a.c:1
msgctxt "menu"
msgid "open %s now"
msgstr ""

msgid "done"
msgstr "fertig"

msgid "one file"
msgid_plural "%(n)d files in {place}"
msgstr[0] ""
msgstr[1] ""
"""


def test_a_catalogue_gets_what_it_lacks() -> None:
    found = upper("a.po", PO)
    entries = {entry.msgid: entry for entry in polib.pofile(found)}
    assert entries["open %s now"].msgstr == "OPEN %s NOW" and entries["done"].msgstr == "fertig"
    assert entries["one file"].msgstr_plural == {0: "ONE FILE", 1: "%(n)d FILES IN {place}"}
    assert found == PO.replace('now"\nmsgstr ""', 'now"\nmsgstr "OPEN %s NOW"').replace(
        'msgstr[0] ""\nmsgstr[1] ""', 'msgstr[0] "ONE FILE"\nmsgstr[1] "%(n)d FILES IN {place}"'
    )


HEAD = PO[PO.index('msgid ""') : PO.index("#: a.c")]
MESSAGES = PO[PO.index("#: a.c") :]


@pytest.mark.parametrize("above", ["", "#\n", "# note\n", "# note\n#\n", "#\n#\n# note\n"])
@pytest.mark.parametrize("head", [HEAD, 'msgid ""\nmsgstr ""\n\n', ""])
def test_the_ends_of_lines_and_the_top_of_a_catalogue_stay(above: str, head: str) -> None:
    catalogue = f"{above}{head}{MESSAGES}"
    # Without the translations, it is as it was.
    blank = [plain("")] * 3
    assert open_file(catalogue.encode(), "a.po").written(blank).decode() == catalogue
    windows = catalogue.replace("\n", "\r\n")
    assert open_file(windows.encode(), "a.po").written(blank).decode() == windows
    assert upper("a.po", windows) == upper("a.po", catalogue).replace("\n", "\r\n")


def test_a_catalogue_without_messages_stays_as_it_is() -> None:
    for catalogue in ("", "# note\n", HEAD.rstrip() + "\n"):
        assert upper("a.po", catalogue) == catalogue


def test_a_catalogue_that_names_a_file_does_not_open_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.po"
    secret.write_text('msgid "secret"\nmsgstr ""\n')
    odd = tmp_path / "odd\n"
    odd.write_text('msgid "secret"\nmsgstr ""\n')
    for path in (str(secret), f"{secret}\n", str(odd)):
        with pytest.raises(InputError, match="is not a catalogue"):
            open_file(path.encode(), "a.po")


def test_a_word_document_keeps_its_looks(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("a heading")
    paragraph = document.add_paragraph("cut ")
    paragraph.add_run("in two. ")
    paragraph.add_run("bold").bold = True
    document.add_table(1, 2).cell(0, 1).text = "in a cell"
    document.sections[0].header.paragraphs[0].text = "at the top"
    document.add_paragraph("123").add_run().add_break()
    out = io.BytesIO()
    document.save(out)
    file = open_file(out.getvalue(), "a.docx", inline=False)
    assert said(file) == ["a heading", "cut in two.", "bold", "in a cell", "123", "at the top"]
    again = docx.Document(io.BytesIO(in_capitals(file)))
    assert [p.text for p in again.paragraphs][:2] == ["A HEADING", "CUT IN TWO. BOLD"]
    assert [run.bold for run in again.paragraphs[1].runs] == [None, None, True]
    assert again.tables[0].cell(0, 1).text == "IN A CELL"
    assert again.sections[0].header.paragraphs[0].text == "AT THE TOP"


def packed(document: Any) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_all_paragraphs_of_a_word_document_are_found() -> None:
    document = docx.Document()
    document.add_paragraph("one\ntwo\tthree")
    mark = "<w:fldChar w:fldCharType='{}'/>"
    field = f"<w:r>{mark.format('begin')}<w:instrText>{{}}</w:instrText>{mark.format('separate')}</w:r>"
    end = f"<w:r>{mark.format('end')}</w:r>"
    text = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
    for inside in (
        text.format("before ") + f"<w:ins>{text.format('new ')}</w:ins><w:del>{text.format('old')}</w:del>",
        f"<w:sdt><w:sdtPr/><w:sdtContent>{text.format('a control')}</w:sdtContent></w:sdt>",
        text.format("page ") + field.format(" PAGE ") + text.format("xii") + end + text.format(" ends"),
        field.format(" HYPERLINK a") + text.format("a link") + end,
        f"<w:fldSimple w:instr='PAGE'>{text.format('iv')}</w:fldSimple>",
        f"<w:hyperlink>{text.format('another')}</w:hyperlink>{text.format(' and')}{text.format(' more')}",
    ):
        document.element.body.insert(-1, docx.oxml.parse_xml(f"<w:p {docx.oxml.ns.nsdecls('w')}>{inside}</w:p>"))
    control = (
        f"<w:sdt {docx.oxml.ns.nsdecls('w')}><w:sdtContent><w:p>{text.format('a block')}</w:p></w:sdtContent></w:sdt>"
    )
    document.element.body.insert(-1, docx.oxml.parse_xml(control))
    document.sections[0].different_first_page_header_footer = True
    document.sections[0].first_page_header.paragraphs[0].text = "at first"
    file = open_file(packed(document), "a.docx", inline=False)
    found = [
        "one", "two", "three", "before", "new", "a control", "page", "ends", "a link", "another", "and more",
        "a block", "at first",
    ]  # fmt: skip
    assert said(file) == found and [note.split(",")[0] for note in file.notes] == ["The results of fields"]
    raw = file.written([plain(f"{each.upper()}\x01") for each in said(file)])
    assert said(open_file(raw, "a.docx", inline=False)) == [each.upper() for each in found]
    again = docx.Document(io.BytesIO(raw))
    assert again.paragraphs[0].text == "ONE\nTWO\tTHREE" and "xii" in again.element.body.xml


def test_notes_and_comments_of_a_word_document_are_translated() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("a text")
    document.add_comment(paragraph.runs, text="a remark", author="Lee", initials="L")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}"
    for name, note in (("footnote", "below"), ("endnote", "at the end")):
        inside = (
            f"<w:{name} w:type='separator' w:id='-1'><w:p><w:r><w:separator/></w:r></w:p></w:{name}>"
            f"<w:{name} w:id='1'><w:p><w:r><w:{name}Ref/></w:r><w:r><w:t xml:space='preserve'> {note} </w:t></w:r>"
            f"</w:p></w:{name}>"
        )
        raw = f"<w:{name}s {docx.oxml.ns.nsdecls('w')}>{inside}</w:{name}s>".encode()
        content = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{name}s+xml"
        part = docx.opc.part.Part(docx.opc.packuri.PackURI(f"/word/{name}s.xml"), content, raw, document.part.package)
        document.part.relate_to(part, kind.format(f"{name}s"))
        mark = f"<w:r {docx.oxml.ns.nsdecls('w')}><w:{name}Reference w:id='1'/></w:r>"
        paragraph._p.append(docx.oxml.parse_xml(mark))
    file = open_file(packed(document), "a.docx")
    assert said(file) == ["a text", "below", "at the end", "a remark"] and file.notes == ()
    raw = in_capitals(file)
    assert said(open_file(raw, "a.docx")) == ["A TEXT", "BELOW", "AT THE END", "A REMARK"]
    with zipfile.ZipFile(io.BytesIO(raw)) as again:
        notes = again.read("word/footnotes.xml").decode()
    assert "separator" in notes and notes.count("footnoteRef") == 1 and "standalone='yes'" in notes


def test_a_word_document_that_unpacks_to_much_text_is_refused() -> None:
    raw = packed(docx.Document())

    def grown(name: str, begin: bytes) -> bytes:
        out = io.BytesIO(raw)
        with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as some:
            some.writestr(name, begin + b" " * 2**24)
        return out.getvalue()

    for begin in (b"<a>", b"\xef\xbb\xbf<a>", "<a>".encode("utf-16")):
        with pytest.raises(InputError, match="holds more than 16 MiB of text"):
            open_file(grown("word/media/a.png", begin), "a.docx")
    assert open_file(grown("word/media/a.png", b"\x89PNG"), "a.docx").texts == []


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.txt", bytes(range(256)), "control characters"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "control characters"),
        ("a.txt", "나는 밥을 먹었다".encode("cp949"), "It seems to be EUC-KR"),
        ("a.txt", "\ufeffa".encode("utf-16-le"), "is in UTF-16"),
        ("a.srt", b"1\n00:01 -> 00:02\nno\n", "has no cue"),
        ("a.srt", b"1\n00:00:01 --> later\nno\n", "line 2: '00:00:01 --> later' is no time code"),
        ("a.srt", SRT.replace("05,000 -->", "05,000 ->").encode(), "line 14: '00:00:05,000 -> 00:00:06,000' is no"),
        ("a.po", b'msgid "a"\nmsgstr ""\n\nmsgid "b\nmsgstr ""\n', "line 4, 'msgid \"b', is neither a comment"),
        ("a.txt", "나는 밥을 먹었다.".encode("utf-16-be"), "seems to be UTF-16BE"),
        ("a.html", "<p class='some words'>나는 밥을</p>".encode("euc-kr"), "seems to be EUC-KR"),
        ("a.docx", b"PK no", "is not a Word document"),
        ("a.po", b"msgid \"a\nmsgstr", "is not a catalogue"),
        ("a.pdf", b"", "is of no kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(name: str, raw: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_file(raw, name)


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polib", None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[documents\]'"):
        open_file(PO.encode(), "a.po")


def test_a_byte_order_mark_stays() -> None:
    file = open_file("\ufeffrice".encode(), "a.txt")
    assert file.written([plain("bread")]) == "\ufeffbread".encode()


def backwards(sentences: list[str]) -> list[Translation]:
    """Translate into capitals, the last word first."""
    pieces = [tuple(f"▁{word}" for word in each.split()) for each in sentences]
    return [
        Translation(
            " ".join(each.upper().split()[::-1]),
            score=0.0,
            source_tokens=words,
            tokens=tuple(word.upper() for word in words[::-1]),
            alignment=np.eye(len(words), len(words) + 1)[::-1],
        )
        for each, words in zip(sentences, pieces, strict=True)
    ]


def turned(name: str, text: str) -> str:
    return translate_file(text.encode(), name, backwards).content.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<i>I ate rice</i>", "<i>RICE ATE I</i>"),
        ("I <i>ate {\\b1}hot{\\b0}</i> rice", "RICE <i>{\\b1}HOT{\\b0} ATE</i> I"),
        ('{\\an8}<font color="red">I</font> ate', '{\\an8}ATE <font color="red">I</font>'),
        ("<i>- I ate\n- you <b>slept</b></i>", "<i>- ATE I\n- <b>SLEPT</b> YOU</i>"),
        ("I <b>ate\nrice</b> now", "NOW <b>RICE\nATE</b> I"),
        ("I <u>ate", "<u>ATE I"),
    ],
)
def test_tags_of_subtitles_move_with_their_words(text: str, expected: str) -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
    assert turned("a.srt", cue.replace("{}", text)) == cue.replace("{}", expected)


def test_the_times_inside_a_cue_stay_in_their_order() -> None:
    cue = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>I <00:01.200>ate <00:01.600><c.x>tea &amp;</c> rice\n"
    found = turned("a.vtt", cue)
    assert found.index("<00:01.200>") < found.index("<00:01.600>")
    assert found.startswith(cue[: cue.index("I")]) and "<c.x>&amp; TEA</c>" in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I **ate *hot* rice** [or so](http://a.b/c_ 't') now", "NOW [SO OR](http://a.b/c_ 't') **RICE *HOT* ATE** I"),
        ("*a **b*** c", "C *__B__ A*".replace("__", "**")),
        ("a ***b* c** d", "D **C *B*** A"),
        ("run `x = 1` at https://a.b/c, or\nsee <i>it</i>", "<i>IT</i> SEE OR https://a.b/c,\nAT `x = 1` RUN"),
        ("2 * 3 and snake_case", "SNAKE_CASE AND 3 * 2"),
        (r"2 \* 3 is a\_b &lt; 7\.", r"7\. &lt; A\_B IS 3 \* 2"),
        ("![a cat](c.png) sat", "SAT ![CAT A](c.png)"),
        ("a *b [c* d](e) f", "F [D C](e) B A"),
        ("one [^1] two", "[^1] TWO ONE"),
        ("one  \ntwo", "TWO  \nONE"),
        ("| a **b** | c \\| d |\n|---|---|\n| e | f |", "| **B** A | D \\| C |\n|---|---|\n| E | F |"),
        ("**all of it**", "**IT OF ALL**"),
    ],
)  # fmt: skip
def test_marks_of_markdown_move_with_their_words(text: str, expected: str) -> None:
    found = turned("a.md", f"# x\n\n{text}\n").removeprefix("# X\n\n")
    if "*b [c*" in text:  # emphasis that crosses a link is none, so its signs go anywhere, and the link is whole
        assert found.count("*") == 2 and "](e)" in found and found.index("[") < found.index("](e)")
        found = found.replace("*", "").replace("[ ", "[")
    assert found == f"{expected}\n"


def test_tags_and_placeholders_of_a_catalogue_move_with_their_words() -> None:
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    found = turned("a.po", head + 'msgid "open <a href=\'x\'>the %s</a> now, {name} &amp; %1$d"\nmsgstr ""\n')
    (entry,) = polib.pofile(found)
    assert entry.msgstr == "%1$d &amp; {name} NOW, <a href='x'>%s THE</a> OPEN"


def test_runs_of_a_word_document_move_with_their_words() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("I ")
    paragraph.add_run("ate").bold = True
    paragraph.add_run(" much rice ")
    names = docx.oxml.ns.nsdecls("w")
    mark = "<w:r><w:fldChar w:fldCharType='{}'/></w:r>"
    text = "<w:r>{}<w:t xml:space='preserve'>{}</w:t></w:r>"
    page = f"{mark.format('begin')}<w:r><w:instrText>PAGE</w:instrText></w:r>{mark.format('separate')}"
    for inside in (
        "<w:hyperlink w:tooltip='tip'>" + text.format("<w:rPr><w:i/></w:rPr>", "with you") + "</w:hyperlink>",
        "<w:r><w:t xml:space='preserve'> on page </w:t><w:footnoteReference w:id='7'/></w:r>",
        page + text.format("", "xii") + mark.format("end"),
        "<w:bookmarkStart w:id='1' w:name='b'/>",
        text.format("", " and "),
        "<w:sdt><w:sdtPr/><w:sdtContent>" + text.format("", "so ") + "</w:sdtContent></w:sdt>",
        "<w:proofErr w:type='spellStart'/>" + text.format("", "on") + "<w:bookmarkEnd w:id='1'/>",
        text.format("", " again"),
    ):
        paragraph._p.extend(list(docx.oxml.parse_xml(f"<w:p {names}>{inside}</w:p>")))
    (found,) = [
        each
        for each in docx.Document(io.BytesIO(translate_file(packed(document), "a.docx", backwards).content)).paragraphs
        if each.text
    ]
    assert " ".join(found.text.split()) == "AGAIN ON AND xii PAGE ON YOU WITH RICE MUCH ATE I"
    assert [run.text for run in found.runs if run.bold] == ["ATE"]
    xml = found._p.xml
    assert "<w:sdtContent>" in xml and xml.index("<w:sdtContent>") < xml.index(">SO") < xml.index("</w:sdtContent>")
    assert [(each.text, each.runs[0].italic) for each in found.hyperlinks] == [("YOU WITH", True)]
    assert xml.count("footnoteReference") == 1 and xml.count("fldChar ") == 3 and "tooltip" in xml
    field = [xml.index(each) for each in ('"begin"', ">PAGE<", '"separate"', ">xii<", '"end"')]
    assert field == sorted(field)
    assert xml.index("bookmarkStart") < xml.index("AND") < xml.index("bookmarkEnd")


def test_a_model_without_alignments_cuts_at_marks() -> None:
    def unaligned(sentences: list[str]) -> list[Translation]:
        return [Translation(each.upper(), 0.0) for each in sentences]

    found = translate_file(b"I **ate** `x` rice\n", "a.md", unaligned)
    assert found.content == b"I **ATE** `x` RICE\n" and "no alignments" in found.notes[0]
    assert translate_file(b"*I ate*\n", "a.md", unaligned).notes == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("line one<br>line two", "TWO LINE<br>ONE LINE"),
        ("**2*3 is six**", "**SIX IS 3*2**"),
        ("a *b <br> c* d", "D *<br> C B* A"),
        ("*a  \nb* c", "C  \n*B A*"),
        ("[foo](a(b(c)d)e) bar", "BAR [FOO](a(b(c)d)e)"),
        ('[foo](url\n"title") baz', 'BAZ [FOO](url\n"title")'),
        (r"[a](u\)x) b", r"B [A](u\)x)"),
        ('a <a href="x>y">link *here*</a> b', 'B <a href="x>y">*HERE* LINK</a> A'),
        ("if a < b and c > d then", "THEN D > C AND B < A IF"),
        ("use <code>x = <i>y</i></code> here", "HERE <code>x = <i>y</i></code> USE"),
        ("<span translate='no'>Foo Bar</span> is", "IS <span translate='no'>Foo Bar</span>"),
        ("a\nb\nc ---", "\\---\nC B\nA"),
        ("a 2. b", r"2\. A B"),
        ("so > a", "A > SO"),
        ("so *b* 1. c", r"1\. *B* SO C"),
        ("so >a", r"\>A SO"),
    ],
)
def test_what_a_reader_of_markdown_takes_for_a_mark_is_one(text: str, expected: str) -> None:
    assert turned("a.md", f"{text}\n") == f"{expected}\n"


def test_a_comment_that_does_not_end_is_text_in_markdown() -> None:
    assert upper("a.md", "say <!-- b\n", inline=True) == "SAY \\<!-- B\n"
    # What did not change stands as it did.
    file = open_file(b"say <!-- `b\nc ~~ &lt;\n", "a.md")
    assert file.written(file.texts) == b"say <!-- `b\nc ~~ &lt;\n"


def catalogue(message: str) -> str:
    entries = polib.POFile()
    entries.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    entries.append(polib.POEntry(msgid=message))
    return str(entries)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Hello<br>my world", "<br>WORLD MY HELLO"),
        ("Options:\n  -a   all files\n  -b   none\n", "OPTIONS:\n  -A   FILES ALL\n  -B   NONE\n"),
        ("One part.\n\nAnother\nis long.", "PART. ONE\n\nLONG. IS\nANOTHER"),
        ("- one two\n- three four", "- TWO ONE\n- FOUR THREE"),
        ("Open it\tCtrl+O", "IT OPEN\tCTRL+O"),
        ("if x < y and z > w", "W > Z AND Y < X IF"),
        ("use <code>x y</code> now", "NOW <code>x y</code> USE"),
        ("%1 of %L2", "%L2 OF %1"),
        ("a <a\n  href='x y'>b</a> c", "C <a\n  href='x y'>B</a> A"),
    ],
)
def test_the_lines_of_a_message_stay(message: str, expected: str) -> None:
    (entry,) = polib.pofile(turned("a.po", catalogue(message)))
    assert entry.msgstr == expected


def test_signs_in_subtitles_are_no_tags() -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
    assert turned("a.srt", cue.format("if x < y and z > w")) == cue.format("W > Z AND Y < X IF")
    assert said(open_file(cue.format("a<br>b <i>c</i>").encode(), "a.srt")) == ["a<br>b <i>c</i>"]
    assert open_file(cue.format("a<br>b").encode(), "a.srt").texts[0][1].kind == "break"
    ruby = open_file(b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Mary O'Brien>a <ruby>b<rt>c</rt></ruby>\n", "a.vtt")
    assert [part.raw for part in ruby.texts[0] if part.kind == "alone"] == ["<rt>c</rt>"]


@pytest.mark.parametrize(
    "part", ["a*", "**a*", "*a _b ", "[a](", "](a(", '<a b="', "<a \" ='", "<!--", "<?", "<code>", "- - "]
)
def test_no_marks_take_long(part: str) -> None:
    text = part * (20_000 // len(part))
    begun = time.process_time()
    for name, whole in (("a.md", text), ("a.po", catalogue(text))):
        file = open_file(whole.encode(), name)
        assert file.written(file.texts) if name == "a.po" else file.written(file.texts) == whole.encode()
    assert time.process_time() - begun < 2


def test_the_hyphens_of_a_word_document_stay_in_their_words() -> None:
    document = docx.Document()
    inside = "<w:r><w:t>a</w:t><w:noBreakHyphen/><w:t xml:space='preserve'>b c</w:t><w:softHyphen/><w:t>d</w:t></w:r>{}"
    for more in ("", "<w:r><w:rPr><w:b/></w:rPr><w:t xml:space='preserve'> e</w:t></w:r>"):
        xml = f"<w:p {docx.oxml.ns.nsdecls('w')}>{inside.format(more)}</w:p>"
        document.element.body.insert(-1, docx.oxml.parse_xml(xml))
    raw = packed(document)
    assert ["".join(p.raw for p in parts if p.kind == "text") for parts in open_file(raw, "a.docx").texts] == [
        "a\u2011b cd", "a\u2011b cd e",
    ]  # fmt: skip
    again = docx.Document(io.BytesIO(translate_file(raw, "a.docx", backwards).content))
    assert [paragraph.text for paragraph in again.paragraphs][-2:] == ["CD A\u2011B", "E CD A\u2011B"]


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", "<p title='&#{n};'>I ate &#{n}; rice</p>"),
        ("a.md", "I ate &#{n}; rice\n"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nI ate &#x{n}; rice\n"),
        ("a.po", 'msgid "I ate &#{n}; rice"\nmsgstr ""\n'),
    ],
)
def test_a_number_of_thousands_of_digits_is_no_character(name: str, text: str, inline: bool) -> None:
    content = text.replace("{n}", "1" * 6000).encode()
    opened = open_file(content, name, inline=inline)
    written = opened.written(opened.texts)
    assert b"I ate" in written and b"rice" in written
