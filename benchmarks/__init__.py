"""How fast Bibliflow is beside other ways into the same table: ``make bench``."""
