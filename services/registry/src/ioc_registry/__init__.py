"""Registry: tenants, areas, agencies, sources, contracts, series, devices."""
