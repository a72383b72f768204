"""labrunner runs training labs for real."""

__version__ = "0.1.0"
