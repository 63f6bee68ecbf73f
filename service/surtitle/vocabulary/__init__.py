"""Words to words: a channel's own vocabulary, replacements and masks."""
