"""Simple sentences in ten languages, each with the code of its language: for a classifier of languages.

A sentence has a subject, a verb, an object and a time or a place. The last three of every list are kept for the tests:
so their sentences share small words such as articles with those of the training, and no others. What a classifier of
characters must know is how a language looks. It is a world of few words; text of people is harder.

>>> sentences("test")[2]
('his sister sells a long coat when the weather is bad', 'en')
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

from nmt.synthetic.lexicon import rows
from nmt.synthetic.tasks import SPLITS, make_corpus

SIZES = {"train": 6000, "dev": 500, "test": 750}
# Words of each list that no training sentence has.
HELD_OUT = 3
SEED = 10

# What each language has: subjects, verbs, objects, times and places. Korean has its verb at the end.
_PARTS = {
    "de": """
mein Bruder, die Lehrerin, der Nachbar, meine Tante, der Arzt, das Mädchen, der Koch, seine Schwester, unser Großvater
kauft, sieht, sucht, bringt, findet, zeichnet, verkauft, öffnet, wäscht
ein altes Buch, den roten Apfel, die Zeitung, einen Brief, das Brot, eine Tasse Kaffee, den Schlüssel, das
  Fenster, einen Hund, die Blumen, einen langen Mantel, das Geschenk
am Morgen, in der Küche, jeden Tag, nach der Schule, im Garten, heute Abend, auf dem Markt, vor dem Haus, bei
  schlechtem Wetter
""",
    "en": """
my brother, the teacher, the neighbour, my aunt, the doctor, the girl, the cook, his sister, our grandfather
buys, sees, looks for, brings, finds, draws, sells, opens, washes
an old book, the red apple, the newspaper, a letter, the bread, a cup of coffee, the key, the window, a dog, the
  flowers, a long coat, the present
in the morning, in the kitchen, every day, after school, in the garden, this evening, at the market, in front of
  the house, when the weather is bad
""",
    "es": """
mi hermano, la maestra, el vecino, mi tía, el médico, la niña, el cocinero, su hermana, nuestro abuelo
compra, mira, busca, trae, encuentra, dibuja, vende, abre, lava
un libro viejo, la manzana roja, el periódico, una carta, el pan, una taza de café, la llave, la ventana, un
  perro, las flores, un abrigo largo, el regalo
por la mañana, en la cocina, todos los días, después de la escuela, en el jardín, esta noche, en el mercado,
  delante de la casa, cuando hace mal tiempo
""",
    "fr": """
mon frère, la maîtresse, le voisin, ma tante, le médecin, la fille, le cuisinier, sa sœur, notre grand-père
achète, regarde, cherche, apporte, trouve, dessine, vend, ouvre, lave
un vieux livre, la pomme rouge, le journal, une lettre, le pain, une tasse de café, la clé, la fenêtre, un
  chien, les fleurs, un long manteau, le cadeau
le matin, dans la cuisine, tous les jours, après l'école, dans le jardin, ce soir, au marché, devant la maison,
  quand il fait mauvais
""",
    "it": """
mio fratello, la maestra, il vicino, mia zia, il medico, la bambina, il cuoco, sua sorella, nostro nonno
compra, guarda, cerca, porta, trova, disegna, vende, apre, lava
un vecchio libro, la mela rossa, il giornale, una lettera, il pane, una tazza di caffè, la chiave, la finestra,
  un cane, i fiori, un cappotto lungo, il regalo
la mattina, in cucina, ogni giorno, dopo la scuola, nel giardino, stasera, al mercato, davanti alla casa, quando
  fa brutto tempo
""",
    "ko": """
우리 형이, 선생님이, 이웃이, 이모가, 의사가, 소녀가, 요리사가, 그의 누나가, 우리 할아버지가
산다, 본다, 찾는다, 가져온다, 발견한다, 그린다, 판다, 연다, 씻는다
오래된 책을, 빨간 사과를, 신문을, 편지를, 빵을, 커피 한 잔을, 열쇠를, 창문을, 개를, 꽃을, 긴 외투를, 선물을
아침에, 부엌에서, 날마다, 방과 후에, 정원에서, 오늘 저녁에, 시장에서, 집 앞에서, 날씨가 나쁠 때
""",
    "nl": """
