"""Runs ping actions inside a Mistral executor. Mistral is notified of every action that has ended."""
