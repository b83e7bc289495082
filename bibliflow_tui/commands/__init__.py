"""One module per group of commands. What is printed on standard output is data; the rest goes to standard error."""
