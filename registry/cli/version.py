"""`demand-registry version`."""

from importlib.metadata import version

import click

from registry.cli.plain_json import json_option, print_json
