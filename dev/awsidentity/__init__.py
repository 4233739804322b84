"""Where AWS credentials come from, on 127.0.0.1: STS, the EKS Pod Identity agent, the instance metadata.

See README.md.
"""
