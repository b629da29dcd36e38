"""The encodings of text files."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from nmt.data.corpora import from_tsv
from nmt.errors import InputError
from nmt.text_encoding import decode, decode_start, seems


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_named_with_the_way_out(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes("go\tgeh\n".encode(encoding))
    with pytest.raises(InputError, match=r"line 1 is in UTF-\d\d.*: iconv -f UTF-") as refusal:
        from_tsv(path)
    # The command that it says.
    name = str(refusal.value).partition("iconv -f ")[2].split()[0]
    assert subprocess.run(["iconv", "-f", name, "-t", "UTF-8", path], stdout=subprocess.PIPE).stdout == b"go\tgeh\n"


# Letters beyond ASCII alone do not tell the encodings of Russian and of East Asia apart.
KOREAN, JAPANESE, CHINESE, RUSSIAN = (
    "나는 밥을 먹었다.",
    "私はご飯を食べました。東京都で会議が開催された。",
    "我吃了饭。",
    "Я съел рис. Он ушёл домой, потому что было уже поздно.",
)
UKRAINIAN = "Він пішов додому, бо було вже пізно. Завтра ми підемо до школи."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN, "EUC-KR"), (JAPANESE, "SHIFT_JIS"), (JAPANESE, "EUC-JP"), (CHINESE, "GB18030"), (RUSSIAN, "KOI8-R"),
        (RUSSIAN, "WINDOWS-1251"), ("Où ça ?", "WINDOWS-1252"),
        ("Où ça ? Déjà vu, l’été à la mer.", "WINDOWS-1252"), ("L’été à la mer.", "WINDOWS-1252"),
        ("Är du så gå på å i å.", "WINDOWS-1252"),
    ],
)  # fmt: skip
def test_an_encoding_is_named_among_plain_letters_too(text: str, encoding: str) -> None:
    assert seems(text.encode(encoding)) == encoding
    assert seems(f"<p class='a few plain letters'>{text}</p>".encode(encoding)) == encoding


@pytest.mark.parametrize(
    ("encodings", "text"),
    [
        ("cp1251 koi8-r", "Я съел рис. Он ушёл домой, потому что было уже поздно. Завтра мы пойдём в школу."),
        ("cp1251 koi8-r", "МОСКВА ГОВОРИТ И ПОКАЗЫВАЕТ. ВСЕ ПРАВА ЗАЩИЩЕНЫ."),
        ("cp1251 koi8-r", "МОСКВА ГОВОРИТ"),
        ("cp1251 koi8-u", UKRAINIAN),
        ("cp874 tis-620", "ฉันกินข้าวกับเพื่อนที่บ้าน วันนี้อากาศดีมาก"),
        ("cp874", "ฉันกินข้าว"),
        ("cp1250 iso-8859-2", "Zażółć gęślą jaźń. Wczoraj byłem w sklepie i kupiłem świeże bułki."),
        ("cp1250 iso-8859-2", "Příliš žluťoučký kůň úpěl ďábelské ódy. Dnes je hezké počasí."),
        ("cp1250 iso-8859-2", "Árvíztűrő tükörfúrógép. Ma szép idő van, ezért elmentünk a parkba sétálni."),
        ("cp1250", "Źdźbło trawy, święty żółw."),
        ("cp1252", "Les élèves ont mangé à midi, puis ils sont allés à l’école."),
        ("cp1252", "El niño comió arroz y después se fue a su casa. ¿Mañana?"),
        ("cp1253", "Καλημέρα σας, τι κάνετε;"),
        ("cp1254", "Bugün hava çok güzel olduğu için parka gittik. Çocuklar ağaçların altında oynuyor."),
        ("cp1255", "שלום לכולם, מה נשמע? היום מזג האוויר יפה"),
        ("cp1256", "مرحبا بكم في البيت"),
        ("cp1257", "Šiandien oras gražus, todėl nuėjome į parką su draugais. Ąžuolas žydi."),
        ("euc-kr cp949", "오늘은 날씨가 좋아서 공원에 갔다."),
        ("cp949", "똠방각하를 봤다. 그 사람은 펲시콜라를 마시고 있었다."),
        ("big5", "今天天氣很好，我們去公園散步。"),
    ],
)
def test_whoever_converts_by_the_name_gets_the_text(encodings: str, text: str) -> None:
    """Several encodings may give the same text, so the text is compared, alone and among tags."""
    for encoding in encodings.split():
        for line in (text, f"<p class='a few plain letters'>{text}</p>"):
            raw = line.encode(encoding)
            assert raw.decode(seems(raw)) == line


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It costs £5 a day.", "cp1252"), ("© 2020 Jones", "cp1252"), ("The price is 5 € now. He said “no”.", "cp1252"),
        ("밥", "cp949"), ("네", "cp949"), ("我们", "gb18030"), ("世界", "gb18030"), ("où est l'été", "mac-roman"),
        ("Привет, как дела? Я дома.", "iso8859-5"), ("ушёл домой,", "cp1251"), ("ありがとう コンピューター", "euc-jp"),
        # Encodings that are not named, and could be taken for others.
        (RUSSIAN, "mac-cyrillic"), (UKRAINIAN, "iso8859-5"), ("Отишли смо у кафић јер је било хладно.", "iso8859-5"),
        ("Πήγαμε στο καφενείο γιατί έκανε κρύο. Είπε ότι αύριο θα βρέξει.", "mac-greek"),
        ("Comió en el café que está aquí.", "mac-roman"),
        ("Wir hörten früh die Mädchen, die schöne Töne über alles lieben.", "mac-roman"),
        ("Les élèves ont mangé à midi, puis ils sont allés à l'école.", "cp850"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy. Dnes je hezké počasí.", "cp852"),
    ],
)  # fmt: skip
def test_little_evidence_and_encodings_that_are_not_known_name_none(text: str, encoding: str) -> None:
    assert seems(text.encode(encoding)) == ""
    with pytest.raises(InputError, match=r"Which encoding it is in is not known\. Convert the text to UTF-8"):
        decode(text.encode(encoding), "a.txt")


def test_a_few_accents_may_be_in_the_commonest_encoding() -> None:
    with pytest.raises(InputError, match=r"It may be WINDOWS-1252: .* Look whether it reads right"):
        decode("un café".encode("cp1252"), "a.txt")


def test_a_fault_far_inside_a_file_is_looked_at() -> None:
    raw = b"I ate rice.\n" * 10_000 + "Où ça ? Les élèves ont mangé à midi.".encode("cp1252")
    with pytest.raises(InputError, match=r"line 10001: byte 2 .* It seems to be WINDOWS-1252"):
        decode(raw, "a.txt")
    assert seems(bytes(range(256)) * 20) == seems("나는 밥을 먹".encode()[:-1] + b"\n") == ""


def test_a_long_line_of_letters_takes_little_time() -> None:
    begun = time.process_time()
    assert seems(b"a" * 2**16) == ""
    assert {seems(b"a" * 60_000 + end + "né".encode("cp1252")) for end in (b"", b"\n")} == {"WINDOWS-1252"}
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("text", ["", "a", "가나", "a\0b", "\0"])
def test_utf_8_is_read_with_and_without_the_mark(text: str) -> None:
    assert decode_start(text.encode(), "a file") == decode_start(text.encode("utf-8-sig"), "a file") == text
