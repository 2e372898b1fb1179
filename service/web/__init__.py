"""What browsers see: the sign-in's handlers, its pages, and the middlewares in front of them."""
