"""`python -m balancer`: a balancer until SIGTERM or Ctrl-C; exit code 2 and one line a problem when it cannot start."""

import sys

from balancer.options import parse, summary
from balancer.serve import run

if __name__ == "__main__":
    config, check = parse()
    if check:
        print(summary(config))
    else:
        scheme = "https" if config.tls_certificate else "http"
        again = [sys.executable, *sys.orig_argv[1:]]
        run(config, lambda address: print(f"balancer listening on {scheme}://{address}", flush=True), again)
