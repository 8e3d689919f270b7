"""The door: the driver's gRPC socket, and health and metrics over HTTP. Only importer of grpc."""
