"""The folder that is watched: what is in it, who takes it, where it ends."""
