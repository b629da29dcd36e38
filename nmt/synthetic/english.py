"""English inflection: plurals, tenses and the agreement of a verb with its subject."""

IRREGULAR_PAST = dict(
    pair.split("=")
    for pair in [
        "eat=ate",
        "drink=drank",
        "buy=bought",
        "sell=sold",
        "read=read",
        "write=wrote",
        "make=made",
        "sing=sang",
        "teach=taught",
        "meet=met",
        "know=knew",
        "see=saw",
        "find=found",
        "lose=lost",
        "draw=drew",
        "take=took",
        "ride=rode",
        "wear=wore",
        "cut=cut",
        "give=gave",
        "send=sent",
        "lend=lent",
        "go=went",
        "come=came",
        "sleep=slept",
        "swim=swam",
        "run=ran",
        "get=got",
        "say=said",
        "think=thought",
        "hear=heard",
        "have=had",
        "become=became",
    ]
)
IRREGULAR_PLURAL = {"child": "children", "man": "men", "woman": "women", "person": "people"}
DOUBLING = ("run", "swim", "get", "cut")
BE = {
    "present": {"1s": "am", "2s": "are", "3s": "is", "pl": "are"},
    "past": {"1s": "was", "2s": "were", "3s": "was", "pl": "were"},
}


def _ends_in_consonant_y(word: str) -> bool:
    return word.endswith("y") and word[-2] not in "aeiou"


def with_s(word: str) -> str:
    """Return the plural of a noun or the third person of a verb.

    >>> [with_s(word) for word in ("apple", "watch", "study", "toy", "child", "have", "go", "police officer")]
    ['apples', 'watches', 'studies', 'toys', 'children', 'has', 'goes', 'police officers']
    """
    if word in IRREGULAR_PLURAL:
        return IRREGULAR_PLURAL[word]
    if word == "have":
        return "has"
    if _ends_in_consonant_y(word):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh", "o")) and word not in ("photo", "piano") else "s")


def past(verb: str) -> str:
    """Return the past tense: went, liked, cried, waited."""
    if verb in IRREGULAR_PAST:
        return IRREGULAR_PAST[verb]
    if _ends_in_consonant_y(verb):
        return verb[:-1] + "ied"
    return verb + ("d" if verb.endswith("e") else "ed")


def ing(verb: str) -> str:
    """Return the present participle: going, making, running."""
    if verb in DOUBLING:
        return verb + verb[-1] + "ing"
    return (verb[:-1] if verb.endswith("e") and verb != "see" else verb) + "ing"


def finite(verb: str, tense: str, person: str) -> str:
    """Return the verb as its subject and its tense demand.

    >>> finite("be", "past", "pl"), finite("eat", "present", "3s"), finite("eat", "past", "1s")
    ('were', 'eats', 'ate')
    """
    if verb == "be":
        return BE[tense][person]
    if tense == "past":
        return "did" if verb == "do" else past(verb)
    return with_s(verb) if person == "3s" else verb


def article_before(word: str) -> str:
    """Return a or an."""
    return "an" if word[0] in "aeiou" else "a"
