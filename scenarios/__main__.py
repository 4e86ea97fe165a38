"""`python -m scenarios` is `lab`."""

import sys

INTERRUPTED = 128 + 2


def main() -> int:
    """Ctrl-C says nothing, not even while the modules are being imported."""
    try:
        from scenarios import cli

        return cli.main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
