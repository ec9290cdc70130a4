"""TRUTH: certified enclosures of the exact real value, and what a format makes of them."""
