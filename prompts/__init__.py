"""The prompt files, versioned; how they are written: the docstring of imr_llm.llm.prompts."""
