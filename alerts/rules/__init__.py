"""The operator's own rules: which documents count, how many are too many, and when that is told."""
