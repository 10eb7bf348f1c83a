"""Settings: flag, then environment, then default; keys stay out of sight."""

from pathlib import Path

import pytest

from imr_llm.errors import ConfigurationError
from imr_llm.settings import read_settings


def test_defaults() -> None:
    settings = read_settings({})
    assert settings.library == Path("imr-library")
    assert settings.model is None
    assert settings.extractor == "auto"
    assert settings.embeddings == "builtin"
    assert settings.concurrency == 4


def test_the_environment_beats_the_default_and_a_flag_beats_both() -> None:
    environment = {"IMR_LIBRARY": "a", "IMR_MODEL": "m", "IMR_CONCURRENCY": "7", "IMR_EXTRACTOR": "rules"}
    assert read_settings(environment).concurrency == 7
    settings = read_settings(environment, library="b", model="n", extractor="llm", concurrency=2)
    assert (settings.library, settings.model, settings.extractor, settings.concurrency) == (Path("b"), "n", "llm", 2)


def test_the_key_falls_back_and_is_never_shown() -> None:
    assert read_settings({"OPENAI_API_KEY": "sk-other"}).api_key == "sk-other"
    settings = read_settings({"OPENAI_API_KEY": "sk-other", "IMR_API_KEY": "sk-mine"})
    assert settings.api_key == "sk-mine"
    assert "sk-" not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"IMR_CONCURRENCY": "many"}, "IMR_CONCURRENCY"),
        ({"IMR_CONCURRENCY": "0"}, "IMR_CONCURRENCY"),
        ({"IMR_EXTRACTOR": "magic"}, "extractor"),
        ({"IMR_TIMEOUT": "soon"}, "IMR_TIMEOUT"),
        ({"IMR_TIMEOUT": "0"}, "IMR_TIMEOUT"),
    ],
)
def test_a_wrong_value_names_its_variable(environment: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings(environment)


@pytest.mark.parametrize(("model", "local"), [("gpt-5-mini", False), ("models/small.GGUF", True), (None, False)])
def test_a_gguf_file_runs_here(model: str | None, local: bool) -> None:
    assert read_settings({}, model=model).runs_locally is local


def test_a_local_file_may_take_its_time() -> None:
    assert read_settings({}, model="gpt-5-mini").timeout == 180
    assert read_settings({}, model="small.gguf").timeout == 1800
    assert read_settings({"IMR_TIMEOUT": "600"}, model="small.gguf").timeout == 600
