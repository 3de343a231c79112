"""Checks of files that can be interrupted: what was paid for is kept on this machine until the result is written."""
