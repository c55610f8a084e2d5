"""The gRPC face of the SOC bridge."""
