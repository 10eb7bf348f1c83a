"""Structured, grounded determinations from independent medical review letters."""
