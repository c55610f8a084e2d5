"""gRPC in front of the handlers."""
