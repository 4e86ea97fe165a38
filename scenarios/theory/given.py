"""What a law can be asked."""

import math


def at_least(least: int, **counts: int) -> None:
    """Raises ValueError, naming the argument, when one of them is too small for the law to mean anything."""
    for name, count in counts.items():
        if count < least:
            raise ValueError(f"{name} must be at least {least}, not {count}")


def a_share(**shares: float) -> None:
    """Raises ValueError unless each is between 0 and 1."""
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must be a share from 0 to 1, not {share}")


def a_duration(**seconds: float) -> None:
    """Raises ValueError unless each is a time that can pass."""
    for name, value in seconds.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a number of seconds, 0 or more, not {value}")


def some_weight(weights: tuple[float, ...]) -> float:
    """The sum of the weights. Raises ValueError when nobody has any, or somebody has less than none."""
    total = sum(weights)
    if not weights or min(weights) < 0 or not 0 < total < math.inf:
        raise ValueError(f"weights must be 0 or more and one of them above 0, not {weights}")
    return total
