"""Reusable views. They know models and vocabulary, never a client, a store or the network."""
