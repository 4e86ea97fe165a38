"""How far a measured share can be from the true one.

Wilson's score interval: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
J. Amer. Statist. Assoc. 22 (1927) 209-212, in the form of R. G. Newcombe, "Two-sided confidence intervals for the
single proportion", Statistics in Medicine 17 (1998) 857-872, method 3. Unlike the textbook's p +- z*sqrt(p(1-p)/n) it
stays inside [0, 1] and says something honest at 0 of n and n of n - the two results this lab shows most often.

It takes the trials for independent. Requests routed at random are; requests of a user who stays logged out are not,
and then the true spread is wider than this interval.
"""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """The two-sided interval (low, high) for a share, as fractions; (0, 1) when nothing was tried.

    Raises ValueError when the counts are no counts.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is not a share")
    if trials == 0:
        return (0.0, 1.0)
    share = successes / trials
    z2 = z * z
    middle = share + z2 / (2 * trials)
    spread = z * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    scale = 1 + z2 / trials
    # At 0 of n and n of n the ends are exactly 0 and 1; rounding would leave 1e-17 there.
    low = 0.0 if successes == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if successes == trials else min(1.0, (middle + spread) / scale)
    return (low, high)
