"""What happened: the catalogue of events, the decisions that make them, the store that keeps them."""
