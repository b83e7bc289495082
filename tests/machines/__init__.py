"""Several daemons on one queue: homes on this machine stand for machines."""
