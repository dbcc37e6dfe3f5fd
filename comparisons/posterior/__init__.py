"""The posterior beside the maximum."""
