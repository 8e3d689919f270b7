"""`make demo`: a node with everything around it on loopback, and the provider at work on it.

Real are the daemon, its socket and what goes over it. Emulated are AWS (moto), the Kubernetes API,
the EKS Pod Identity agent, kubelet and the driver (testbed).
"""
