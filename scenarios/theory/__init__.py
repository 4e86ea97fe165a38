"""Closed-form laws, printed beside every measurement. Pure: numbers in, numbers out.

Each law says how it is derived and where it comes from, and is held to a simulation in tests/scenarios/test_theory*.py.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from scenarios.theory.affinity import (
    logouts_by_rolling_restart,
    lost_by_scale_in,
    lost_by_scale_out,
    lost_with_drained,
    lost_with_server,
    rate_until_login,
)
from scenarios.theory.checkout import checkout_survives, survives_deploy, survives_switch
from scenarios.theory.days import Tickets, outage_share, tickets_a_day
from scenarios.theory.hashing import moved_by_weights, moved_modulo, moved_rendezvous
from scenarios.theory.spreading import (
    keep_law,
    replace_law,
    tries_until_known,
    two_choices_bounds,
    views_with_id,
    weighted_keep_law,
)
from scenarios.theory.steady import HOLDS_WHEN, SPREADING, steady_rate
from scenarios.theory.turns import clicks_until_forgotten, lockstep_round_robin, round_robin_home, round_robin_law

__all__ = [
    "HOLDS_WHEN",
    "LAWS",
    "SPREADING",
    "Law",
    "Tickets",
    "checkout_survives",
    "clicks_until_forgotten",
    "keep_law",
    "lockstep_round_robin",
    "logouts_by_rolling_restart",
    "lost_by_scale_in",
    "lost_by_scale_out",
    "lost_with_drained",
    "lost_with_server",
    "moved_by_weights",
    "moved_modulo",
    "moved_rendezvous",
    "outage_share",
    "rate_until_login",
    "replace_law",
    "round_robin_home",
    "round_robin_law",
    "steady_rate",
    "survives_deploy",
    "survives_switch",
    "tickets_a_day",
    "tries_until_known",
    "two_choices_bounds",
    "views_with_id",
    "weighted_keep_law",
]


class Law(NamedTuple):
    """One law: its formula, what that is, and the function that works it out."""

    formula: str
    predicts: str
    function: Callable[..., Any]


LAWS = {
    "keep": Law("1 - 1/N", "logout rate: N logbooks, requests spread", keep_law),
    "replace": Law("1 - (1/V) sum N^-i", "views that meet a stranger's page when misses take the ID", replace_law),
    "clear": Law("(1/V) sum N^-(i-1)", "views that still carry an ID when misses clear it", views_with_id),
    "weights": Law("1 - sum p_i^2", "logout rate with unequal servers", weighted_keep_law),
    "two-choices": Law("1 - (2N-1)/N^2 .. 1 - 1/N^2", "logout rate of two_choices under any load", two_choices_bounds),
    "tries": Law("ln m / ln(1 - 1/N)", "tries until a living ID is found", tries_until_known),
    "lockstep": Law("1 - floor((S-1)/m)/(S-1)", "logout rate of K users in step: a trap", lockstep_round_robin),
    "turns": Law("(1/N) sum phi^j", "click j comes home, K users, round robin", round_robin_home),
    "forgotten": Law("ln w / ln abs(phi)", "clicks until 1 - 1/N holds for round robin", clicks_until_forgotten),
    "killed": Law("1/N", "sticky users out when a server dies", lost_with_server),
    "drained": Law("exp(-D/S)/N", "sticky users out when it was drained for D first", lost_with_drained),
    "scale-in": Law("1 - M/N", "sticky users out with fewer servers", lost_by_scale_in),
    "scale-out": Law("0", "sticky users out with more servers", lost_by_scale_out),
    "until-login": Law("lost min(r, Q)/Q", "logout rate of a window after a loss", rate_until_login),
    "rolling": Law(
        "(1 - 1/N)((N/(N-1))^N - 1)", "logouts that a rolling restart costs a sticky user", logouts_by_rolling_restart
    ),
    "modulo": Law("1 - gcd/max", "addresses that ip_hash moves from N to M servers", moved_modulo),
    "rendezvous": Law("1 - min/max", "addresses that rendezvous moves", moved_rendezvous),
    "reweighted": Law("1 - sum 1/sum max(w_j/w_i, v_j/v_i)", "the same with new weights", moved_by_weights),
    "checkout": Law("(1 - (1 - 1/N)^t)^V", "a checkout of V views survives, t tries each", checkout_survives),
    "switch": Law("checkout before, 1 or 0 after", "the same across a switch to a shared store", survives_switch),
    "deploy": Law("D/(D + d)", "a sticky checkout survives a deploy it meets", survives_deploy),
    "tickets": Law("n q +- sqrt(n q (1-q))", "tickets a day", tickets_a_day),
    "outage": Law("T/c' / (T/c' + (W-T)/c)", "requests that meet a store that is away", outage_share),
}
"""Every law by a short name, in the order of the story."""
