"""What scoring a collection costs."""
