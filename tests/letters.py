"""Where tests find letters: the project's own samples, and the shared real ones where they are at hand."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples" / "letters"
SAMPLE_GOLD = ROOT / "samples" / "gold.jsonl"
SHARED = ROOT.parent / "shared"

needs_real_letters = pytest.mark.skipif(
    not (SHARED / "letters" / "dev").is_dir(), reason="the real letters of ../shared are not at hand"
)
