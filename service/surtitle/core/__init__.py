"""What everything else stands on: errors, settings, logging, threads, processes, words. Imports no other folder."""
