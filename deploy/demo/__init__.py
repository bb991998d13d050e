"""The demonstration: a bundled stream through the whole pipeline."""
