"""The lines of words and of lists' items: any TOML that tomllib takes, with words where none is meant."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from balancer.settings.config_file import places

# Values, and in which of their lines each item begins.
VALUES = st.sampled_from(
    [
        ("1", []),
        ('"a = 1 # b = 2 \\" \'"', []),
        ("'c = \"'", []),
        ('"""\na = 1\nb = """', []),
        ('"""x\\""" ""\\\\"""', []),
        ('""""a""b"""""', []),
        ("'''\nc = [\n''d'''''", []),
        ("[]", []),
        ("[ 1, [2,\n3], {a = [4]}, ]", [0, 0, 1]),
        ("[ # [ \"\n\n \"a = ]\", # x, y\n\n'''\n,''' , 3 # ]\n]", [2, 4, 5]),
        ('{ a = [1], b = "}" }', []),
        ("2026-01-01T00:00:00Z", []),
        ("0xf", []),
        ("inf", []),
    ]
)
NAMES = st.sampled_from(["a", "b-c", "d_e", "1", '"f g"', "'h = '", '"i\\u0020#"', "-"])
FILLERS = st.sampled_from(["", "\n", "# a = 1\n", "  # '''\n", "\n\n", '\t# "\n'])
SPACES = st.sampled_from(["", " ", "\t "])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, tuple[int, list[int]]]]:
    """A TOML text, and where its words stand."""
    text, expected, inside = "", {}, False
    for name in draw(st.lists(NAMES, unique=True, max_size=6)):
        text += draw(FILLERS)
        line = text.count("\n") + 1
        key = next(iter(tomllib.loads(f"{name} = 1")))
        if draw(st.integers(0, 5)) == 0:
            left, right = draw(st.sampled_from([("[", "]"), ("[[", "]]"), ("[ ", " ] # [x]"), ("[", ".x ]")]))
            text += f"{left}{name}{right}\n"
            inside = True
            expected[key] = (line, [])
            continue
        value, items = draw(VALUES)
        dotted = draw(st.sampled_from(["", ".x", " . 'y = '"]))
        comment = draw(st.sampled_from(["", " # z = 1"]))
        text += f"{draw(SPACES)}{name}{dotted}{draw(SPACES)}={draw(SPACES)}{value}{comment}\n"
        if not inside:
            expected[key] = (line, [line + item for item in items])
    return text + draw(FILLERS), expected


@given(documents())
def test_words_and_items_have_their_lines(document: tuple[str, dict[str, tuple[int, list[int]]]]) -> None:
    text, expected = document
    table = tomllib.loads(text)
    found = places(text)
    assert found.keys() == table.keys() == expected.keys()
    for key, (line, items) in expected.items():
        assert found[key].line == line
        if isinstance(table[key], list) and isinstance(table[key][0] if table[key] else 1, (int, str)):
            assert found[key].items == items
