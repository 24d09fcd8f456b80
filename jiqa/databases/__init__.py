"""Prepared databases: their builders' base, releases, downloads, reading, pristine photographs."""
