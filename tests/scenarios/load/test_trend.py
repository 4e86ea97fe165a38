"""The line in locust's web UI."""

from scenarios.load.trend import STEPS, Trend


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
    assert len(str(trend)) == STEPS
