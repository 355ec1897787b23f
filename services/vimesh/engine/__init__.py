"""Engines that run ping actions as workflows: their interface, and Mistral.

Read `workflow_engine` for the interface and `mistral_engine` for its implementation. Only this package imports
Mistral's client. Every call to Mistral is bounded in time and in the size of its answer.
"""
