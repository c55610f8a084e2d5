"""TAXII 2.1: incidents as STIX objects for the tools of security teams."""
