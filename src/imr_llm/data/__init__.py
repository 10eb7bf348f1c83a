"""Vocabularies, patterns and models of the package."""

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """As `yaml.safe_load`, by libyaml where PyYAML has it: ten times as fast, and most of a first question's time."""
    return yaml.load(text, Loader=_LOADER)  # a safe loader
