"""One file into books and row errors. Knows no queue and no screen."""
