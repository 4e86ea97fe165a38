"""`python -m balancer`: a balancer until SIGTERM or Ctrl-C; exit code 2 and one line a problem when it cannot start."""

import sys

from balancer.asking import answer
from balancer.processes.serve import run
from balancer.settings.options import parse, summary
from balancer.settings.problems import ConfigError


def main() -> int:
    config, check, question = parse()
    if check:
        print(summary(config))
    elif question is None:
        scheme = "https" if config.tls_certificate else "http"
        again = [sys.executable, *sys.orig_argv[1:]]
        run(config, lambda address: print(f"balancer listening on {scheme}://{address}", flush=True), again)
    else:
        try:
            lines, served = answer(config, question)
        except ConfigError as problem:
            print(f"python -m balancer: {problem}", file=sys.stderr)
            return 2
        print(*lines, sep="\n")
        return 0 if served else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