mijn broer, de lerares, de buurman, mijn tante, de dokter, het meisje, de kok, zijn zus, mijn oma
koopt, ziet, zoekt, brengt, vindt, tekent, verkoopt, opent, wast
een oud boek, de rode appel, de krant, een brief, het brood, een kopje koffie, de sleutel, het raam, een hond,
  de bloemen, een lange jas, het cadeau
in de ochtend, in de keuken, elke dag, na school, in de tuin, vanavond, op de markt, voor het huis, op het platteland
""",
    "pl": """
mój brat, nauczycielka, sąsiad, moja ciotka, lekarz, dziewczyna, kucharz, jego siostra, nasz dziadek
kupuje, widzi, znajduje, przynosi, zabiera, rysuje, sprzedaje, otwiera, myje
starą książkę, czerwone jabłko, gazetę, list, chleb, filiżankę kawy, klucz, okno, psa, kwiaty, długi płaszcz, prezent
rano, w kuchni, codziennie, po szkole, w ogrodzie, dziś wieczorem, na targu, przed domem, przy złej pogodzie
""",
    "pt": """
meu irmão, a professora, o vizinho, minha tia, o médico, a menina, o cozinheiro, sua irmã, nosso avô
compra, vê, procura, traz, encontra, desenha, vende, abre, lava
um livro velho, a maçã vermelha, o jornal, uma carta, o pão, uma xícara de café, a chave, a janela, um cachorro,
  as flores, um casaco comprido, o presente
de manhã, na cozinha, todos os dias, depois da escola, no jardim, hoje à noite, no mercado, em frente da casa,
  quando faz mau tempo
""",
    "sv": """
min bror, läraren, grannen, min moster, läkaren, flickan, kocken, hans syster, vår farfar
köper, ser, söker, hämtar, hittar, ritar, säljer, öppnar, tvättar
en gammal bok, det röda äpplet, tidningen, ett brev, brödet, en kopp kaffe, nyckeln, fönstret, en hund,
  blommorna, en lång rock, presenten
på morgonen, i köket, varje dag, efter skolan, i trädgården, i kväll, på torget, framför huset, när vädret är dåligt
""",
}  # fmt: skip
LANGUAGES = tuple(_PARTS)


def sentences(split: str) -> list[tuple[str, str]]:
    """Return the sentences of a split, train, dev or test, with their languages. They are the same on every run."""
    return list(_splits()[split])


def write(folder: Path) -> None:
    """Write train.tsv, dev.tsv and test.tsv (sentence, tab, language) into a new or empty folder, all of them or none.

    Raises:
        InputError: if the folder cannot be used.
    """

    def fill(aside: Path) -> None:
        for split in SPLITS:
            lines = "".join(f"{text}\t{language}\n" for text, language in _splits()[split])
            (aside / f"{split}.tsv").write_text(lines, encoding="utf-8", newline="\n")

    make_corpus(folder, fill)


@cache
def _words(language: str) -> list[list[str]]:
    return [row.split(", ") for row in rows(_PARTS[language])]


def _sentence(random: Random, language: str, held_out: bool) -> str:
    lists = [words[-HELD_OUT:] if held_out else words[:-HELD_OUT] for words in _words(language)]
    who, does, what, when = map(random.choice, lists)
    return " ".join((when, who, what, does) if language == "ko" else (who, does, what, when))


@cache
def _splits() -> dict[str, tuple[tuple[str, str], ...]]:
    random = Random(SEED)
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    taken: set[str] = set()
    for split in SPLITS:
        made: dict[str, str] = {}
        while len(made) < SIZES[split]:
            language = LANGUAGES[len(made) % len(LANGUAGES)]
            text = _sentence(random, language, split == "test")
            if text not in taken:
                made.setdefault(text, language)
        taken.update(made)
        listed = list(made.items())
        random.shuffle(listed)
        found[split] = tuple(listed)
    return found
