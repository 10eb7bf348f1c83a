"""The static pieces of a prompt that come from the vocabularies, so that a prompt file need not repeat them."""

from __future__ import annotations

from imr_llm.llm.prompts import Prompt, placeholders
from imr_llm.rules.contradictions import load_topics
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import treatment_values


def describe_statics(prompt: Prompt) -> dict[str, str]:
    """The static values that this prompt's system part asks for."""
    makers = {
        "reason_codes": describe_reason_codes,
        "treatment_categories": describe_treatments,
        "contradiction_topics": describe_topics,
    }
    return {name: makers[name]() for name in placeholders(prompt.system)}


def describe_reason_codes() -> str:
    """One line a code: what it means. Denial codes first."""
    lines = []
    for polarity, heading in (("denial", "Denial codes:"), ("overturn", "Overturn codes:")):
        lines.append(heading)
        lines += [
            f"- {code.code}: {code.definition}" for code in load_taxonomy().codes.values() if code.polarity == polarity
        ]
    return "\n".join(lines)


def describe_treatments() -> str:
    """One line a category with its subcategories."""
    return "\n".join(f"- {category}: {', '.join(values)}" for category, values in treatment_values().items())


def describe_topics() -> str:
    """One line a topic of contradiction: what the summary states and the rationale denies."""
    return "\n".join(f"  - {topic.topic}: {topic.definition}" for topic in load_topics())
