"""What is a fault of a line, and what the line becomes."""

from nmt.doctor.mend import has_entities, mended


def test_a_number_too_long_for_a_character_is_no_entity() -> None:
    for line in (f"&#{'1' * 5000};", f"&#x{'1' * 5000};"):
        assert not has_entities(line)
        assert mended(line, ["entities"]) == (line, ())
    assert mended("&#000044032;&#x0000AC01;", ["entities"]) == ("가각", ("entities",))
