"""What is true of a VIM beyond its status: conditions in Kubernetes' shape, and the certificate that it shows."""
