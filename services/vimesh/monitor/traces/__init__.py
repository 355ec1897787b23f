"""What a requested round has seen, step by step, for people who want to know why."""
