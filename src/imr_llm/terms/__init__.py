"""The terms of the field: reason codes, drugs, treatments, body regions, and how they are written."""
