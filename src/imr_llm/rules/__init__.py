"""The rules extractor: what a letter says, read without a model."""
