"""The sample letters (fictitious, written for this project) and their labels."""
