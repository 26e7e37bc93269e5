"""The HTML pages that nodes write: one look, no network, no script."""
