"""The gRPC server at the socket. The only package that imports grpc and the generated code."""
