"""Defines the Database interface for the rest of the store, and classifies driver errors. Imports no driver."""
