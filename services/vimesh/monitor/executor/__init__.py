"""Ping actions inside a Mistral executor. Mistral learns of every action that has ended."""
