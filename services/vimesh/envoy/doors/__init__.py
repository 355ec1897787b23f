"""The front's other protocols: JSON, Connect and health. All of them lead to the same calls."""
