"""The line in locust's web UI."""

from xml.etree import ElementTree

from scenarios.load.line import height_of, picture, segments
from scenarios.load.trend import SHOWN, STEPS, Trend


def test_each_step_is_a_block_as_high_as_its_rate() -> None:
    trend = Trend()
    for with_session, logged_out in [(100, 100), (200, 150), (300, 150), (300, 150), (1300, 151)]:
        trend.sample(with_session, logged_out)
    assert str(trend) == "█▅▁·▂"  # all, half, none, nobody there, one in a thousand: not none
    assert trend.last(1) == (1000, 1)
    assert trend.last(2) == (1000, 1)
    assert trend.last(99) == (1300, 151)


def test_counting_anew_begins_a_new_line() -> None:
    trend = Trend()
    trend.sample(100, 75)
    trend.sample(10, 0)
    assert str(trend) == "▁"
    assert trend.last(5) == (10, 0)


def test_only_the_last_steps_are_kept() -> None:
    trend = Trend()
    for number in range(1, 1000):
        trend.sample(number, 0)
    assert len(trend.rates()) == STEPS
    assert len(str(trend)) == SHOWN


def test_the_line_has_gaps_where_nothing_was_measured() -> None:
    assert segments([None, 0.5, 0.25, None, 1.0]) == [[(1, 0.5), (1, 0.5), (2, 0.25)], [(4, 1.0), (4, 1.0)]]
    assert segments([None, None]) == segments([]) == []
    assert height_of(1.0) < height_of(0.5) < height_of(0.0)


def test_the_picture_is_an_image_that_says_what_it_shows() -> None:
    root = ElementTree.fromstring(picture([0.75, None, 0.0], 0.75, 2.0))
    name = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{name}title") == "Logout rate: 0.0 % now"
    assert len(root.findall(f"{name}polyline")) == 2
    assert len([line for line in root.findall(f"{name}line") if line.get("stroke-dasharray")]) == 1
    assert "0:06 ago" in [text.text for text in root.findall(f"{name}text")]
    assert ElementTree.fromstring(picture([], None, 2.0)).findtext(f"{name}title") == "Logout rate: - now"
