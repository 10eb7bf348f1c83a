"""The eval harness: gold sets, recorded runs, scores, comparisons, reports, and a gate.

Running is apart from scoring. A run is a folder: a library (letters, reviews, failures), every exchange with a model,
and a manifest that says how it was made. A score is made from a run and a gold set, as often as one likes, without a
model; comparing, reporting and gating read scores.
"""
