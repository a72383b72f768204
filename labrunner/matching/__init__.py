"""Expectation x captured output -> Match. Pure, and linear in the output: structure decides, never similarity."""

from labrunner.matching.expectation import match
from labrunner.matching.placeholders import Pattern, PatternError, compile_pattern, escape, like
from labrunner.matching.result import Match
from labrunner.matching.vacuity import problems

__all__ = ["Match", "Pattern", "PatternError", "compile_pattern", "escape", "like", "match", "problems"]
