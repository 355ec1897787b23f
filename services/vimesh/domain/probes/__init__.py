"""Probes that somebody asks for, besides those of ping actions."""
