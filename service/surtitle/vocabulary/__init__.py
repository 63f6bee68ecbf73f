"""A channel's vocabulary: hints for the recognizer, replacements and masked words."""
