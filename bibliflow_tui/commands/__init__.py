"""One module per group of commands. Standard output is for data; the rest goes to standard error."""
