"""What commands share: options, and the objects that they stand for."""
