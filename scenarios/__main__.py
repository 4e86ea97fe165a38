"""`python -m scenarios` is `lab`."""

import sys

from scenarios.cli import main

sys.exit(main())
