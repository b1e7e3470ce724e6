from twinkle_notifier.isolation.safe import is_dict, is_list


class Hostile:
    @property
    def __class__(self):
        raise RuntimeError


def test_guards_never_ask_a_value_for_its_class():
    """A user's object may answer `__class__` with anything, or raise."""
    assert [is_dict(value) for value in ({}, type("Own", (dict,), {})(), [], Hostile())] == [True, True, False, False]
    assert [is_list(value) for value in ([], type("Own", (list,), {})(), (), Hostile())] == [True, True, False, False]
