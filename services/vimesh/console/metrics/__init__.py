"""What Prometheus reads of a console process."""
