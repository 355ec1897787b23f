"""Engines that run ping actions as workflows: what is asked of one, and Mistral.

Read `workflow_engine` for the interface and `mistral_engine` for what implements it. Only this package imports
Mistral's client. Every call to Mistral is bounded in time and in the size of its answer.
"""
