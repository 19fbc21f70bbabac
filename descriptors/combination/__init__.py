"""Feature trees in, mutually comparable feature maps out."""
