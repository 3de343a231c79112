"""The audit log as outsiders see it, over HTTP: reading it, verifying its tiles, and witnessing its checkpoints.

Needs no API key, and none of the server's packages.
"""
