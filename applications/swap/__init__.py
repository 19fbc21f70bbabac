"""Instance swap: the appearance of one object in the shape and pose of another."""
