"""Who may do what: tokens, the secret they are signed with, which were given out, and what is refused."""
