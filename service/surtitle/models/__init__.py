"""From names of models to files, and from files to loaded models."""
