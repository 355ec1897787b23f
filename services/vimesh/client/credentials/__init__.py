"""Decides where a front is and what to show there, and keeps that valid."""
