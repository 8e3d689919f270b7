"""The world around the daemon, made of loopback sockets: for tests, demo and benchmarks.

Nothing in here is shipped. It fakes what the daemon talks to (AWS, the Kubernetes API, the EKS Pod
Identity agent, a proxy) and who talks to it (the Secrets Store CSI driver). What is emulated, from
which page of AWS, and how moto differs: docs/emulation.md.
"""
