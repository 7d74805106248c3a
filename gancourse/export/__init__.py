"""A trained generator as one file: `write` makes it (with torch), `serve` draws samples from it (without)."""
