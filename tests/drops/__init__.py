"""Many files, and many kills, in the inbox: the long form of what the suite tries with few."""
