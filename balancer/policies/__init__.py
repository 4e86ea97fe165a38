"""Every policy, by the name it has on the command line. Made with a random.Random, and a secret for cookies."""

from collections.abc import Callable
from random import Random

from balancer.policies.base import Policy
from balancer.policies.ip_hash import IpHash
from balancer.policies.least_busy import LeastBusy
from balancer.policies.random_pick import RandomPick
from balancer.policies.rendezvous import Rendezvous
from balancer.policies.round_robin import RoundRobin
from balancer.policies.sticky_cookie import StickyCookie
from balancer.policies.two_choices import TwoChoices

POLICIES: dict[str, Callable[[Random, bytes], Policy]] = {
    "round_robin": lambda rng, secret: RoundRobin(),
    "random": lambda rng, secret: RandomPick(rng),
    "least_busy": lambda rng, secret: LeastBusy(),
    "two_choices": lambda rng, secret: TwoChoices(rng),
    "ip_hash": lambda rng, secret: IpHash(),
    "rendezvous": lambda rng, secret: Rendezvous(),
    "sticky_cookie": lambda rng, secret: StickyCookie(secret),
}
