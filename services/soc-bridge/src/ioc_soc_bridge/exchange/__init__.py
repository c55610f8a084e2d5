"""The form in which SOC teams are told: STIX 2.1."""
