"""The gRPC server at the driver's socket. The only package that imports grpc."""
