"""All of Bibliflow that works without a screen: settings, catalogue, importing, queue and service."""
