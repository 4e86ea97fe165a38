"""`python -m balancer`: one balancer until SIGTERM or Ctrl-C. Exit code 2: it could not start, and one line says why."""

from balancer.config import BalancerConfig
from balancer.serve import run

if __name__ == "__main__":
    run(BalancerConfig.parse(), lambda address: print(f"balancer listening on http://{address}", flush=True))
