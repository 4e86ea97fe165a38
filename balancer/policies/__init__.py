"""Every policy, by the name it has on the command line."""

from collections.abc import Callable

from balancer.policies.base import Policy, PolicyOptions
from balancer.policies.ip_hash import IpHash
from balancer.policies.least_busy import LeastBusy
from balancer.policies.random_pick import RandomPick
from balancer.policies.rendezvous import Rendezvous
from balancer.policies.round_robin import RoundRobin
from balancer.policies.sticky_cookie import StickyCookie
from balancer.policies.two_choices import TwoChoices

POLICIES: dict[str, Callable[[PolicyOptions], Policy]] = {
    "round_robin": lambda options: RoundRobin(),
    "random": lambda options: RandomPick(options.rng),
    "least_busy": lambda options: LeastBusy(),
    "two_choices": lambda options: TwoChoices(options.rng),
    "ip_hash": lambda options: IpHash(),
    "rendezvous": lambda options: Rendezvous(),
    "sticky_cookie": lambda options: StickyCookie(options, POLICIES[options.sticky.fallback](options)),
}
