"""Notary v1 (TUF): what signed metadata is valid, and what a registry signs itself. HTTP is `acr.trust`'s business."""
