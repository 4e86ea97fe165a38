"""`python -m servers`: one app server until SIGTERM or Ctrl-C. Exit code 2: it could not start."""

import sys

from servers.config import ConfigError, ServerConfig
from servers.serve import run


def main() -> int:
    config = ServerConfig.parse()
    try:
        run(config, lambda address: print(f"{config.name} listens on {address}", flush=True))
    except ConfigError as problem:
        print(f"python -m servers: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
