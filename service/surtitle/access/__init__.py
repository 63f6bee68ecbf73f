"""Access control: tokens, the secret they are signed with, the store of issued tokens, and rate limits."""
