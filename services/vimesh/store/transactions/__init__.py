"""Defines the Database interface for the rest of the store, and what driver errors mean. Imports no driver."""
