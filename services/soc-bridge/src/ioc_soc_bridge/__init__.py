"""SOC bridge: security events in, incidents, STIX/TAXII out."""
