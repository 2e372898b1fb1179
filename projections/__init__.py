"""What is true now, and what was true then: folds of events into read models, and what runs them."""
