"""Databases as rows and crops: index, protocols, sampling, pipeline, contents, distortions."""
