"""A systemd of its own, and the daemon as its service."""
