"""Markup, read: what is text, what is a tag, what comes out letter by letter."""

import contextlib
import time

import pytest

from nmt.documents.parts import spelled
from nmt.errors import InputError
from nmt.markup.reading import PRIVATE, Marked, read
from nmt.markup.reading import restored as parts_restored


def restored(text: str, marked: Marked) -> str:
    return spelled(parts_restored(text, marked)) + marked.rest


def kept(text: str, form: str = "html") -> list[str]:
    return list(read(text, form).kept.values())


def test_placeholders_are_found_letter_by_letter() -> None:
    for text in (
        "{name}", "${user}", "#{x}", "{{ x | y }}", "{0}", "{}", "%s", "%(n)d", "%1$s", "%5.2f", "%%", "%@",
        "https://example.org/a?b=1&amp;c=(2)", "http://a.b", "ftp://a.b/c_d", "a.b+c@example.co.kr", "42", "1,000.5",
        "12:30", "2026/11/27", "-3",
    ):  # fmt: skip
        # A particle may follow at once, and a full stop is not a part of it.
        for around in (f"나는 {text}를 보았다.", f"I saw {text}.", f"({text}), yes"):
            assert kept(around) == [text], around
            marked = read(around)
            assert restored(marked.text, marked) == around
    for text in ("100 % sure", "A4 and B2B", "v2x", "a @ b", "{", "50%", "x&#39;y", "&#x41; &eacute;"):
        assert not set(kept(text)) - {"100", "50"}, text


def test_elements_whose_content_is_no_language_are_kept() -> None:
    code = "<code>a < <b>b</b> </code>"
    assert kept(f"use {code}를 <span translate='no'>x <span>y</span></span> now") == [
        code, "<span translate='no'>x <span>y</span></span>",
    ]  # fmt: skip
    assert kept("<code>never closed") == []
    assert kept('<ph id="1">&lt;br></ph> and <code>text</code>', "xml") == ['<ph id="1">&lt;br></ph>']


def test_an_element_is_kept_up_to_its_own_end() -> None:
    for element in (
        "<code>a<!-- </code> -->b</code>", '<code title="/>">x y</code>', '<code>a <i title="</code>">b</i></code>',
        "<span translate='no'>a<!-- </span> -->b</span>", "<code><script>'<code>'</script></code>",
    ):  # fmt: skip
        assert kept(f"i {element} ate") == [element]
    # The end of the only script stands in a comment, but in a script there are no comments.
    assert kept("<script>a<!-- </script> b --> c") == ["<script>a<!-- </script>"]


def test_what_lacks_its_end_stays_with_all_behind_it() -> None:
    for rest in (" <!-- x <b>y</b> z ", " <b title='x", " <script> x </b>"):
        found = read(f"<i>a</i>{rest}")
        assert restored(found.text, found) == f"a{rest}"
        assert [each.opening for each in found.marks] == ["<i>"] and "has no end" in found.broken


def test_pairs_know_what_they_are_in() -> None:
    found = read("<a>one <b>two <br/> three</b></a> <i></i>four")
    assert found.text == "one two three four" and not found.broken
    assert [(each.opening, each.closing, each.start, each.end, each.parent) for each in found.marks] == [
        ("<a>", "</a>", 0, 13, -1), ("<b>", "</b>", 4, 13, 0), ("<br/>", "", 8, 8, 1), ("<i>", "</i>", 14, 14, -1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason", "alone"),
    [
        ("a <b>b", "<b> is not closed, so it is moved by itself", ["<b>"]),
        ("a</b> b", "</b> closes nothing, so it is moved by itself", ["</b>"]),
        ("<b><i>a</b></i>", "<i> is not closed, so it is moved by itself", ["<i>", "</i>"]),
        ("<b>a</B>", "", []),
        ("a <b b='", "'<b b='' has no end, so nothing from there on is translated", []),
        ("1 < 2 > 3", "", []),
    ],
)
def test_broken_markup_loses_nothing(text: str, reason: str, alone: list[str]) -> None:
    found = read(text)
    assert found.broken == reason
    assert [each.opening for each in found.marks if not each.closing] == alone


def test_xml_tells_names_apart_by_case_and_has_no_void_elements() -> None:
    assert read("<b>a</B>", "xml").broken.startswith("</B> closes nothing")
    assert read("<br>a</br> <x/>", "xml").broken == ""
    assert read("a<br>b").text == "a b" and read("a<x/>b").text == "ab"


def test_xml_has_its_own_ends_and_entities() -> None:
    found = read("x <![CDATA[a > b]]> y <?php if (1 > 2) echo ?> z", "xml")
    assert [each.opening for each in found.marks] == ["<![CDATA[a > b]]>", "<?php if (1 > 2) echo ?>"]
    assert found.text == "x y z" and not found.broken
    found = read("&notice; &foo; &amp;lt; &apos;&#x41;&a.b-c; &amp", "xml")
    assert list(found.kept.values()) == ["&notice;", "&foo;", "&a.b-c;"]
    assert restored(found.text, found) == "&notice; &foo; &lt; 'A&a.b-c; &amp"
    assert read("&eacute; &copy").text == "é ©"


def test_text_has_placeholders_and_no_tags() -> None:
    found = read("<b> &amp; {x}  y", "text")
    assert found.text[:10] == "<b> &amp; " and found.text[11:] == "  y" and not found.marks
    assert read("  - a\t", "text").text == "  - a\t" and read("  a ").text == "a"


def test_private_characters_of_a_text_are_its_own() -> None:
    text = "a \ue000 {x} &#xf0000; b"
    found = read(text)
    assert len(PRIVATE.findall(found.text)) == 3
    assert restored(found.text, found) == "a \ue000 {x} \U000f0000 b"


def test_no_text_takes_long() -> None:
    begun = time.process_time()
    for part in (
        "0",
        "<code>",
        "<code ",
        "1:",
        "1/",
        "<?",
        "<code><!--",
        "&a",
        "{",
        "{a",
        "%(",
        "a@",
        "http://",
        "1,",
        "<a ",
        "<code>",
        "&#",
        "%0",
        "a.",
        "+1",
        "{{",
        "<!--",
        "www.",
    ):
        with contextlib.suppress(InputError):
            read(part * (60_000 // len(part)))
            read("%" + part * (60_000 // len(part)) + "1a!", "xml")
    assert time.process_time() - begun < 3


def test_too_many_tags_are_refused() -> None:
    read("<br>" * 1000)
    with pytest.raises(InputError, match="more than 1,000 pairs of tags"):
        read("<br>" * 1001)
