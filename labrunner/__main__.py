"""`python -m labrunner` is the same as `labrunner`."""

import sys

from labrunner.cli import main

sys.exit(main())
