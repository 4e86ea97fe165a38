"""`python -m balancer`: a balancer until SIGTERM or Ctrl-C; exit code 2 and one line when it cannot start."""

from balancer.config import BalancerConfig
from balancer.serve import run

if __name__ == "__main__":
    run(BalancerConfig.parse(), lambda address: print(f"balancer listening on http://{address}", flush=True))
