"""Every policy, by the name it has on the command line. Each is made with a seeded random.Random."""

import random
from collections.abc import Callable

from balancer.policies.base import Policy
from balancer.policies.ip_hash import IpHash
from balancer.policies.least_busy import LeastBusy
from balancer.policies.random_pick import RandomPick
from balancer.policies.rendezvous import Rendezvous
from balancer.policies.round_robin import RoundRobin
from balancer.policies.sticky_cookie import StickyCookie
from balancer.policies.two_choices import TwoChoices

POLICIES: dict[str, Callable[[random.Random], Policy]] = {
    "round_robin": RoundRobin,
    "random": RandomPick,
    "least_busy": LeastBusy,
    "two_choices": TwoChoices,
    "ip_hash": IpHash,
    "rendezvous": Rendezvous,
    "sticky_cookie": StickyCookie,
}
