import pytest

from rlgen.checks.laws import Finding, Law, raise_first, try_laws
from rlgen.errors import CheckError


def small(part):
    if part > 3:
        yield f"{part} is above 3; take a smaller one"


def whole(part):
    yield from ()
    if part % 1:
        raise ValueError("a\nbroken number")


LAWS = (Law("it is small", small, basic=True), Law("it is whole", whole))


def test_laws_are_tried_in_order_up_to_a_broken_basic_one():
    assert list(try_laws(2, LAWS)) == [Finding("it is small", ()), Finding("it is whole", ())]
    assert list(try_laws(4.5, LAWS)) == [Finding("it is small", ("4.5 is above 3; take a smaller one",))]


def test_what_a_trial_raises_is_a_fault_in_one_line():
    _, found = try_laws(1.5, LAWS)
    assert found.faults[0].startswith("ValueError at test_laws.py:")
    assert found.faults[0].endswith("(a broken number), where it is whole")


def test_the_first_fault_is_raised():
    raise_first(try_laws(2, LAWS))
    with pytest.raises(CheckError, match="4 is above 3; take a smaller one"):
        raise_first(try_laws(4, LAWS))


def test_every_checker_is_had_from_the_room():
    import rlgen.checks

    for name in ("generator", "recognizer", "reward", "users", "vec_env"):
        for word in ("check", "try"):
            assert callable(getattr(rlgen.checks, f"{word}_{name}"))
