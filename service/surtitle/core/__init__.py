"""The base of all other folders: errors, settings, logging, threads, processes, words. Imports no other folder."""
