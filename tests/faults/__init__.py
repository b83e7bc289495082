"""Imports while daemon, workers, server and connections die, compared with undisturbed ones."""
