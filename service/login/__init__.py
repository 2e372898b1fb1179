"""The browser flow without its pages: login attempts, where a sign-in may land, what initiate and callback decide."""
