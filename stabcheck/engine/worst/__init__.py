"""Search for the worst: a part of the effort makes errors larger instead of spreading out."""
