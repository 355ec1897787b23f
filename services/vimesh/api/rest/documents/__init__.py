"""Reads and writes the documents in requests and answers, in Tacker's form. Makes no calls to conductors."""
