"""PostgreSQL, where the truth is kept. The only package with SQL: one module per table."""
