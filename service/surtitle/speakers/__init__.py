"""Who speaks when: activity of speakers beside the words, in a process of its own."""
