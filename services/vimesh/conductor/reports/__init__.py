"""Reads reports of ping actions and paces their contacts. A short way never accepts what the rules refuse."""
