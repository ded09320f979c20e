"""Kubernetes clusters, read through their API: objects, lists, watches. Nothing here writes.

``client`` and ``kubeconfig`` import the Kubernetes package, which takes most of a second: the composition root imports
``client`` in a thread after the first paint. Everything else in this room is light.
"""
