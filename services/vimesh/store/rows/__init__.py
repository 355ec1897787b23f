"""Converts between rows and the values of the domain. Rows contain credentials only in encrypted form."""
