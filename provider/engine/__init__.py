"""Reads secrets as an identity, with as few calls as possible.

It knows neither front door, nor Kubernetes resources, nor AWS's wire format.
"""
