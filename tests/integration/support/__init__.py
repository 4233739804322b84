"""What the integration tests share: resources, the operator as a process, waiting."""
