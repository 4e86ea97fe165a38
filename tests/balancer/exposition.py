"""A strict reader of Prometheus' text format 0.0.4: what it lets pass, Prometheus reads as it is meant."""

import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^\n]*)\})? (-?[0-9]+(?:\.[0-9]+)?)")


@dataclass
class Family:
    """All samples of one metric, by their labels."""

    kind: str
    help: str
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    @property
    def labels(self) -> set[str]:
        return {name for labels in self.samples for name, _ in labels}


def read(text: str) -> dict[str, Family]:
    """Families by name. AssertionError with the line that no reader must be asked to understand."""
    assert text.endswith("\n"), "the last line ends like every other"
    families: dict[str, Family] = {}
    helped, current = "", ""
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        if line.startswith("# HELP "):
            _, _, helped, meaning = line.split(" ", 3)
            assert NAME.fullmatch(helped), line
            assert meaning.strip(), line
            kind_line = next(lines, "")
            _, what, current, kind = kind_line.split(" ")
            assert (what, current) == ("TYPE", helped), kind_line
            assert kind in ("counter", "gauge"), kind_line
            assert (kind == "counter") is current.endswith("_total"), kind_line
            assert current not in families, f"{current} is announced twice"
            families[current] = Family(kind, meaning)
            continue
        match = SAMPLE.fullmatch(line)
        assert match is not None, line
        assert match[1] == current, f"{line}: not below its own TYPE"
        labels = tuple(sorted(labels_of(match[2] or "").items()))
        assert labels not in families[current].samples, f"{line}: told twice"
        families[current].samples[labels] = float(match[3])
    return families


def labels_of(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match is not None, text
        assert match[1] not in labels, text
        labels[match[1]] = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], match[2])
        at = match.end()
    return labels
