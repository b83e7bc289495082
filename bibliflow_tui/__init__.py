"""The face of Bibliflow: the dashboard, and a command for everything that it can do."""
