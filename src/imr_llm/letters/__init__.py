"""Letters: from files to kept text, cleaned text, sections and printed fields."""
