"""The language-model path: prompts, one door to the endpoint, answers, and what becomes of them."""
